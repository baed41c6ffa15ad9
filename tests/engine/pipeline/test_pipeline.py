"""The pipeline by itself: order, bounds, faults, targets, steering, resuming; models answer at once, in any order."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.config.run_config import RunConfig
from engine.jobs.control import Control
from engine.stages.contamination import Benchmark
from store.errors import StoreError
from store.records import STAGES, Question, Record, Solution, Verdict
from tests.engine.pipeline.instant import InstantScore, InstantText, dies_after, item_fault
from tests.engine.pipeline.run import Ran, config, models, run


def with_role(cfg: RunConfig, role: str, **changes: Any) -> RunConfig:
    if role == "generator":
        generators = tuple(replace(g, **changes) for g in cfg.profile.generators)
        return replace(cfg, profile=replace(cfg.profile, generators=generators))
    return replace(cfg, profile=replace(cfg.profile, **{role: replace(getattr(cfg.profile, role), **changes)}))  # type: ignore[arg-type]


def reasons(ran: Ran, stage: str) -> set[str | None]:
    return {v.reason for v in ran.verdicts if v.stage == stage and not v.kept}


def after_pairs(count: int, call: Callable[[], None]) -> Callable[[list[Record]], None]:
    """A ``put`` that calls once so many pairs are there: a moment in the middle of a run, however fast the machine."""
    seen = 0

    def put(rows: list[Record]) -> None:
        nonlocal seen
        seen += sum(isinstance(row, Verdict) and row.stage == "pair" for row in rows)
        if seen >= count:
            call()

    return put


def test_every_question_ends_in_one_verdict_chain_without_gaps() -> None:
    ran = run(config(questions=120))
    assert ran.outcome.status == "done"
    assert sorted(q.idx for q in ran.questions) == list(range(120))
    for question in ran.questions:
        chain = [v for v in ran.verdicts if v.question_id == question.question_id]
        assert [v.stage for v in chain] == list(STAGES[: len(chain)])
        assert all(v.kept for v in chain[:-1])
        assert not chain[-1].kept or chain[-1].stage == "pair"


def test_a_pair_has_all_its_solutions_rewards_and_labels() -> None:
    ran = run(config(questions=60))
    for pair in ran.pairs:
        assert [s.sample for s in ran.solutions if s.question_id == pair] == [0, 1, 2, 3, 4]
        assert sum(r.solution_id.startswith(pair) for r in ran.rewards) == 5
        assert {la.key for la in ran.labels if la.question_id == pair} >= {
            "topic",
            "chosen",
            "agreement",
            "majority_answer",
        }


def test_the_same_seed_gives_the_same_content_and_another_seed_another() -> None:
    first, second, other = (run(config(questions=100, seed=seed)) for seed in (1, 1, 2))
    assert first.content == second.content
    assert {q.text for q in first.questions} != {q.text for q in other.questions}


def test_the_lowest_idx_of_duplicates_wins_whatever_order_they_come_in() -> None:
    ran = run(config(questions=200))
    texts = {q.question_id: q.text for q in sorted(ran.questions, key=lambda q: q.idx)}
    first: dict[str, str] = {}
    for question_id, text in texts.items():
        first.setdefault(text, question_id)
    dropped = {v.question_id for v in ran.verdicts if v.stage == "duplicate" and not v.kept}
    assert dropped == {q for q, text in texts.items() if first[text] != q}
    assert dropped
    assert reasons(ran, "duplicate") == {"exact_duplicate"}


def test_one_step_is_written_in_one_piece() -> None:
    ran = run(config(questions=60))
    for chunk in ran.chunks:
        asked = {row.question_id for row in chunk if isinstance(row, Question)}
        judged = {row.question_id for row in chunk if isinstance(row, Verdict) and row.stage == "language"}
        assert asked == judged
        solved = {row.question_id for row in chunk if isinstance(row, Solution)}
        assert solved == {row.question_id for row in chunk if isinstance(row, Verdict) and row.stage == "solution"}


def test_no_model_gets_more_than_its_window_and_questions_do_not_pile_up() -> None:
    class Counting(InstantText):
        most = now = 0

        def submit(self, requests: Any, on_done: Any, on_text: Any = None) -> None:
            self.now += len(requests)
            self.most = max(self.most, self.now)

            def done(result: Any) -> None:
                self.now -= 1
                on_done(result)

            super().submit(requests, done)

    solver = Counting("solution", window=10, delay=0.001)
    generator = Counting("question", window=8)
    ran = run(config(questions=100), models(generators=(generator, generator), solver=solver))
    assert ran.outcome.status == "done"
    assert solver.most <= 10
    assert generator.most <= 16
    # bounded: when the first pair is there, far from all questions have been asked for
    first_pair = next(
        i for i, chunk in enumerate(ran.chunks) for r in chunk if isinstance(r, Verdict) and r.stage == "pair"
    )
    asked = sum(isinstance(row, Question) for chunk in ran.chunks[: first_pair + 1] for row in chunk)
    assert asked < 60


@pytest.mark.parametrize("windows", [(1, 1), (3, 1), (1, 50), (64, 2)])
def test_any_windows_reach_the_end(windows: tuple[int, int]) -> None:
    many, few = windows
    live = models(
        generators=(InstantText("question", window=many), InstantText("question", window=few)),
        judge=InstantScore("judge", window=few),
        solver=InstantText("solution", window=few),
        reward=InstantScore("reward", window=many),
    )
    ran = run(config(questions=50), live)
    assert ran.outcome.status == "done"
    assert ran.content == run(config(questions=50)).content


def test_accepted_keeps_exactly_the_pairs_of_lowest_idx() -> None:
    everything = run(config(questions=150))
    for wanted in (1, 20, 55):
        ran = run(config(accepted=wanted))
        assert ran.pairs == everything.pairs[:wanted]
        assert ran.content == run(config(accepted=wanted)).content
        assert max(q.question_id for q in ran.questions) <= everything.pairs[wanted]


def test_accepted_that_cannot_be_reached_ends_with_a_sentence() -> None:
    ran = run(config(accepted=50, max_questions=40))
    assert ran.outcome.status == "done"
    assert "--max-questions 40" in (ran.outcome.message or "")
    assert len(ran.questions) == 40


def test_a_failed_item_is_recorded_and_stays_pending_while_the_run_goes_on() -> None:
    whole = run(config())
    unsolvable = sorted(v.question_id for v in whole.verdicts if v.reason == "not_solvable")
    lost = {
        "generated": unsolvable[0],
        "solvability": unsolvable[1],
        "solution": whole.pairs[0],
        "pair": whole.pairs[4],
    }
    generator = InstantText("question", faults=item_fault(lost["generated"]))
    live = models(
        generators=(generator, generator),
        judge=InstantScore("judge", faults=item_fault(lost["solvability"])),
        solver=InstantText("solution", window=40, faults=item_fault(f"{lost['solution']}/solution/2")),
        reward=InstantScore("reward", faults=item_fault(lost["pair"])),
    )
    ran = run(config(), live)
    assert ran.outcome.status == "done"
    assert {(e.stage, f"r1-{e.idx:08d}") for e in ran.errors} == set(lost.items())
    assert len(ran.errors) == 4
    assert {e["stage"] for e in ran.events if e["event"] == "error"} == set(lost)
    assert len(ran.questions) == 39
    assert [s.sample for s in ran.solutions if s.question_id == lost["solution"]] == [0, 1, 3, 4]

    resumed = ran.plus(run(config(), known=ran.known()))
    assert resumed.content == whole.content


def test_a_dead_backend_stops_the_run_with_its_sentence_and_keeps_what_is_done() -> None:
    ran = run(config(questions=200), models(solver=InstantText("solution", window=40, faults=dies_after(100))))
    assert ran.outcome.status == "failed"
    assert ran.outcome.message == "The server went away."
    assert ran.pairs
    resumed = ran.plus(run(config(questions=200), known=ran.known()))
    assert resumed.content == run(config(questions=200)).content


def test_a_model_that_fails_every_call_stops_the_run() -> None:
    ran = run(config(questions=500), models(judge=InstantScore("judge", faults=item_fault("/"))))
    assert ran.outcome.status == "failed"
    assert "solvability failed 32 times in a row" in (ran.outcome.message or "")
    assert len(ran.questions) < 200


def test_a_disk_that_fills_ends_the_run() -> None:
    def full(_: list[Record]) -> None:
        raise StoreError("the disk is full")

    with pytest.raises(StoreError, match="disk is full"):
        run(config(), put=full)


def test_a_truncated_text_is_tried_again_with_more_tokens_only_where_the_config_says_so() -> None:
    short = with_role(config(questions=30), "generator", max_tokens=6)
    plain = run(short)
    assert {v.reason for v in plain.verdicts} == {"truncated"}
    assert {q.finish_reason for q in plain.questions} == {"length"}

    again = run(with_role(short, "generator", retry_tokens=200))
    assert {q.finish_reason for q in again.questions} == {"stop"}
    assert [q.text for q in sorted(again.questions, key=lambda q: q.idx)] == [
        q.text for q in sorted(run(config(questions=30)).questions, key=lambda q: q.idx)
    ]
    assert min(q.tokens for q in again.questions) > 6 + 6  # what the first try cost is counted


def test_each_generator_has_its_own_difficulty_band() -> None:
    cfg = config(questions=120)
    first, second = cfg.profile.generators
    cfg = replace(cfg, profile=replace(cfg.profile, generators=(replace(first, band=(0.6, 1.0)), second)))
    ran = run(cfg)
    judged = [v for v in ran.verdicts if v.stage == "difficulty"]
    generator = {q.question_id: q.generator for q in ran.questions}
    assert {v.reason for v in judged if not v.kept} == {"too_easy"}
    assert {generator[v.question_id] for v in judged if not v.kept} == {first.name}
    assert all((v.score or 0) >= 0.6 for v in judged if v.kept and generator[v.question_id] == first.name)


def test_a_reward_floor_drops_pairs_and_keeps_their_rewards() -> None:
    ran = run(config(questions=80, reward_floor=2.5))
    judged = [v for v in ran.verdicts if v.stage == "pair"]
    assert {v.reason for v in judged if not v.kept} == {"low_reward"}
    assert all(((v.score or 0) >= 2.5) == v.kept for v in judged)
    assert len(ran.rewards) == 5 * len(judged)


def test_a_question_of_a_benchmark_is_dropped(tmp_path: Path) -> None:
    text = run(config(questions=40)).questions[7].text
    file = tmp_path / "bench.jsonl"
    file.write_text(json.dumps({"question": text}))
    ran = run(config(questions=40), benchmark=Benchmark.load([file]))
    assert reasons(ran, "contamination") == {"benchmark_overlap"}


def test_a_judge_that_writes_is_parsed() -> None:
    profile = config().profile
    judge = replace(profile.solver, role="judge", name="words", n=1)
    cfg = replace(config(questions=60), profile=replace(profile, judge=judge))
    ran = run(cfg, models(judge=InstantText("judge")))
    verdicts = [v for v in ran.verdicts if v.stage == "solvability"]
    assert {v.reason for v in verdicts} == {None, "not_solvable"}
    assert all(v.kept == (v.raw or "").endswith(": solvable") for v in verdicts)
    assert ran.pairs


def test_pause_holds_new_work_and_resume_goes_on() -> None:
    control = Control()
    seen: list[str] = []

    def event(what: dict[str, Any]) -> None:
        if what["event"] != "progress":
            return
        seen.append(what["status"])
        if len(seen) == 1:
            control.pause()
        elif what["status"] == "paused":
            threading.Timer(0.3, control.resume).start()

    live = models(solver=InstantText("solution", window=10, delay=0.004))
    ran = run(config(questions=100), live, control=control, on_event=event)
    assert "paused" in seen
    assert ran.outcome.status == "done"
    assert ran.content == run(config(questions=100)).content


def test_a_pause_is_counted_neither_in_the_rates_nor_in_the_time_left() -> None:
    control = Control()
    seen: list[dict[str, Any]] = []

    def event(what: dict[str, Any]) -> None:
        if what["event"] != "progress":
            return
        seen.append(what)
        if len(seen) == 1:
            control.pause()
            threading.Timer(2.0, control.resume).start()

    live = models(solver=InstantText("solution", window=10, delay=0.004))
    run(config(questions=100), live, control=control, on_event=event)
    last = seen[-1]
    assert any(what["status"] == "paused" for what in seen)
    assert all(what["eta_s"] is None for what in seen if what["status"] == "paused")
    assert last["rows_per_s"] > last["done"] / (last["elapsed_s"] - 1.0)


@pytest.mark.parametrize(("how", "status"), [("cancel", "cancelled"), ("interrupt", "interrupted")])
def test_a_stopped_run_ends_soon_and_can_be_finished_later(how: str, status: str) -> None:
    control = Control()
    live = models(solver=InstantText("solution", window=10, delay=0.01))
    ran = run(config(questions=100), live, control=control, put=after_pairs(3, getattr(control, how)))
    assert ran.outcome.status == status
    assert 0 < len(ran.pairs) < len(run(config(questions=100)).pairs)
    resumed = ran.plus(run(config(questions=100), known=ran.known()))
    assert resumed.content == run(config(questions=100)).content


def test_a_resume_asks_for_nothing_that_is_stored() -> None:
    control = Control()
    slow = models(solver=InstantText("solution", window=10, delay=0.01))
    part = run(config(questions=100), slow, control=control, put=after_pairs(3, control.cancel))
    live = models()
    run(config(questions=100), live, known=part.known())
    assert sum(g.calls for g in live.generators) == 100 - len(part.questions)  # type: ignore[attr-defined]
    whole = run(config(questions=100))
    assert live.solver.calls == len(whole.solutions) - len(part.solutions)  # type: ignore[attr-defined]

    live = models()
    again = run(config(questions=100), live, known=whole.known())
    assert again.outcome.status == "done"
    assert [m.calls for m in live.distinct] == [0] * 6  # type: ignore[union-attr]


def test_an_accepted_run_whose_failed_question_succeeds_later_keeps_the_lower_one_and_says_so() -> None:
    whole = run(config(accepted=10))
    third = whole.pairs[2]
    part = run(config(accepted=10), models(reward=InstantScore("reward", faults=item_fault(third))))
    later = part.pairs[-1]
    known = part.known()
    for entry in known:  # as if it had been killed just before its last pair was stored
        if entry.question.question_id == later:
            del entry.verdicts["pair"]
    resumed = run(config(accepted=10), known=known)
    kept = (set(part.pairs) - {later}) | set(resumed.pairs)
    assert sorted(kept) == whole.pairs
    assert [(e.idx, e.stage) for e in resumed.errors] == [(int(later[-8:]), "pair")]


def test_progress_tells_counts_rates_and_what_is_left() -> None:
    ran = run(config(questions=50))
    last = [e for e in ran.events if e["event"] == "progress"][-1]
    assert (last["done"], last["total"], last["accepted"], last["errors"]) == (50, 50, len(ran.pairs), 0)
    assert last["rows_per_s"] > 0
    assert last["tokens_per_s"] > 0
    assert last["eta_s"] == 0
    assert sum(last["stages"]["pair"]) == len(ran.pairs)
