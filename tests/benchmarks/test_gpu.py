"""The GPU's checks run whole on tiny random models of the real architectures, on a processor, and end with a table."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.gpu.checks import Row, compared, markdown, rows_of
from tests.engine.models.vllm import needs_vllm
from tests.ui.cli.command import ROOT, environment


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    line = [sys.executable, "-m", "benchmarks", "gpu", "--tiny", "--json"]
    ran = subprocess.run(line, cwd=ROOT, env=environment(), capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    report: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return report


@needs_vllm
def test_every_check_runs_on_tiny_models_and_none_fails(found: dict[str, Any]) -> None:
    rows = {(row["part"], row["name"]): row for row in found["rows"]}
    assert found["failed"] == 0
    assert "tiny random models" in found["machine"]
    assert {part for part, _ in rows} == {"tokenizers", "reward", "judge", "placement", "speed"}
    deepseek = "deepseekmath-7b-qgen, deepseek-generate"
    for name, expected in (("round trip in vLLM", "whole"), ("BOS", "1"), ("stops", "2 tokens")):
        row = rows["tokenizers", f"{deepseek}: {name}"]
        assert (row["measured"], row["outcome"]) == (expected, "pass")
    assert rows["reward", "score, transformers'"]["outcome"] == "pass"
    assert rows["reward", "score with the token as text"]["outcome"] == "pass"
    assert rows["judge", "questions with a verdict"]["measured"].endswith("of 16")
    loaded = [name for part, name in rows if part == "placement" and name.endswith("seconds to load")]
    assert sorted(name.partition(":")[0] for name in loaded) == ["deepseek", "internlm2", "qwen2"]
    assert float(rows["speed", "qft_tokens_per_s"]["measured"].replace(",", "")) > 0


def test_a_check_that_raises_is_a_row_and_stops_no_other() -> None:
    def failing() -> Iterator[Row]:
        yield compared("judge", "first", "1", "1", True, "")
        raise ValueError("no such model\nTraceback")

    rows = [*rows_of("judge", "second", failing), compared("reward", "third", "1", "2", False, "it differs | much.")]
    assert [(row.name, row.outcome) for row in rows] == [("first", "pass"), ("second", "fail"), ("third", "fail")]
    table = markdown(rows, "a card")
    assert "| judge | second | it runs | it failed | fail |" in table
    assert "- judge, second: no such model." in table
    assert "- reward, third: it differs | much." in table
