"""A check of solvability by a judge that writes, behind a server: its verdicts, second tries, stops and failures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.checks.job import run
from engine.checks.request import Check, check_of
from engine.config.profiles import load_profile
from engine.config.run_config import load_run_config
from engine.exports import job as export
from engine.exports.plan import Plan
from engine.jobs.control import Control
from engine.models.model_cache import ModelCache
from engine.pipeline import run as batch
from store.database.workspace import Workspace
from store.filters.filter import Filter
from tests.engine.checks.stored import EVERYTHING, imported, rows, whole
from tests.engine.models.faulty import Faulty

TEXTS = [f"Ann has {n} apples and buys {n + 2} more. How many apples does Ann have?" for n in range(30)]


def writes(body: dict[str, Any]) -> str:
    """No verdict at first on what ends in 7, no verdict at all on what ends in 9, and No to odd numbers."""
    number = int(body["prompt"].partition("Ann has ")[2].partition(" ")[0] or 0)
    if number % 10 == 9 or (number % 10 == 7 and body["temperature"] == 0.0):
        return "Hm, apples."
    return "**Verdict:** not solvable" if number % 2 else "Verdict: The question is solvable."


@pytest.fixture
def server() -> Iterator[Faulty]:
    with Faulty(writes=writes) as started:
        yield started


def by_words(server: Faulty) -> Check:
    profile = load_profile("openai")
    judge = replace(profile.judge, name="far", urls=(server.url,), server="other", slots=4)
    return Check("solvability", profile=replace(profile, judge=judge))


def reasons(workspace: Workspace) -> dict[int, str | None]:
    query = "SELECT q.idx, v.reason FROM verdicts v JOIN questions q USING (question_id) WHERE v.stage = 'solvability'"
    return dict(rows(workspace, query))


def test_profiles_whose_judge_writes_are_accepted() -> None:
    judge = check_of("solvability", profile="paper").role
    assert judge is not None
    assert judge.writes


def test_every_question_gets_what_the_judge_concluded(
    workspace: Workspace, model_cache: ModelCache, server: Faulty, tmp_path: Path
) -> None:
    imported(workspace, TEXTS)
    events: list[dict[str, Any]] = []
    done = run(workspace, "i1", by_words(server), events.append, model_cache=model_cache)
    assert done.status == "done"
    expected = {n: "no_verdict" if n % 10 == 9 else "not_solvable" if n % 2 else None for n in range(30)}
    assert reasons(workspace) == expected
    raw = rows(workspace, "SELECT raw, score FROM verdicts WHERE stage = 'solvability' AND judge = 'far' AND kept")
    assert set(raw) == {(" Verdict: The question is solvable.", 1.0)}
    assert whole(workspace, "i1")["pair"] == (15, 15, 0, 0)
    assert sum(seen.body["temperature"] == 0.7 for seen in server.asked) == 6
    said = events[-1]["report"]
    assert "30 questions judged, 15 dropped, 3 without a verdict" in said
    warning = "The judge 'far' came to no conclusion on 3 of 30 questions"
    assert f"{warning} (10%)" in said
    export.start(workspace, Plan("hf", Filter()), tmp_path / "out")
    assert f"Run `i1`: {warning} (10%)" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")


def test_the_judge_of_a_run_gives_its_verdicts_again(
    workspace: Workspace, model_cache: ModelCache, server: Faulty, nano: Path
) -> None:
    def some(body: dict[str, Any]) -> str:
        return ["Verdict: solvable", "Verdict: not solvable", "Hm."][body["seed"] % 3]

    server.writes = some
    check = by_words(server)
    assert check.role is not None
    config = load_run_config("nano", questions=20, seed=3)
    config = replace(config, profile=replace(config.profile, judge=replace(check.role, temperature=0.5)))
    assert batch.start(workspace, config, run_id="r1").status == "done"
    before = rows(workspace, EVERYTHING)
    assert check.profile is not None
    same = replace(check, profile=replace(check.profile, judge=config.profile.judge))
    run(workspace, "r1", same, model_cache=model_cache)
    assert rows(workspace, EVERYTHING) == before


def test_a_stopped_check_keeps_what_was_judged_and_continues(
    workspace: Workspace, model_cache: ModelCache, server: Faulty
) -> None:
    imported(workspace, TEXTS)
    control = Control()
    asked = 0

    def until_12(body: dict[str, Any]) -> str:
        nonlocal asked
        asked += 1
        if asked == 12:
            control.interrupt()
        return writes(body)

    server.writes = until_12
    stopped = run(workspace, "i1", by_words(server), model_cache=model_cache, control=control)
    assert stopped.status == "interrupted"
    judged = rows(workspace, "SELECT count(*) FROM verdicts WHERE stage = 'solvability' AND judge = 'far'")[0][0]
    assert 0 < judged < 30
    whole(workspace, "i1")
    first = len(server.asked)
    assert run(workspace, "i1", by_words(server), model_cache=model_cache).status == "done"
    assert len(server.asked) - first <= 36 - judged
    assert reasons(workspace)[29] == "no_verdict"
    assert len(reasons(workspace)) == 30


def test_a_question_that_the_server_refuses_is_an_error_and_keeps_its_verdict(
    workspace: Workspace, model_cache: ModelCache
) -> None:
    def refuses(number: int, body: dict[str, Any]) -> str | None:
        return "400 the prompt is too long" if "has 4 apples" in body["prompt"] else None

    imported(workspace, TEXTS)
    with Faulty(refuses, writes=writes) as server:
        assert run(workspace, "i1", by_words(server), model_cache=model_cache).status == "done"
    assert len(rows(workspace, "SELECT 1 FROM verdicts WHERE stage = 'solvability' AND judge = 'far'")) == 29
    errors = rows(workspace, "SELECT idx, stage, message FROM errors")
    assert [(idx, stage) for idx, stage, _ in errors] == [(4, "solvability")]
    assert "too long" in errors[0][2]
