"""Whether two frames have the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from store.frame.frame import NUMBERS, Frame


def assert_same(one: Frame, other: Frame) -> None:
    """Coded values may stand in another order, and be there without a row."""
    assert np.array_equal(one.q, other.q)
    for name in (*other.codes,):
        mine, theirs = ([frame.values[name][code] for code in frame.codes[name]] for frame in (one, other))
        assert mine == theirs, name
    for name, column in other.numbers.items():
        assert np.array_equal(one.numbers[name], column, equal_nan=True), name
    for name in ("edited", "pair", "stage_path"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    assert one.bins == other.bins
    assert counted(one, one.totals) == counted(other, other.totals)
    assert one.version == other.version
    for name in NUMBERS:
        assert np.array_equal(one.order(name, True)[0], other.order(name, True)[0])


def counted(frame: Frame, counts: dict[str, list[int]]) -> dict[str, Any]:
    return {
        name: {value: n for value, n in zip(frame.values.get(name, range(len(found))), found, strict=False) if n}
        for name, found in counts.items()
    }
