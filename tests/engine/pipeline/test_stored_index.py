"""The duplicate index from stored signatures: what runs start and resume with, in workspaces of any age."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.models.base import OnCompletion, OnText, Request
from engine.pipeline import in_order, stored_index
from engine.pipeline import run as jobs
from engine.stages.duplicate import Index
from store.database.workspace import Workspace
from store.records import Question, question_id
from tests.engine.pipeline.instant import Faults, InstantText, dies_after, question
from tests.engine.pipeline.rows import content, doubled
from tests.engine.pipeline.run import config, models

KEPT = "SELECT count(*) FROM verdicts WHERE stage = 'duplicate' AND kept"
SIGNED = "SELECT count(*), count(DISTINCT question_id) FROM signature_rows"
MARKS = "SELECT question_id, value FROM labels WHERE key = 'near_duplicate' ORDER BY ALL"


class OneHangs(InstantText):
    """Writes questions; question ``idx`` only once it is let go."""

    def __init__(self, idx: int, faults: Faults | None = None) -> None:
        super().__init__("question", faults=faults)
        self.let_go = threading.Event()
        self._mark = f"-{idx:08d}/"

    def submit(self, requests: Sequence[Request], on_done: OnCompletion, on_text: OnText | None = None) -> None:
        for request in requests:
            if self._mark in request.request_id:
                threading.Thread(target=self._later, args=(request, on_done), daemon=True).start()
            else:
                super().submit([request], on_done, on_text)

    def _later(self, request: Request, on_done: OnCompletion) -> None:
        self.let_go.wait(30)
        on_done(self._answer(request))


def ask(workspace: Workspace, query: str) -> list[Any]:
    with workspace.cursor() as cursor:
        return cursor.execute(query).fetchall()


def test_every_question_that_the_stage_keeps_has_its_signature_stored(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        jobs.start(workspace, config(questions=60), models=models())
        kept = ask(workspace, KEPT)[0][0]
        assert 0 < kept < 60
        assert ask(workspace, SIGNED) == [(kept, kept)]


def test_a_workspace_without_signatures_gets_them_once_and_runs_judge_as_with_them(tmp_path: Path) -> None:
    found = []
    for name in ("new", "old"):
        with Workspace.open(tmp_path / name) as workspace:
            jobs.start(workspace, config(questions=60, seed=1), run_id="first", models=models())
            if name == "old":
                workspace.writer.call(lambda cursor: cursor.execute("DELETE FROM signature_rows").fetchall())
            jobs.start(workspace, config(questions=60, seed=1), run_id="second", models=models())
            jobs.start(workspace, config(questions=80, seed=1, other_runs="drop"), run_id="third", models=models())
            kept = ask(workspace, KEPT)[0][0]
            assert ask(workspace, SIGNED) == [(kept, kept)]
            with workspace.cursor() as cursor:
                found.append(content(cursor))
    assert found[0] == found[1]


def test_signatures_are_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        jobs.start(workspace, config(questions=40), run_id="first", models=models())

        def refuse(_: str) -> None:
            raise AssertionError("a stored question was hashed again")

        monkeypatch.setattr(stored_index, "signature", refuse)
        earlier = stored_index.load(workspace, "other", config(questions=5))
        assert earlier.others is not None
        assert earlier.others.size == ask(workspace, KEPT)[0][0]
        assert stored_index.load(workspace, "first", config(questions=40)).index.size == earlier.others.size


def test_others_are_left_out_where_the_config_ignores_them(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        jobs.start(workspace, config(questions=20), models=models())
        assert stored_index.load(workspace, "other", config(questions=5, other_runs="ignore")).others is None


def test_a_question_that_hangs_holds_back_the_others_for_a_while_and_is_then_judged_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_order, "LATE", 1.2)
    hanging = OneHangs(0)
    events: list[dict[str, Any]] = []

    def event(what: dict[str, Any]) -> None:
        events.append(what)
        if what["event"] == "progress" and what["accepted"] > 10:
            hanging.let_go.set()

    with Workspace.open(tmp_path / "w") as workspace:
        live = models(generators=(hanging, hanging))
        result = jobs.start(workspace, config(questions=60), "", event, models=live)
        assert result.status == "done"
        assert max(what["held"] for what in events if "held" in what) > 0
        assert (events[-1]["late"], events[-1]["held"]) == (1, 0)
        order = ask(workspace, "SELECT question_id FROM signature_rows ORDER BY place")
        late = ask(workspace, "SELECT kept, raw FROM verdicts WHERE stage = 'duplicate' ORDER BY question_id LIMIT 1")[
            0
        ]
        assert order != sorted(order)
        assert late[0] == any(key.endswith("-00000000") for (key,) in order)


def test_the_index_is_read_back_in_the_order_of_judging_a_late_question_after_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_order, "LATE", 0.2)
    hanging = OneHangs(4)

    def event(what: dict[str, Any]) -> None:
        if what["event"] == "progress" and what["accepted"] > 10:
            hanging.let_go.set()

    cfg = config(questions=150)
    with Workspace.open(tmp_path / "w") as workspace:
        jobs.start(workspace, cfg, "", event, run_id="r1", models=models(generators=(hanging, hanging)))
        judged = ask(
            workspace,
            """
            SELECT q.idx, q.text FROM questions q JOIN signature_rows s USING (question_id) ORDER BY s.place""",
        )
        never_stopped, read_back = Index(), stored_index.load(workspace, "r1", cfg).index
    assert [idx for idx, _ in judged] != sorted(idx for idx, _ in judged)
    for idx, text in judged:
        never_stopped.remember(asked(idx, text))
    for idx in range(1_000, 1_400):
        one, other = (index.judge(asked(idx, question(idx))) for index in (never_stopped, read_back))
        assert replace(one[0], created_at=other[0].created_at) == other[0]
        assert one[1] == other[1]


def asked(idx: int, text: str) -> Question:
    return Question(question_id("r1", idx), "r1", idx, text, "g", "t", {}, 0, 10, "stop")


def test_an_unfinished_question_does_not_repeat_itself_when_its_run_resumes(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        failing = models(solver=InstantText("solution", window=40, faults=dies_after(30)))
        first = jobs.start(workspace, config(questions=60), run_id="r1", models=failing)
        assert first.status == "failed"
        jobs.start(workspace, config(questions=60), run_id="r2", models=models())  # meets what r1 has not judged
        jobs.resume(workspace, "r1", models=models())
        with workspace.cursor() as cursor:
            assert doubled(cursor) == []
        same = "SELECT count(*) FROM verdicts WHERE stage = 'duplicate' AND raw = question_id"
        assert ask(workspace, same) == [(0,)]
        pairs = ask(workspace, "SELECT run_id, count(*) FROM pairs GROUP BY ALL ORDER BY ALL")
        assert pairs[0][1] == pairs[1][1] > 0


def test_held_questions_keep_their_places_where_another_run_starts_before_theirs_resumes(tmp_path: Path) -> None:
    held = """
        SELECT count(*) FROM verdicts v WHERE stage = 'language' AND kept AND NOT EXISTS (
            SELECT 1 FROM verdicts d WHERE d.question_id = v.question_id AND d.stage = 'duplicate')"""
    hanging = OneHangs(0, dies_after(20))
    with Workspace.open(tmp_path / "w") as workspace:
        first = jobs.start(workspace, config(questions=60), run_id="r1", models=models(generators=(hanging, hanging)))
        hanging.let_go.set()
        assert first.status == "failed"
        assert ask(workspace, held)[0][0] > 5
        jobs.start(workspace, config(questions=60), run_id="r2", models=models())
        jobs.resume(workspace, "r1", models=models())
        assert ask(workspace, "SELECT count(*) FROM signature_rows WHERE place IS NULL") == [(0,)]
        assert ask(workspace, KEPT) == [ask(workspace, SIGNED)[0][:1]]
