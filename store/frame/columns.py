"""Columns of Arrow tables as NumPy arrays: codes of categories, and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Array = NDArray[Any]


def encoded(column: pa.ChunkedArray) -> tuple[Array, list[Any]]:
    """Codes and their values; null is the last value."""
    whole = column.combine_chunks().dictionary_encode()
    if isinstance(whole, pa.ChunkedArray):  # pyarrow gives chunks back where there are none
        whole = whole.combine_chunks() if whole.num_chunks else pa.array([], column.type).dictionary_encode()
    values = whole.dictionary.to_pylist()
    codes = whole.indices.fill_null(len(values)).to_numpy(zero_copy_only=False)
    return codes, [*values, None] if whole.null_count else values


def ordered(codes: Array, values: list[Any], wanted: Sequence[str]) -> tuple[Array, list[Any]]:
    """The codes and values with the values in the wanted order; other values come last, by name."""
    rank = {run: place for place, run in enumerate(wanted)}
    order = sorted(range(len(values)), key=lambda i: (rank.get(values[i], len(rank)), values[i]))
    new = np.empty(len(values), np.int32)
    new[order] = np.arange(len(values))
    return new[codes], [values[i] for i in order]


def small(codes: Array, count: int) -> Array:
    return codes.astype(np.uint8 if count < 2**8 else np.uint16 if count < 2**16 else np.int32)


def whole(column: pa.ChunkedArray) -> Array:
    found: Array = column.cast(pa.int64()).to_numpy()
    return found


def real(column: pa.ChunkedArray) -> Array:
    found: Array = column.cast(pa.float64()).to_numpy()
    return found  # null is NaN
