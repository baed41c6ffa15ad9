"""The benchmark of exploring runs, here on a few thousand rows."""

from __future__ import annotations

from benchmarks import explore


def test_every_part_of_it_runs() -> None:
    figures = explore.measure(4_000)
    assert figures.keys() == explore.GOALS.keys()
    timed = [figure for figure in figures.values() if isinstance(figure, dict)]
    assert all(0 < figure["p50"] <= figure["p95"] for figure in timed)
    assert figures["rows"] == 4_000
    assert figures["import_ratio"] > 0
