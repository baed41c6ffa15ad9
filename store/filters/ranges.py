"""Ranges of numbers in a filter, and those of one model's pass rates."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from store.errors import InputError

Range = tuple[float | None, float | None]
OPEN: Range = (None, None)
_MOST = 200
"""Characters of a model's name."""


@dataclass(frozen=True, slots=True)
class ModelRange:
    """A range of the pass rates of ``model``. Where it is open on both sides only the model is named: every question
    passes, and charts show this model's rates."""

    model: str
    range: Range = OPEN

    def to_dict(self) -> dict[str, Any]:
        return {"model": self.model} | ({} if self.range == OPEN else {"range": list(self.range)})


def read_range(name: str, value: Any) -> Range:
    """InputError unless it is a pair of numbers, null for an open end, in order."""
    remedy = f'write e.g. "{name}": [0.3, 0.8], null for an open end'
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise InputError(f"filter.{name}", value, "is not a pair of numbers", remedy)
    for end in value:
        number = isinstance(end, (int, float)) and not isinstance(end, bool) and abs(end) <= sys.float_info.max
        if end is not None and not number:
            raise InputError(f"filter.{name}", value, "is not a pair of numbers", remedy)
    low, high = (None if end is None else float(end) for end in value)
    if low is not None and high is not None and low > high:
        raise InputError(f"filter.{name}", value, "has a lower end above its upper end", remedy)
    return low, high


def read_rate(name: str, value: Any) -> Range | ModelRange:
    """A range, or ``{"model": NAME, "range": [LOW, HIGH]}``. InputError where it is neither."""
    if not isinstance(value, Mapping):
        return read_range(name, value)
    model, range_ = value.get("model"), value.get("range")
    if set(value) - {"model", "range"} or not isinstance(model, str) or not 0 < len(model) <= _MOST:
        remedy = f'write e.g. "{name}": {{"model": "solver", "range": [0.1, 0.9]}}'
        raise InputError(f"filter.{name}", dict(value), "does not name a model and a range", remedy)
    return ModelRange(model, OPEN if range_ is None else read_range(name, range_))
