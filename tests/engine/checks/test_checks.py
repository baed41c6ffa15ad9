"""Checks of a stored run: what they find, and that the run's funnel stays whole whatever they change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.checks.job import done_already, run
from engine.checks.request import Check, check_of
from engine.jobs.control import Control
from engine.jobs.result import Result
from engine.models.model_cache import ModelCache
from store.database.workspace import Workspace
from store.errors import InputError
from store.records import Reward, Run
from tests.engine.checks.stored import EVERYTHING, imported, rows, whole
from tests.store import rows as stored

ROOM = (
    "A rectangular garden is twice as long as it is wide and a path of two metres runs all around it; "
    "how many square metres does the path cover if the garden is {} metres wide?"
)
STAMPS = "There are 11 packs with 12 stamps in each. How many stamps are there altogether?"
TEXTS = [
    ROOM.format(10),
    "Ann has 3 apples and buys 4 more. How many apples does Ann have?",
    "Ann has 3 apples and buys 4 more. How many apples does Ann have?",
    "Ann has 3 apples and buys 4 more apples. How many apples does Ann have?",
    ROOM.format(12),
    "What is the derivative of x squared?",
]


@pytest.fixture
def benchmark(tmp_path: Path) -> str:
    path = tmp_path / "exam.jsonl"
    path.write_text("".join(json.dumps({"problem": text}) + "\n" for text in ("What is one?", ROOM.format(10))))
    return str(path)


class Soon(Control):
    """Interrupted after some looks at it: a few stretches later."""

    looks = 0

    @property
    def requested(self) -> Any:
        self.looks += 1
        return "interrupt" if self.looks > 5 else "run"


def check(workspace: Workspace, model_cache: ModelCache, wanted: Check, run_id: str = "i1", **options: Any) -> Result:
    return run(workspace, run_id, wanted, model_cache=model_cache, **options)


def test_contamination_drops_what_a_benchmark_has_and_keeps_its_text(
    workspace: Workspace, model_cache: ModelCache, benchmark: str
) -> None:
    imported(workspace, TEXTS)
    done = check(workspace, model_cache, check_of("contamination", [benchmark]))
    assert (done.status, done.exit_code) == ("done", 0)
    Path(benchmark).unlink()
    found = rows(workspace, "SELECT question_id, reason, raw FROM verdicts WHERE stage = 'contamination' AND NOT kept")
    assert sorted(found) == [
        ("i1-00000000", "benchmark_overlap", "exam.jsonl row 2"),
        ("i1-00000004", "benchmark_overlap", "exam.jsonl row 2"),
    ]
    labels = rows(workspace, "SELECT DISTINCT value, model FROM labels WHERE key = 'benchmark_item'")
    assert labels == [(ROOM.format(10), "13-gram")]
    assert whole(workspace, "i1")["pair"] == (4, 4, 0, 0)
    judged = rows(workspace, "SELECT count(*) FROM verdicts WHERE stage = 'contamination' AND judge = '13-gram'")
    assert judged == [(6,)]


def test_a_check_against_another_benchmark_brings_back_what_the_last_one_dropped(
    workspace: Workspace, model_cache: ModelCache, benchmark: str, tmp_path: Path
) -> None:
    imported(workspace, TEXTS)
    before = rows(workspace, EVERYTHING)
    check(workspace, model_cache, check_of("contamination", [benchmark]))
    other = tmp_path / "other.jsonl"
    other.write_text('{"question": "Something else?"}\n')
    check(workspace, model_cache, check_of("contamination", [other]))
    after = rows(workspace, EVERYTHING)
    strange = [row for row in set(before) ^ set(after) if row[1] != "verdict contamination"]
    assert not strange
    assert len(after) == len(before)
    assert whole(workspace, "i1")["pair"] == (6, 6, 0, 0)


def test_near_duplicates_are_marked_and_exact_ones_stay_dropped(workspace: Workspace, model_cache: ModelCache) -> None:
    imported(workspace, TEXTS, again={2})
    check(workspace, model_cache, check_of("near-duplicates"))
    labels = rows(workspace, "SELECT question_id, value FROM labels WHERE key = 'near_duplicate' ORDER BY ALL")
    assert labels == [
        ("i1-00000002", "i1-00000001"),
        ("i1-00000003", "i1-00000001"),
        ("i1-00000004", "i1-00000000"),
    ]
    dropped = rows(workspace, "SELECT question_id, reason FROM verdicts WHERE NOT kept")
    assert dropped == [("i1-00000002", "exact_duplicate")]
    assert whole(workspace, "i1")["duplicate"] == (6, 5, 1, 0)


def test_near_duplicates_are_dropped_on_request_and_come_back_when_only_marked(
    workspace: Workspace, model_cache: ModelCache
) -> None:
    imported(workspace, TEXTS, again={2})
    check(workspace, model_cache, check_of("near-duplicates", drop=True))
    dropped = rows(workspace, "SELECT question_id, reason FROM verdicts WHERE NOT kept ORDER BY ALL")
    assert dropped == [("i1-00000002", "exact_duplicate"), ("i1-00000003", "near_duplicate")]
    assert whole(workspace, "i1")["pair"] == (4, 4, 0, 0)
    check(workspace, model_cache, check_of("near-duplicates"))
    assert whole(workspace, "i1")["pair"] == (5, 5, 0, 0)
    first = rows(workspace, EVERYTHING)
    check(workspace, model_cache, check_of("near-duplicates", drop=True))
    check(workspace, model_cache, check_of("near-duplicates"))
    assert rows(workspace, EVERYTHING) == first


def test_a_duplicate_that_is_kept_again_goes_on_as_an_import_does(
    workspace: Workspace, model_cache: ModelCache
) -> None:
    imported(
        workspace, ["What is 1 + 1?", "What is 2 + 2?", "What is 3 + 3?"], [["\\boxed{2}"], ["4"], []], again={1, 2}
    )
    check(workspace, model_cache, check_of("near-duplicates", drop=True))  # they repeat nothing: this import was wrong
    funnel = whole(workspace, "i1")
    assert funnel["duplicate"] == (3, 3, 0, 0)
    assert (funnel["solution"], funnel["pair"]) == ((2, 2, 0, 1), (2, 2, 0, 0))


def test_a_question_of_a_batch_that_is_kept_again_waits_for_solutions_with_its_reason(
    workspace: Workspace, model_cache: ModelCache, tmp_path: Path
) -> None:
    workspace.create_run(stored.run(status="done"))
    lonely = [stored.question(1), *stored.verdicts(1, drop="contamination", reason="benchmark_overlap")]
    workspace.writer.put([*stored.whole(0), *lonely])
    other = tmp_path / "other.jsonl"
    other.write_text('{"question": "Something else?"}\n')
    check(workspace, model_cache, check_of("contamination", [other]), "r1")
    assert whole(workspace, "r1")["solvability"] == (1, 1, 0, 1)
    errors = rows(workspace, "SELECT idx, stage, message FROM errors")
    assert [(idx, stage) for idx, stage, _ in errors] == [(1, "solvability")]
    assert "no solutions" in errors[0][2]


@pytest.mark.parametrize("drop", [False, True])
def test_a_question_that_a_run_judged_late_stays_dropped_and_the_one_judged_before_it_keeps_its_pair(
    workspace: Workspace, model_cache: ModelCache, drop: bool
) -> None:
    workspace.create_run(stored.run(status="done"))
    late = [stored.question(0, text="What is 7 + 7?"), *stored.verdicts(0, drop="duplicate", reason="exact_duplicate")]
    pair = [stored.question(9, text="What is 7 + 7?"), *stored.whole(9)[1:]]
    workspace.writer.put([*late, *pair, *stored.whole(3)])
    workspace.writer.flush()
    before = whole(workspace, "r1")
    check(workspace, model_cache, check_of("near-duplicates", drop=drop), "r1")
    assert whole(workspace, "r1") == before
    assert before["pair"] == (2, 2, 0, 0)


def test_what_was_dropped_earlier_hides_a_later_drop_only_for_a_while(
    workspace: Workspace, model_cache: ModelCache, benchmark: str
) -> None:
    imported(workspace, [ROOM.format(10), ROOM.format(10).replace("twice", "just twice"), "What is x?"])
    check(workspace, model_cache, check_of("contamination", [benchmark]))
    check(workspace, model_cache, check_of("near-duplicates", drop=True))
    assert whole(workspace, "i1")["contamination"] == (2, 1, 1, 0)
    check(workspace, model_cache, check_of("near-duplicates"))
    again = check_of("contamination", [benchmark])
    assert whole(workspace, "i1")["contamination"] == (3, 1, 2, 0)
    assert not done_already(workspace, "i1", again)  # what came back may be judged by an older check
    check(workspace, model_cache, again)
    assert whole(workspace, "i1")["contamination"] == (3, 1, 2, 0)
    assert done_already(workspace, "i1", again)


def test_a_stopped_check_goes_on_where_it_stopped_and_ends_as_one_that_ran_through(
    workspace: Workspace, model_cache: ModelCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [text for n in range(40) for text in (ROOM.format(n), f"Ann has {n} apples. How many has Ann?", TEXTS[1])]
    imported(workspace, texts)
    imported(workspace, texts, run_id="i2")
    monkeypatch.setattr("engine.checks.judges.NearDuplicates.stretch", 7)
    check(workspace, model_cache, check_of("near-duplicates", drop=True), "i2")
    ends: list[str] = []
    while not ends or ends[-1] != "done":
        events: list[dict[str, Any]] = []
        done = check(
            workspace, model_cache, check_of("near-duplicates", drop=True), control=Soon(), on_event=events.append
        )
        ends.append(done.status)
        assert events[-1]["done"] <= 120
        whole(workspace, "i1")
    assert len(ends) > 4
    assert (done.exit_code, done.message) == (0, None)
    mine, theirs = (
        [
            [str(cell).replace(run_id, "run") for cell in row]
            for row in rows(workspace, EVERYTHING)
            if row[0][:2] == run_id
        ]
        for run_id in ("i1", "i2")
    )
    assert mine == theirs


def test_rewards_choose_the_best_of_several_solutions(
    workspace: Workspace, model_cache: ModelCache, nano: Path
) -> None:
    wrong, right = (f"In all: 11 * 12 = {n}\nThe answer is \\boxed{{{n}}}." for n in (5, 132))
    imported(workspace, [STAMPS], [[wrong, right, right]])
    done = check(workspace, model_cache, check_of("reward", profile="nano"))
    assert done.status == "done"
    rewards = [reward for (reward,) in rows(workspace, "SELECT reward FROM rewards ORDER BY solution_id")]
    assert rewards[1] > rewards[0]
    assert dict(rows(workspace, "SELECT key, value FROM labels")) == {
        "chosen": "1", "agreement": "0.6667", "majority_answer": "132", "repetition": "0.0000"
    }  # fmt: skip
    verdicts = rows(workspace, "SELECT judge, kept, score FROM verdicts WHERE stage = 'pair'")
    assert verdicts == [("nano-reward", True, rewards[1])]
    assert rows(workspace, "SELECT response, reward, agreement FROM pairs") == [(right, rewards[1], 0.6667)]
    before = rows(workspace, EVERYTHING)
    check(workspace, model_cache, check_of("reward", profile="nano"))
    assert rows(workspace, EVERYTHING) == before


def test_a_model_that_is_stopped_within_its_last_stretch_goes_on_there(
    workspace: Workspace, model_cache: ModelCache, nano: Path
) -> None:
    imported(workspace, [STAMPS.replace("11", str(n)) for n in range(8)])
    stopped = check(workspace, model_cache, check_of("reward", profile="nano"), control=Soon())
    assert (stopped.status, stopped.exit_code) == ("interrupted", 130)
    assert 0 < len(rows(workspace, "SELECT * FROM rewards")) < 8
    whole(workspace, "i1")
    assert check(workspace, model_cache, check_of("reward", profile="nano")).status == "done"
    assert len(rows(workspace, "SELECT * FROM rewards")) == 8


def test_a_second_reward_model_stands_beside_the_first_and_changes_no_choice(
    workspace: Workspace, model_cache: ModelCache, nano: Path
) -> None:
    imported(workspace, [STAMPS], [["\\boxed{7}", "\\boxed{132}"]])
    workspace.writer.put([Reward("i1-00000000-0", "their-reward", 0.1), Reward("i1-00000000-1", "their-reward", 0.2)])
    workspace.writer.flush()
    before = rows(workspace, "SELECT * FROM pairs")
    check(workspace, model_cache, check_of("reward", profile="nano"))
    assert rows(workspace, "SELECT * FROM pairs") == before
    models = rows(workspace, "SELECT reward_model, count(*) FROM rewards GROUP BY ALL ORDER BY ALL")
    assert models == [("nano-reward", 2), ("their-reward", 2)]


def test_scorers_judge_questions_and_say_where_they_know_nothing(
    workspace: Workspace, model_cache: ModelCache, nano: Path
) -> None:
    strange = "Let $K/\\mathbb{Q}$ be an abelian extension with conductor $f$; determine its discriminant."
    imported(workspace, [STAMPS, strange])
    for name in ("solvability", "difficulty"):
        assert check(workspace, model_cache, check_of(name, profile="nano")).status == "done"
        found = dict(rows(workspace, "SELECT question_id, reason FROM verdicts WHERE stage = ?", name))
        assert found["i1-00000001"] == "outside_domain"
    scores = rows(workspace, "SELECT score FROM verdicts WHERE stage = 'difficulty' AND question_id = 'i1-00000000'")
    assert 0 <= scores[0][0] <= 1
    whole(workspace, "i1")


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("colour", {}, "use one of near-duplicates"),
        ("contamination", {}, "name a file of questions"),
        ("reward", {"benchmarks": ["x.jsonl"]}, "has no effect on reward"),
        ("near-duplicates", {"profile": "nano"}, "needs no model"),
        ("difficulty", {"drop": True}, "has no effect on difficulty"),
        ("reward", {"profile": "nothing"}, "does not exist"),
    ],
)
def test_what_does_not_fit_together_is_refused_in_one_sentence(name: str, options: Any, says: str) -> None:
    with pytest.raises(InputError) as refused:
        check_of(name, **options)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("status", ["running", "paused", "interrupted", "cancelled", "failed"])
def test_a_batch_that_may_still_get_rows_is_not_checked(
    workspace: Workspace, model_cache: ModelCache, status: Any
) -> None:
    workspace.create_run(Run("r1", "", "generate", {}, "", 0, status=status))
    with pytest.raises(InputError):
        check(workspace, model_cache, check_of("near-duplicates"), "r1")


def test_an_empty_run_and_a_missing_benchmark_are_told_and_change_nothing(
    workspace: Workspace, model_cache: ModelCache, tmp_path: Path
) -> None:
    imported(workspace, [])
    with pytest.raises(InputError):
        check(workspace, model_cache, check_of("contamination", [tmp_path / "gone.jsonl"]))
    assert check(workspace, model_cache, check_of("near-duplicates")).status in ("done",)


def test_nothing_is_left_of_the_checks_of_a_run_that_was_deleted(
    workspace: Workspace, model_cache: ModelCache, benchmark: str
) -> None:
    for run_id in ("i1", "i2"):
        imported(workspace, TEXTS, run_id=run_id)
        check(workspace, model_cache, check_of("contamination", [benchmark]), run_id)
    workspace.delete_run("i1")
    assert rows(workspace, "SELECT DISTINCT run_id FROM superseded_verdicts") == [("i2",)]
    assert not rows(workspace, "SELECT * FROM meta WHERE contains(key, 'i1')")
