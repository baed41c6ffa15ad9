"""Runs on paid models: what they cost is stored with what it was spent on, and a limit stops them to be resumed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.config.prompts import template
from engine.config.run_config import RunConfig, load_run_config
from engine.models.openai import server as servers
from engine.pipeline import run
from store.database import run_queries
from store.database.workspace import DATABASE, Workspace
from store.errors import InputError
from tests.engine.models.faulty import Fault, Faulty, prompt_of

IN, OUT = 100.0, 400.0
"""USD for a million tokens."""
ROOT = Path(__file__).resolve().parents[3]


def writes(body: dict[str, Any]) -> str:
    return "It is complete. Verdict: solvable" if "Verdict" in prompt_of(body) else "So it is \\boxed{7}"


def config(server: Faulty, questions: int = 24, **options: Any) -> RunConfig:
    """The nano profile with a paid chat judge and a paid chat solver."""
    nano = load_run_config("nano", questions=questions, seed=5)
    paid: dict[str, Any] = {"model": "m", "name": "hosted", "urls": (server.url,), "server": "other", "slots": 4,
                            "max_tokens": 64, "backend": "openai-chat", "price_in": IN, "price_out": OUT}  # fmt: skip
    judge = nano.profile.judge.replaced(template=template("chat-judge"), **paid)
    solver = nano.profile.solver.replaced(template=template("chat-solve"), n=3, **paid)
    return replace(nano, profile=replace(nano.profile, judge=judge, solver=solver), **options)


def billed(server: Faulty) -> float:
    return sum(read * IN + written * OUT for read, written in server.billed) / 1e6


def stored(workspace: Workspace) -> tuple[float, int, int]:
    """What the run has cost, the tokens that its models wrote for that, and those of the stored rows."""
    with workspace.cursor() as cursor:
        spend = run_queries.spend(cursor, "r1")
        query = """
            SELECT (SELECT sum(tokens) FROM verdicts WHERE stage = 'solvability')
                + (SELECT coalesce(sum(tokens), 0) FROM solutions)"""
        row = cursor.execute(query).fetchone()
    assert row is not None
    return sum(one.cost_usd for one in spend), sum(one.tokens_out for one in spend), int(row[0] or 0)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "_FIRST_PAUSE", 0.02)


def test_a_run_costs_what_its_server_billed(nano: Path, tmp_path: Path) -> None:
    events: list[dict[str, Any]] = []
    with Faulty(writes=writes) as server, Workspace.open(tmp_path) as workspace:
        result = run.start(workspace, config(server), run_id="r1", on_event=events.append)
        assert result.status == "done"
        cost, written, of_rows = stored(workspace)
        assert cost == pytest.approx(billed(server))
        assert written == of_rows == sum(tokens for _, tokens in server.billed)
        with workspace.cursor() as cursor:
            assert {one.stage for one in run_queries.spend(cursor, "r1")} == {"solvability", "solution"}
    end = events[-1]
    assert end["cost_usd"] == pytest.approx(cost, abs=1e-6)
    assert f"Paid models cost ${cost:.4f}, ${1000 * cost / end['pairs']:.4f} for 1,000 pairs." in end["report"]


def test_tries_that_came_to_nothing_are_counted_where_the_server_billed_them(nano: Path, tmp_path: Path) -> None:
    fault: Fault = lambda number, _: "reason content_filter" if number % 5 == 0 else "500" if number % 7 == 0 else None  # noqa: E731
    with Faulty(fault, writes=writes) as server, Workspace.open(tmp_path) as workspace:
        run.start(workspace, config(server), run_id="r1")
        cost, written, of_rows = stored(workspace)
        assert cost == pytest.approx(billed(server))
        assert written > of_rows


def test_a_run_without_prices_has_no_cost(nano: Path, tmp_path: Path) -> None:
    events: list[dict[str, Any]] = []
    with Workspace.open(tmp_path) as workspace:
        run.start(workspace, load_run_config("nano", questions=4), run_id="r1", on_event=events.append)
        with workspace.cursor() as cursor:
            assert run_queries.spend(cursor, "r1") == []
    assert not any("cost_usd" in event for event in events)


def test_the_limit_stops_a_run_that_a_higher_limit_resumes(nano: Path, tmp_path: Path) -> None:
    with Faulty(writes=writes) as server, Workspace.open(tmp_path) as workspace:
        limit = 0.25
        result = run.start(workspace, config(server, max_cost=limit), run_id="r1")
        assert result.status == "interrupted"
        cost, written, of_rows = stored(workspace)
        assert 0.6 * limit < cost < 1.1 * limit
        assert cost == pytest.approx(billed(server))
        assert written == of_rows  # nothing was in flight
        said = f"The run stopped at --max-cost 0.25: it has cost ${cost:.4f}, and the next request may cost more than"
        assert str(result.message).startswith(said)
        assert f"`scalequest run --workspace {tmp_path} --resume r1 --max-cost 0.5` continues it" in str(result.message)
        before = workspace.run("r1")

        with pytest.raises(InputError, match=r"^max_cost 0\.1 is reached: the run has cost"):
            run.resume(workspace, "r1", max_cost=0.1)
        result = run.resume(workspace, "r1", max_cost=100.0)
        assert result.status == "done"
        cost, written, of_rows = stored(workspace)
        assert cost == pytest.approx(billed(server))
        assert written == of_rows
        assert workspace.run("r1").config["max_cost"] == 100.0
        assert workspace.run("r1").config_hash == before.config_hash


def test_a_limit_below_the_cost_of_one_request_names_one_that_continues(nano: Path, tmp_path: Path) -> None:
    with Faulty(writes=writes) as server, Workspace.open(tmp_path) as workspace:
        result = run.start(workspace, config(server, max_cost=1e-6), run_id="r1")
        cost, *_ = stored(workspace)
        assert cost > 2e-6
        assert f"--max-cost {2 * cost:g}`" in str(result.message)
        assert run.resume(workspace, "r1", max_cost=float(f"{2 * cost:g}")).status == "interrupted"


def test_what_is_in_flight_when_a_model_is_lost_is_still_counted(nano: Path, tmp_path: Path) -> None:
    fault: Fault = lambda number, _: {1: "stall", 20: "401 no key"}.get(number)  # noqa: E731
    with Faulty(fault, writes=writes) as server, Workspace.open(tmp_path) as workspace:
        result = run.start(workspace, config(server), run_id="r1")
        assert result.status == "failed"
        _, written, of_rows = stored(workspace)
        assert written > of_rows  # the first text had begun, and was cut short


def test_a_limit_is_refused_where_no_model_has_a_price() -> None:
    with pytest.raises(InputError, match=r"^max_cost 1\.0 has no effect: no role of the profile 'nano' has a price; "):
        load_run_config("nano", questions=1, max_cost=1.0)


def test_a_price_is_refused_for_a_model_in_process() -> None:
    with pytest.raises(InputError, match=r"^price_out 2\.0 has no effect on a model in process; "):
        replace(load_run_config("nano", questions=1).profile.solver, price_out=2.0)
    with pytest.raises(InputError, match=r"^price_in 2\.0 has no effect on a model in process; "):
        replace(load_run_config("nano", questions=1).profile.solver, price_in=2.0)


KILLED = """
import json, sys
from engine.config.run_config import RunConfig
from engine.pipeline import run
from store.database.workspace import Workspace
with Workspace.open(sys.argv[1]) as workspace:
    run.start(workspace, RunConfig.from_json(json.load(open(sys.argv[2]))), run_id="r1")
"""


def test_after_a_kill_nothing_that_is_stored_is_paid_twice(nano: Path, tmp_path: Path) -> None:
    folder = tmp_path / "w"
    with Faulty(writes=writes, pause=0.01) as server:
        asked = config(server)
        (tmp_path / "config.json").write_text(json.dumps(asked.to_json()))
        command = [sys.executable, "-c", KILLED, str(folder), str(tmp_path / "config.json")]
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)})
        while len(server.billed) < 40:
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert (folder / DATABASE).exists()
        with Workspace.open(folder) as workspace:
            cost, written, of_rows = stored(workspace)
            assert written == of_rows  # each reply is stored together with what it cost
            assert 0 < cost <= billed(server)
            lost = len(server.billed)
            with workspace.cursor() as cursor:
                lost -= sum(one.requests for one in run_queries.spend(cursor, "r1"))
            assert run.resume(workspace, "r1").status == "done"
            cost, written, of_rows = stored(workspace)
            assert written == of_rows
            with workspace.cursor() as cursor:
                requests = sum(one.requests for one in run_queries.spend(cursor, "r1"))
            assert requests == len(server.billed) - lost  # only replies that the kill took were asked for again
