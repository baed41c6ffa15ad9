"""Greedy confidence: the fit, on measured questions that a known rule made, and ``scalequest train confidence``."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from engine.config.calibration import Calibration
from engine.config.profiles import profile_of, profile_table
from engine.models.base import Logprobs
from engine.training.confidence import Measured, deviance_explained, fit, predict, quality
from tests.engine.training.generators import jsonl, refusal, train

N = 16


def _measured(count: int) -> list[Measured]:
    """Questions whose log-odds of failing are 2 + 1.5 log(-least)."""
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(count):
        least = -math.exp(rng.uniform(-8, 0))
        rate = 1 / (1 + math.exp(-(2 + 1.5 * math.log(-least))))
        rows.append(Measured(Logprobs(least / 20, least), False, int(rng.binomial(N, rate)), N, 50.0))
    return rows


def test_a_fit_finds_the_rule_and_says_how_well_it_predicts() -> None:
    rows = [*_measured(600), *[Measured(Logprobs(-1e-5, -1e-3), True, N, N, 300.0)] * 3]
    made = fit(rows, "a-solver")
    assert made.solver == "a-solver"
    for least in (-0.01, -0.1, -0.5):
        assert made.logit(least / 20, least) == pytest.approx(2 + 1.5 * math.log(-least), abs=0.4)
    assert made.cut_off > 0.95
    new = _measured(300)
    found = quality(predict(made, new), [row.fails for row in new], [row.n for row in new])
    assert found.questions == 300
    assert found.auc_any_fail is not None
    assert found.auc_any_fail > 0.9
    assert found.deviance_explained is not None
    assert found.deviance_explained > 0.8
    assert sum(count for count, _, _ in found.reliability) == 300
    assert all(abs(said - measured) < 0.15 for count, said, measured in found.reliability if count > 20)


def test_deviance_is_explained_from_a_base() -> None:
    fails, n = [0, 4, 8, 16], [16] * 4
    exact = [k / 16 for k in fails]
    assert deviance_explained(exact, fails, n) == pytest.approx(1.0, abs=1e-4)
    assert deviance_explained([7 / 16] * 4, fails, n) == pytest.approx(0.0)
    assert not deviance_explained(exact, fails, n, base=exact)
    assert deviance_explained([0.5] * 4, fails, n, base=[0.9] * 4) > 0  # type: ignore[operator]


def test_nothing_to_fit_is_an_error() -> None:
    with pytest.raises(ValueError, match="failures"):
        fit([Measured(Logprobs(-0.1, -0.2), False, 0, N, 10.0)], "a-solver")


def test_the_command_measures_once_and_makes_what_a_profile_names(
    nano: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "made" / "confidence.json"
    line = ("confidence", "--profile", "nano", "--questions", "nano-dev:3", "--limit", 24, "--out", out, "--n")
    assert train(*line, 3) == 0
    said = capsys.readouterr().out
    assert "AUC of failing at all" in said
    assert f'calibration = "{out}"' in said
    made, measured = Calibration.read(str(out)), json.loads(out.read_text())["measured"]
    assert made.solver == "assets/nano/solver"
    assert measured["dev"] + measured["held_out"]["questions"] == 24
    files = {path.name: path.read_bytes() for path in out.parent.iterdir() if "samples" in path.name}
    assert sorted(files) == [f"confidence.json.{name}.jsonl.samples.jsonl" for name in ("greedy", "rates")]
    out.unlink()
    assert train(*line, 3) == 0
    assert Calibration.read(str(out)) == made
    assert files == {name: (out.parent / name).read_bytes() for name in files}
    _, table = profile_table("nano-adaptive", None)
    table["difficulty"] |= {"calibration": str(out)}
    assert profile_of(table, "mine").difficulty.calibration == made


def test_questions_that_tell_nothing_are_refused(
    nano: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = jsonl(
        tmp_path / "q.jsonl", [{"question": "Tom has 3 apples. How many apples has Tom?", "answer": "4711"}] * 2
    )
    line = ("confidence", "--profile", "nano", "--questions", file, "--out", tmp_path / "c.json", "--n")
    said = refusal(capsys, *line, 2)
    assert "--questions 1 are too few, or all alike" in said
    assert "--n 0 is below 1" in refusal(capsys, *line, 0)
