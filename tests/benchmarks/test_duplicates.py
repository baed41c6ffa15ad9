"""The benchmark of the duplicate stage runs, here on a few thousand questions."""

from __future__ import annotations

from benchmarks import duplicates


def test_every_part_of_it_runs() -> None:
    figures = duplicates.measure(3_000)
    assert figures.keys() == duplicates.GOALS.keys()
    assert all(figures[name] > 0 for name in figures if name != "crowded_missed")
    assert 0 <= figures["crowded_missed"] < 0.5
