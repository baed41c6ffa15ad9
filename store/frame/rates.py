"""The measured pass rates of every model in memory: positions and codes, so that few rates take little room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class ModelRates:
    """``positions`` in the frame, ascending; ``codes``: at each the place of the model's pass rate in ``levels``, the
    ascending values that occur."""

    positions: Array
    codes: Array
    levels: Array

    def column(self, size: int) -> Array:
        """The rates of all rows, NaN where the model was not measured."""
        column = np.full(size, np.nan)
        column[self.positions] = self.levels[self.codes]
        return column

    def counts(self, rows: Array) -> Array:
        """How many of these rows (booleans) have each level."""
        return np.bincount(self.codes[rows[self.positions]], minlength=len(self.levels))


NOTHING = ModelRates(np.zeros(0, np.int32), np.zeros(0, np.uint8), np.zeros(0))


def by_model(table: pa.Table, q: Array) -> dict[str, ModelRates]:
    """The rates in a table of q, model and rate by model, those with most questions first. ``q``: the frame's keys."""
    if not table.num_rows or not len(q):
        return {}
    keys, values = table["q"].to_numpy(), table["rate"].to_numpy()
    near = np.minimum(np.searchsorted(q, keys), len(q) - 1)
    model = table["model"].combine_chunks().dictionary_encode()
    codes = model.indices.to_numpy()
    found: dict[str, ModelRates] = {}
    for code, name in enumerate(model.dictionary.to_pylist()):
        mine = np.flatnonzero((codes == code) & (q[near] == keys))
        mine = mine[np.argsort(near[mine], kind="stable")]
        if len(mine):
            levels, places = np.unique(values[mine], return_inverse=True)
            small = places.astype(np.min_scalar_type(len(levels)))
            found[name] = ModelRates(near[mine].astype(np.int32), small, levels)
    return dict(sorted(found.items(), key=lambda item: (-len(item[1].codes), item[0])))
