"""Live runs with the bundled models: streamed, staged, cancelled, repeated, several at once and beside a batch."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.config.profiles import load_profile
from engine.config.run_config import RunConfig, load_run_config
from engine.job_registry import JobRegistry
from engine.job_requests import RunRequest
from engine.models.model_cache import ModelCache
from engine.pipeline import run as jobs
from engine.pipeline.live import Live, Session, Snapshot, settings
from engine.pipeline.live_questions import LiveQuestion, Sample
from engine.pipeline.types import Audience
from store.database.workspace import Workspace
from store.errors import InputError
from store.records import STAGES, Record
from tests.engine.pipeline import run as instant
from tests.engine.pipeline.run import PlainGrouper

SOON = 1.0
"""Seconds, where other things run on the machine; alone it takes a tenth of that."""


def asked(questions: int = 3, seed: int = 11, **more: Any) -> RunConfig:
    return settings(load_profile("nano"), questions=questions, seed=seed, **more)


@pytest.fixture(scope="module")
def model_cache(nano: Path) -> Iterator[ModelCache]:
    with closing(ModelCache()) as model_cache:
        yield model_cache


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.open(tmp_path / "w") as workspace:
        yield workspace


@pytest.fixture
def live(workspace: Workspace, model_cache: ModelCache) -> Iterator[Live]:
    with closing(Live(workspace, model_cache)) as live:
        yield live


def watched(session: Session) -> Snapshot:
    """The last snapshot."""
    return list(session.snapshots())[-1]


def content(card: LiveQuestion) -> Any:
    """What the same seed must give again."""
    verdicts = {
        stage: (v.kept, v.reason, None if v.score is None else round(v.score, 3)) for stage, v in card.verdicts.items()
    }
    samples = [(s.number, s.text, s.answer, s.group, s.tokens) for _, s in sorted(card.samples.items())]
    return card.idx, card.generator, card.text, card.seed, card.topic, verdicts, samples, card.chosen, card.agreement


@pytest.mark.parametrize("profile", ["nano", "nano-adaptive"])
def test_the_streamed_text_is_the_stored_text(workspace: Workspace, model_cache: ModelCache, profile: str) -> None:
    config = replace(asked(), profile=load_profile(profile))
    texts: dict[str, str] = defaultdict(str)
    rows: list[Record] = []

    def hear(request_id: str, new: str) -> None:
        texts[request_id] += new

    with model_cache.acquire(config) as models:
        audience = Audience(rows.extend, hear, PlainGrouper())
        result = jobs.start(workspace, config, models=models, audience=audience)
    assert result.status == "done"
    cursor = workspace.cursor()
    questions = cursor.execute("SELECT question_id || '/question/0', text FROM questions").fetchall()
    solutions = cursor.execute("SELECT question_id || '/solution/' || sample, text FROM solutions").fetchall()
    assert len(questions) == 3
    assert solutions
    assert {key: text.strip() for key, text in texts.items()} == {
        key: text.strip() for key, text in questions + solutions
    }
    stored = cursor.execute(
        "SELECT (SELECT count(*) FROM questions) + (SELECT count(*) FROM verdicts) + (SELECT count(*) FROM solutions)"
        " + (SELECT count(*) FROM rewards) + (SELECT count(*) FROM labels) + (SELECT count(*) FROM signature_rows)"
    ).fetchone()
    assert stored == (len(rows),)


def test_texts_grow_and_stages_come_in_order(live: Live, workspace: Workspace) -> None:
    session = live.start(asked(), "a look")
    grown: dict[str, list[str]] = defaultdict(list)
    stages: dict[str, list[str | None]] = defaultdict(list)
    shots = 0
    for now in session.snapshots():
        shots += 1
        for card in now.questions:
            grown[card.question_id].append(card.text)
            if stages[card.question_id][-1:] != [card.stage]:
                stages[card.question_id].append(card.stage)
    assert shots > 3
    assert now.status == "done"
    order: list[str | None] = ["generated", *STAGES, None]
    for card in now.questions:
        assert len(set(grown[card.question_id])) > 2
        assert stages[card.question_id] == sorted(stages[card.question_id], key=order.index)
        assert stages[card.question_id][-1] is None
        assert tuple(card.verdicts) == STAGES[: len(card.verdicts)]
    run = workspace.run(session.run_id)
    assert (run.kind, run.status, run.name) == ("live", "done", "a look")
    tokens = workspace.cursor().execute(
        "SELECT (SELECT sum(tokens) FROM questions) + (SELECT sum(tokens) FROM solutions)"
    )
    assert tokens.fetchone() == (now.tokens,)
    assert session.result is not None
    assert now.decided == 3


def test_a_pair_has_its_groups_its_rewards_and_its_choice(live: Live, workspace: Workspace) -> None:
    now = watched(live.start(asked(4)))
    cursor = workspace.cursor()
    pairs = dict(cursor.execute("SELECT question_id, response FROM pairs").fetchall())
    assert len(pairs) == now.pairs > 0
    for card in now.questions:
        if card.question_id not in pairs:
            continue
        assert card.chosen is not None
        best = card.samples[card.chosen]
        assert best.text == pairs[card.question_id]
        assert round(best.reward or 0, 4) == max(round(s.reward or 0, 4) for s in card.samples.values())
        mine = next(group for group in card.groups if best in group)
        assert card.agreement == len(mine) / len(card.samples)
        assert [len(group) for group in card.groups] == sorted((len(group) for group in card.groups), reverse=True)


def test_a_cancel_stops_the_text_at_once_and_the_run_says_so(live: Live, workspace: Workspace) -> None:
    took = []
    for seed in (1, 2, 3):
        session = live.start(asked(20, seed))
        shots = session.snapshots()
        next(now for now in shots if now.tokens)
        begun = time.monotonic()
        session.cancel()
        assert session.wait(30)
        took.append(time.monotonic() - begun)
        last = list(shots)[-1]
        assert last.status == "cancelled"
        assert last.decided < 20
        run = workspace.run(session.run_id)
        assert (run.kind, run.status) == ("live", "cancelled")
        assert "--resume" not in (run.error or "")
        tokens = session.now().tokens
        time.sleep(0.1)
        assert session.now().tokens == tokens
    assert min(took) < SOON


def test_a_reader_who_leaves_cancels(live: Live, workspace: Workspace) -> None:
    session = live.start(asked(20))
    shots = session.snapshots()
    next(now for now in shots if now.tokens)
    shots.close()
    assert session.wait(30)
    assert workspace.run(session.run_id).status == "cancelled"


def test_a_cancel_does_not_wait_for_models_that_load(workspace: Workspace, nano: Path) -> None:
    with closing(ModelCache()) as model_cache, closing(Live(workspace, model_cache)) as live:
        session = live.start(asked())
        assert next(session.snapshots()).status == "loading"
        session.cancel()
        last = session.now()
        assert last.status == "cancelled"
        assert "before the models were loaded" in (last.message or "")
    assert workspace.runs() == []


def test_a_seed_repeats_a_session_exactly(live: Live) -> None:
    first, again, other = (watched(live.start(asked(3, seed))) for seed in (5, 5, 6))
    assert [content(card) for card in first.questions] == [content(card) for card in again.questions]
    assert [card.text for card in first.questions] != [card.text for card in other.questions]
    assert first.tokens == again.tokens


def test_two_users_at_once_both_stream_and_get_what_each_alone_gets(live: Live) -> None:
    alone = [watched(live.start(asked(3, seed))) for seed in (7, 8)]
    begun, together = threading.Barrier(2), {}
    partial: dict[int, set[str]] = defaultdict(set)

    def user(seed: int) -> None:
        begun.wait()
        for now in live.start(asked(3, seed)).snapshots():
            partial[seed].add(now.questions[0].text)
            together[seed] = now

    threads = [threading.Thread(target=user, args=(seed,)) for seed in (7, 8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed, before in zip((7, 8), alone, strict=True):
        assert len(partial[seed]) > 2
        assert [content(card) for card in together[seed].questions] == [content(card) for card in before.questions]


def test_a_live_user_is_served_while_a_batch_runs(live: Live, workspace: Workspace, model_cache: ModelCache) -> None:
    with closing(JobRegistry(workspace, model_cache)) as registry:
        batch = registry.start(RunRequest(config=load_run_config("nano", questions=5000, seed=3))).run_id
        while (running := registry.running("run")) is not None and not running.event.get("generated"):
            time.sleep(0.05)
        now = watched(live.start(asked(2)))
        assert now.status == "done"
        assert registry.running("run") is not None
        assert workspace.run(batch).status == "running"
    with model_cache.acquire(asked()):  # the batch that has ended leaves the model cache open
        assert workspace.run(batch).status == "interrupted"


def test_live_runs_mark_duplicates_and_drop_none(workspace: Workspace) -> None:
    config = instant.config(questions=60, other_runs="ignore")
    rows: list[Record] = []
    batch = jobs.start(workspace, config, models=instant.models())
    audience = Audience(rows.extend, lambda *_: None, PlainGrouper())
    run = jobs.start(workspace, config, models=instant.models(), audience=audience)
    found = dict(
        workspace.cursor()
        .execute("SELECT run_id, count(*) FROM items WHERE drop_stage = 'duplicate' GROUP BY run_id")
        .fetchall()
    )
    assert found.keys() == {batch.run_id}
    marked = workspace.cursor().execute(
        "SELECT count(*) FROM items WHERE run_id = ? AND near_duplicates > 0", [run.run_id]
    )
    assert marked.fetchall()[0][0] >= found[batch.run_id]


def test_lineage_is_stored_with_the_run(live: Live, workspace: Workspace) -> None:
    session = live.start(asked(1), regenerated_from="r1-00000003")
    watched(session)
    config = RunConfig.from_json(workspace.run(session.run_id).config)
    assert config.regenerated_from == "r1-00000003"
    assert config == session.config


def test_what_cannot_be_loaded_is_said_in_the_last_snapshot(live: Live, workspace: Workspace, tmp_path: Path) -> None:
    config = asked()
    solver = replace(config.profile.solver, model=str(tmp_path / "nothing"))
    last = watched(live.start(replace(config, profile=replace(config.profile, solver=solver))))
    assert last.status == "failed"
    assert "solver.model" in (last.message or "")
    assert workspace.runs() == []


def test_settings_are_checked(live: Live) -> None:
    with pytest.raises(InputError, match="qgen-z"):
        asked(generator="qgen-z")
    with pytest.raises(InputError, match="top_p"):
        asked(top_p=1.5)
    with pytest.raises(InputError, match="questions"):
        live.start(load_run_config("nano", accepted=3))
    drawn = {settings(load_profile("nano"), questions=1).seed for _ in range(4)}
    assert len(drawn) > 1
    only = asked(generator="qgen-b", temperature=0.4, samples=2)
    assert [(g.name, g.temperature) for g in only.profile.generators] == [("qgen-b", 0.4)]
    assert only.profile.solver.n == 2
    adaptive = load_profile("nano-adaptive")
    assert settings(adaptive, questions=1, samples=adaptive.solver.n).profile == adaptive
    fixed = settings(adaptive, questions=1, samples=3).profile.solver
    assert (fixed.n, fixed.adaptive) == (3, False)


def test_a_second_try_of_a_cut_off_text_begins_anew() -> None:
    from engine.pipeline.live_questions import LiveQuestions

    cards = LiveQuestions(asked(1), "r1", PlainGrouper())
    cards.on_text("r1-00000000/question/0", "How many")
    cards.on_text("r1-00000000/question/0+", "How much")
    cards.on_text("r1-00000000/question/0+", " is it?")
    cards.on_text("r1-00000000/solution/2", "Two.")
    assert cards.all[0].text == "How much is it?"
    assert cards.all[0].samples == {2: Sample(2, "Two.", tokens=1)}
