"""The benchmark of an adaptive n, at a size that says little but takes seconds."""

from __future__ import annotations

from pathlib import Path

from benchmarks import adaptive


def test_both_sides_are_counted_on_the_same_problems(nano: Path) -> None:
    found = adaptive.measure(problems=16)
    assert found.keys() == adaptive.GOALS.keys()
    assert found["problems"] == 16
    assert 0.0 < found["token_share"] < 1.0
    assert 1.0 <= found["samples_adaptive"] <= 5.0
    low, high = found["difference_ci95"]
    assert low <= round(found["accuracy_adaptive"] - found["accuracy_fixed"], 4) <= high
