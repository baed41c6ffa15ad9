"""The benchmark of curating runs, here on a few questions: every figure is there and means what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("trl", reason="the extra train is not installed")


def test_every_part_of_it_runs(nano: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks import student

    for name, size in {"QUESTIONS": 24, "SIZE": 8, "HELD": 6, "SEEDS": 2, "EPOCHS": 1.0}.items():
        monkeypatch.setattr(student, name, size)
    figures = student.measure()
    assert figures.keys() == student.GOALS.keys()
    assert (figures["size"], figures["seeds"], figures["held_out"]) == (8, 2, 6)
    assert figures["difference_low"] <= figures["difference"] <= figures["difference_high"]
    assert figures["curated_right"] >= figures["unfiltered_right"] > 0
    assert figures["difference"] == pytest.approx(figures["curated"] - figures["unfiltered"], abs=2e-4)
