"""Paid models on the command line: the expected cost of a plan, a limit, its resume, a check, and the dataset card."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from store.database import run_queries
from store.database.workspace import Workspace
from tests.engine.models.faulty import Faulty
from tests.engine.pipeline.test_spending import writes
from tests.ui.cli.command import scalequest, sentence

pytestmark = pytest.mark.usefixtures("nano")


def profile(folder: Path, url: str) -> Path:
    """Changes to the nano profile: a paid chat judge and solver."""
    paid = f'backend = "openai-chat"\nurls = ["{url}"]\nserver = "other"\nmodel = "m"\nslots = 4\nmax_tokens = 64\n'
    prices = "price_in = 100\nprice_out = 400\n"
    file = folder / "paid.toml"
    file.write_text(
        f'profile = "nano"\n[judge]\ntemplate = "chat-judge"\n{paid}{prices}'
        f'[solver]\ntemplate = "chat-solve"\nn = 2\n{paid}{prices}'
    )
    return file


def test_a_plan_states_what_paid_models_will_cost(tmp_path: Path) -> None:
    config = profile(tmp_path, "http://127.0.0.1:9/v1")
    asked = ("run", "--workspace", tmp_path / "w", "--config", config, "--questions", 1000, "--plan")
    stages = {row["stage"]: row for row in json.loads(scalequest(*asked, "--json").stdout)}
    # 799 judged and 605 solved twice; 160 tokens read each time, 250 and 420 written
    assert stages["solvability"]["cost_usd"] == pytest.approx(799 * (160 * 100 + 250 * 400) / 1e6)
    assert stages["solution"]["cost_usd"] == pytest.approx(605 * 2 * (160 * 100 + 420 * 400) / 1e6)
    assert stages["generated"]["cost_usd"] is None
    assert "Paid models will cost about $315.32" in scalequest(*asked).stdout


def test_a_run_stops_at_its_limit_and_is_resumed_with_another_one(tmp_path: Path) -> None:
    workspace = tmp_path / "w"
    with Faulty(writes=writes) as server:
        config = profile(tmp_path, server.url)
        done = scalequest(
            "run", "--workspace", workspace, "--config", config, "--questions", 12, "--max-cost", 0.1, "--json"
        )
        assert done.returncode == 130, done.stderr
        assert done.stderr.startswith("The run stopped at --max-cost 0.1: it has cost $0.0")
        end = json.loads(done.stdout.splitlines()[-1])
        assert 0 < end["cost_usd"] <= 0.11
        run_id = end["run_id"]

        resume = ("run", "--workspace", workspace, "--resume", run_id)
        said = sentence(scalequest(*resume, "--questions", 13))
        assert said.startswith("--questions 13 conflicts with the run")
        assert sentence(scalequest(*resume, "--max-cost", 0.01)).startswith("max_cost 0.01 is reached")
        done = scalequest(*resume, "--max-cost", 50)
        assert done.returncode == 0, done.stderr
        billed = sum(read * 100 + written * 400 for read, written in server.billed) / 1e6
        assert f"Paid models cost ${billed:.4f}, $" in done.stdout

        done = scalequest("export", "--workspace", workspace, "--format", "hf", "--out", tmp_path / "set")
        assert done.returncode == 0, done.stderr
        assert f"Paid models cost ${billed:.4f}:" in (tmp_path / "set" / "README.md").read_text()

        before = len(server.billed)
        (tmp_path / "judge.toml").write_text(_whole_profile(config))
        done = scalequest(
            "check", run_id, "--workspace", workspace, "--stage", "solvability", "--profile", tmp_path / "judge.toml"
        )
        assert done.returncode == 0, done.stderr
        assert len(server.billed) > before
    with Workspace.open(workspace, create=False) as opened, opened.cursor() as cursor:
        spent = sum(one.cost_usd for one in run_queries.spend(cursor, run_id))
        assert spent == pytest.approx(sum(read * 100 + written * 400 for read, written in server.billed) / 1e6)


def _whole_profile(config: Path) -> str:
    """The nano profile with the judge of these changes."""
    nano = Path("assets/profiles/nano.toml").read_text()
    judge = config.read_text().split("[judge]")[1].split("[solver]")[0]
    head, _, rest = nano.partition("[judge]")
    return f"{head}[judge]{judge}\n[{rest.partition(chr(10) + '[')[2]}"
