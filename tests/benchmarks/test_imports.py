"""Every layout that the benchmark of the first guess lists is read whole, and every known layout is among them."""

from __future__ import annotations

import pytest

from benchmarks.imports import faults_of
from benchmarks.layouts import LAYOUTS, Case
from engine.data import columns
from engine.imports import layouts


@pytest.mark.parametrize("case", LAYOUTS, ids=lambda case: case.name)
def test_a_layout_is_read_whole_at_the_first_guess(case: Case) -> None:
    assert faults_of(case) == []


def test_every_known_layout_has_an_example() -> None:
    found = {layouts.of(case.rows, columns.of(case.rows))[0] for case in LAYOUTS if isinstance(case.rows, list)}
    assert {layout.name for layout in layouts.LAYOUTS} <= found
