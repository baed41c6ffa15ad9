"""Hash tables in NumPy arrays: rows found by their keys, several keys (bands) a row.

Rows with the same key of a band are a bucket, which is read in the order in which they were added. Two numbers a key
(the key, the next row of the chain) and one a slot: a row of 16 bands takes about 200 bytes, where dictionaries of
Python objects take ten times as much. Single rows are added and found through memory views, without NumPy's cost per
call; many are added at once by sorting.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
_LEAST_BITS = 10


class Buckets:
    """Keys are ``bits`` wide (32 or 64), uniformly distributed hashes. Rows are numbered from 0.

    ``most``: rows that a bucket takes; later ones are left out of it. If None, a bucket takes a row only where its last
    row has another owner. ``expected``: rows to make space for. One thread at a time may add; once nothing is added any
    more, any number may read.
    """

    def __init__(self, bands: int, bits: int, most: int | None = None, *, expected: int = 0) -> None:
        self._bands, self._key_bits, self._most = bands, bits, most
        self._keys: Array = np.empty((0, bands), np.uint32 if bits == 32 else np.uint64)
        self._next: Array = np.empty((0, bands), np.uint32)
        self._owners: Array = np.empty(0, np.uint32)
        self._count = 0
        self._reserve(expected)
        self._link()

    def __len__(self) -> int:
        return self._count

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays, as far as they are filled, and of the slots."""
        a_row = self._bands * (self._keys.itemsize + 4) + 4
        return self._count * a_row + 4 * len(self._heads)

    def find(self, keys: Sequence[int]) -> list[int]:
        """The rows of the buckets of these keys, one key a band; bucket by bucket, each in the order of its rows."""
        found = []
        heads, chain, stored, bands, shift = self._heads, self._chain, self._stored, self._bands, self._shift
        for band, key in enumerate(keys):
            row = heads[band << self._slot_bits | key >> shift]
            while row:
                place = (row - 1) * bands + band
                if stored[place] == key:
                    found.append(row - 1)
                row = chain[place]
        return found

    def last(self, band: int, key: int) -> int | None:
        """The last row of a bucket; None for an empty one."""
        found = None
        row = self._heads[band << self._slot_bits | key >> self._shift]
        while row:
            place = (row - 1) * self._bands + band
            if self._stored[place] == key:
                found = row - 1
            row = self._chain[place]
        return found

    def add(self, keys: Sequence[int], owner: int = 0) -> int:
        """Add a row; returns its number."""
        row = self._count
        if row == len(self._keys):
            self._reserve(row + 1)
        if row >= 1 << self._slot_bits:
            self._link()
        self._count += 1
        self._owner_of[row] = owner
        heads, chain, stored, bands, shift, most = (
            self._heads, self._chain, self._stored, self._bands, self._shift, self._most
        )  # fmt: skip
        for band, key in enumerate(keys):
            place = row * bands + band
            stored[place], chain[place] = key, 0
            slot, same, end, last = band << self._slot_bits | key >> shift, 0, -1, -1
            at = heads[slot]
            while at:
                end = (at - 1) * bands + band
                if stored[end] == key:
                    same, last = same + 1, at - 1
                at = chain[end]
            full = same and self._owner_of[last] == owner if most is None else same >= most
            if not full:
                if end < 0:
                    heads[slot] = row + 1
                else:
                    chain[end] = row + 1
        return row

    def extend(self, keys: Array, owner: int = 0) -> None:
        """Add many rows, ``keys[row, band]``. Call ``build`` before the next ``find`` or ``add``."""
        first, self._count = self._count, self._count + len(keys)
        self._reserve(self._count)
        self._keys[first : self._count] = keys
        self._owners[first : self._count] = owner

    def build(self) -> None:
        """Link the rows that ``extend`` has added."""
        self._link()

    def keys(self, band: int = 0) -> Array:
        """The keys of all rows in this band."""
        keys: Array = self._keys[: self._count, band]
        return keys

    def _reserve(self, rows: int) -> None:
        if rows > len(self._keys) or not len(self._keys):
            size = max(rows, len(self._keys) + len(self._keys) // 2, 1 << _LEAST_BITS)
            self._keys = _grown(self._keys, size, self._count)
            self._next = _grown(self._next, size, self._count)
            self._owners = _grown(self._owners, size, self._count)
            self._stored = _view(self._keys)
            self._chain = _view(self._next)
            self._owner_of = _view(self._owners)

    def _link(self) -> None:
        """Build all chains, with as many slots as there is space for rows."""
        self._slot_bits = max(_LEAST_BITS, (max(len(self._keys), 1) - 1).bit_length())
        self._shift = self._key_bits - self._slot_bits
        slots: Array = np.zeros((self._bands, 1 << self._slot_bits), np.uint32)
        for band in range(self._bands):
            self._link_band(band, slots[band])
        self._heads = _view(slots)

    def _link_band(self, band: int, slots: Array) -> None:
        order, keys = _sorted(self._keys[: self._count, band])
        linked = self._linked(order, keys)
        rows = order[linked]
        slot = (keys[linked] >> keys.dtype.type(self._shift)).astype(np.int64)
        first = np.ones(len(rows), bool)
        first[1:] = slot[1:] != slot[:-1]
        slots[slot[first]] = rows[first] + 1
        following = np.zeros(self._count, np.uint32)
        following[rows[:-1]] = np.where(first[1:], 0, rows[1:] + 1)
        self._next[: self._count, band] = following

    def _linked(self, order: Array, keys: Array) -> Array:
        """Which of these rows, sorted by key, their buckets take."""
        same = np.zeros(len(keys), bool)
        same[1:] = keys[1:] == keys[:-1]
        if self._most is None:
            owners = self._owners[order]
            same[1:] &= owners[1:] == owners[:-1]
            return ~same
        places = np.arange(len(keys))
        linked: Array = places - np.maximum.accumulate(np.where(same, 0, places)) < self._most
        return linked


def _view(array: Array) -> memoryview:
    """All its elements in a row, as Python's integers."""
    return memoryview(array.reshape(-1))  # type: ignore[arg-type]  # mypy for Python 3.11 knows no buffers


def _grown(array: Array, size: int, used: int) -> Array:
    grown: Array = np.empty((size, *array.shape[1:]), array.dtype)
    grown[: min(used, len(array))] = array[:used]
    return grown


def _sorted(keys: Array) -> tuple[Array, Array]:
    """(the order of the rows by key, equal ones by row; the keys in this order)."""
    if keys.dtype == np.uint32:  # key and row in one number: sorting those takes a fifth of the time
        both = keys.astype(np.uint64) << np.uint64(32) | np.arange(len(keys), dtype=np.uint64)
        both.sort()
        return (both & np.uint64(0xFFFFFFFF)).astype(np.int64), (both >> np.uint64(32)).astype(np.uint32)
    order = np.argsort(keys, kind="stable")
    return order, keys[order]
