"""Counting many dimensions in few passes: several dimensions share one code, and their joint counts are summed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_CELLS = 16_384
"""The most cells of a cube of several dimensions, so that it stays in the processor's cache."""


@dataclass(frozen=True, slots=True)
class Cube:
    """Dimensions counted together. ``codes``: the cell of each row."""

    names: tuple[str, ...]
    shape: tuple[int, ...]
    codes: NDArray[Any]

    def counts(self, rows: NDArray[np.int64] | None, wanted: Iterable[str]) -> dict[str, list[int]]:
        """For each wanted dimension of this cube the counts of its codes, among some rows or all (None)."""
        present = [name for name in self.names if name in set(wanted)]
        if not present:
            return {}
        codes = self.codes if rows is None else self.codes[rows]
        cells = np.bincount(codes, minlength=math.prod(self.shape)).reshape(self.shape)
        axes = range(len(self.shape))
        return {
            name: cells.sum(axis=tuple(axis for axis in axes if self.names[axis] != name)).tolist() for name in present
        }

    def changed(self, at: NDArray[Any], codes: Sequence[NDArray[Any]]) -> Cube:
        """A copy with new codes of each dimension at some rows."""
        cells = self.codes.copy()
        cells[at] = np.ravel_multi_index([part.astype(np.int64) for part in codes], self.shape)
        return Cube(self.names, self.shape, cells)


def build(dimensions: Mapping[str, tuple[NDArray[Any], int]]) -> list[Cube]:
    """Cubes of all dimensions (codes, how many there are), small ones together."""
    cubes: list[Cube] = []
    for name, (codes, size) in sorted(dimensions.items(), key=lambda item: item[1][1]):
        size = max(size, 1)
        last = cubes[-1] if cubes else None
        if last is not None and math.prod(last.shape) * size <= _CELLS:
            both = last.codes.astype(np.uint16) * np.uint16(size) + codes.astype(np.uint16)
            cubes[-1] = Cube((*last.names, name), (*last.shape, size), both)
        else:
            cubes.append(Cube((name,), (size,), codes))
    return cubes
