"""Judges that write: the second try where a reply has no verdict, and the warning where too many have none."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.config.profiles import load_profile
from engine.config.prompts import template
from engine.config.run_config import RunConfig, load_run_config
from engine.jobs.control import Control
from engine.models.base import Request
from engine.pipeline import report, run
from engine.seeds import item_seed
from store.database.workspace import Workspace
from store.records import Verdict
from tests.engine.checks.stored import rows
from tests.engine.models.faulty import Faulty
from tests.engine.pipeline.instant import InstantText
from tests.engine.pipeline.run import config, models
from tests.engine.pipeline.run import run as run_pipeline

SEED = 5


def judged_by(server: Faulty, questions: int = 40, judge_template: str = "qwen-judge") -> RunConfig:
    """The nano profile, whose judge is a model behind this server that writes."""
    nano = load_run_config("nano", questions=questions, seed=SEED)
    chosen = template(judge_template)
    judge = replace(load_profile("openai").judge, name="far", template=chosen, urls=(server.url,), server="other")
    return replace(nano, profile=replace(nano.profile, judge=judge))


def verdicts(workspace: Workspace) -> list[tuple[Any, ...]]:
    return rows(
        workspace,
        """SELECT q.idx, v.reason, v.raw, v.tokens FROM verdicts v JOIN questions q USING (question_id)
        WHERE v.stage = 'solvability' ORDER BY q.idx""",
    )


def is_unclear(body: dict[str, Any]) -> bool:
    return sum(map(ord, body["prompt"])) % 3 == 0


def test_a_reply_without_a_verdict_is_asked_for_once_more_with_its_own_seed(nano: Path, tmp_path: Path) -> None:
    def writes(body: dict[str, Any]) -> str:
        if is_unclear(body) and body["temperature"] == 0.0:
            return "There is a lot to think about here."
        return "All is given.\nSo the answer is \\boxed{\\text{Yes}}."

    with Faulty(writes=writes) as server, Workspace.open(tmp_path) as workspace:
        assert run.start(workspace, judged_by(server, judge_template="qwen-judge-yes-no"), run_id="r1").status == "done"
        found = verdicts(workspace)
        asked = [seen.body for seen in server.asked]
    again = [body for body in asked if body["temperature"] == 0.7]
    assert 0 < len(again) < len(found)
    assert len(asked) == len(found) + len(again)
    assert all("Yes or No" in body["prompt"] for body in asked)
    assert {reason for _, reason, _, _ in found} == {None}
    twice = [(idx, tokens) for idx, _, raw, tokens in found if tokens != len(raw.strip().split(" "))]
    assert {item_seed(SEED, idx, "judge", 1) for idx, _ in twice} == {body["seed"] for body in again}
    assert {tokens for _, tokens in twice} == {8 + 7}  # both replies are paid for


def test_a_judge_that_never_concludes_drops_all_and_the_run_warns(nano: Path, tmp_path: Path) -> None:
    events: list[dict[str, Any]] = []
    with Faulty(writes=lambda _: "Hm, who knows.") as server, Workspace.open(tmp_path) as workspace:
        result = run.start(workspace, judged_by(server, 12), run_id="r1", on_event=events.append)
        found = verdicts(workspace)
        assert len(server.asked) == 2 * len(found)  # once more, and no third time
        warnings = report.facts(workspace, result)["warnings"]
        printed = report.text(workspace, result)
    assert {reason for _, reason, _, _ in found} == {"no_verdict"}
    assert result.status == "done"
    (warning,) = [event for event in events if event["event"] == "error"]
    assert (warning["stage"], warning["idx"]) == ("solvability", None)
    said = f"The judge 'far' came to no conclusion on {len(found)} of {len(found)} questions (100%)"
    assert warning["message"].startswith(said)
    assert warnings == [warning["message"]]
    assert warning["message"] in printed


class SlowToConclude(InstantText):
    """Has no verdict on one question in ``every``, unless it is asked at another temperature."""

    def __init__(self, every: int, at_all: bool = True) -> None:
        super().__init__("judge")
        self.every, self.at_all = every, at_all
        self.asked: list[Request] = []

    def _text(self, request: Request) -> str:
        self.asked.append(request)
        unclear = random.Random(request.prompt).randrange(self.every) == 0
        if unclear and (request.sampling.temperature == 0.0 or not self.at_all):
            return "Hm."
        return super()._text(request)


def in_words(questions: int) -> RunConfig:
    profile = config().profile
    judge = replace(profile.solver, role="judge", name="words", n=1, temperature=0.0)
    return replace(config(questions=questions), profile=replace(profile, judge=judge))


def test_a_run_that_was_stopped_asks_again_with_the_same_seeds() -> None:
    whole = run_pipeline(in_words(100), models(judge=SlowToConclude(3)))
    assert "no_verdict" not in {v.reason for v in whole.verdicts}
    control = Control()

    def stop_after(verdicts: int) -> Callable[[list[Any]], None]:
        seen = 0

        def put(written: list[Any]) -> None:
            nonlocal seen
            seen += sum(isinstance(row, Verdict) and row.stage == "solvability" for row in written)
            if seen >= verdicts:
                control.cancel()

        return put

    part = run_pipeline(in_words(100), models(judge=SlowToConclude(3)), control=control, put=stop_after(10))
    assert part.outcome.status == "cancelled"
    rest = run_pipeline(in_words(100), models(judge=SlowToConclude(3)), known=part.known())
    assert part.plus(rest).content == whole.content


@pytest.mark.parametrize(("every", "warns"), [(4, True), (60, False)])
def test_a_run_warns_once_and_only_above_one_in_twenty(every: int, warns: bool) -> None:
    ran = run_pipeline(in_words(400), models(judge=SlowToConclude(every, at_all=False)))
    judged = [v for v in ran.verdicts if v.stage == "solvability"]
    share = sum(v.reason == "no_verdict" for v in judged) / len(judged)
    assert share > 0.0
    assert (share > 0.05) is warns
    messages = [event["message"] for event in ran.events if event["event"] == "error" and event["idx"] is None]
    assert len(messages) == warns
    if warns:  # while there is still something to save
        assert "of 100 questions" in messages[0]
