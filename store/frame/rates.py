"""The measured pass rates of every model in memory: positions and values, so that few rates take little room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class ModelRates:
    """``positions`` in the frame, ascending, and the model's pass rate at each."""

    positions: Array
    values: Array

    def column(self, size: int) -> Array:
        """The rates of all rows, NaN where the model was not measured."""
        column = np.full(size, np.nan)
        column[self.positions] = self.values
        return column


NOTHING = ModelRates(np.zeros(0, np.int32), np.zeros(0))


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
            found[name] = ModelRates(near[mine].astype(np.int32), values[mine])
    return dict(sorted(found.items(), key=lambda item: (-len(item[1].values), item[0])))
