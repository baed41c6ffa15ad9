"""Profile ``smol``: a real language model of the package index with the adapters that come with the app."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import compare
from engine.config.packaged import SMOLLM2
from engine.config.profiles import PROFILES, load_profile, profile_of
from engine.config.run_config import RunConfig
from engine.models.fetch import fetch
from engine.paths import ASSETS
from engine.pipeline import run
from store.database.workspace import Workspace
from store.errors import BackendError
from tests.conftest import FETCHED

FOLDER = ASSETS / "smol"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A run of four questions, with short texts and every fail rate accepted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCALEQUEST_MODELS", str(FETCHED))
        try:
            fetch(SMOLLM2)
        except BackendError as error:
            pytest.skip(f"the package index is out of reach: {error}")
        yield from _run(tmp_path_factory.mktemp("smol") / "w")


def _run(folder: Path) -> Iterator[Workspace]:
    table = tomllib.loads((PROFILES / "smol.toml").read_text("utf-8"))
    table["generator"][0]["max_tokens"] = 80
    table["solver"] |= {"max_tokens": 24, "n": 2}
    table["judge"]["threshold"] = 0.0
    config = RunConfig(profile_of(table, "short-smol"), questions=4, seed=5)
    with Workspace.open(folder) as opened:
        assert run.start(opened, config, run_id="r1", on_event=lambda _: None).status == "done"
        yield opened


def test_it_writes_mathematics_in_english_and_solves_it(workspace: Workspace) -> None:
    rows = (
        workspace.cursor().execute("SELECT query, n_solutions, difficulty FROM items ORDER BY question_id").fetchall()
    )
    texts = [text for text, _, _ in rows]
    assert len({*texts}) == 4
    assert sum(any(c.isdigit() for c in text) for text in texts) >= 2
    assert sum(len(text.split()) >= 8 for text in texts) >= 2
    reached = [row for row in rows if row[1]]
    assert reached
    assert all(count == 2 and 0.0 <= rate <= 1.0 for _, count, rate in reached)
    scores = workspace.cursor().execute("SELECT score FROM verdicts WHERE stage = 'solvability'").fetchall()
    assert all(score is not None and 0.0 <= score <= 1.0 for (score,) in scores)


def test_compare_offers_the_model_before_qft() -> None:
    sides = compare.comparable_generators(load_profile("smol"))
    assert {name: bool(role.adapter) for name, role in sides.items()} == {"smol-qft": True, "smol-qft-base": False}


def test_the_adapters_fit_in_12_megabytes_and_name_no_path() -> None:
    assert sum(path.stat().st_size for path in FOLDER.rglob("*")) <= 12_000_000
    for name in ("qgen", "judge", "solver"):
        config = json.loads((FOLDER / name / "adapter_config.json").read_text("utf-8"))
        assert config["base_model_name_or_path"] == "package:SmolLM2-135M-Instruct"
    calibration = load_profile("smol").difficulty.calibration
    assert calibration is not None
    assert calibration.solver == load_profile("smol").solver.weights


def test_the_questions_that_were_read_are_listed_with_what_was_said_of_them() -> None:
    read = Path(__file__).parents[3] / "benchmarks" / "smol_read.jsonl"
    rows = [json.loads(line) for line in read.read_text("utf-8").splitlines()]
    assert len(rows) == 100
    assert all({*row} == {"question", "complete", "sound"} for row in rows)
    assert not [row for row in rows if row["sound"] and not row["complete"]]
