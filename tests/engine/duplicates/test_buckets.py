"""Buckets against dictionaries of lists: one at a time, many at once, mixed, crowded."""

from __future__ import annotations

import random
from collections import defaultdict

import numpy as np
import pytest

from engine.duplicates.buckets import Buckets

Model = dict[tuple[int, int], list[int]]


def keys(count: int, bands: int, bits: int, kinds: int, seed: int) -> np.ndarray:
    """So many rows with ``kinds`` different keys a band, spread over all values as hashes are."""
    luck = random.Random(seed)
    pool = [luck.getrandbits(bits) for _ in range(kinds)]
    rows = [[luck.choice(pool) for _ in range(bands)] for _ in range(count)]
    return np.array(rows, np.uint32 if bits == 32 else np.uint64)


def modelled(rows: list[list[int]], owners: list[int], most: int | None) -> Model:
    buckets: Model = defaultdict(list)
    for row, these in enumerate(rows):
        for band, key in enumerate(these):
            bucket = buckets[band, key]
            full = bucket and owners[bucket[-1]] == owners[row] if most is None else len(bucket) >= most
            if not full:
                bucket.append(row)
    return buckets


@pytest.mark.parametrize(("bands", "bits", "most"), [(16, 32, 4), (2, 64, None), (1, 64, 1)])
@pytest.mark.parametrize("kinds", [20, 100_000])
def test_rows_are_found_by_their_keys_oldest_first_however_they_were_added(
    bands: int, bits: int, most: int | None, kinds: int
) -> None:
    rows = keys(3_000, bands, bits, kinds, seed=kinds)
    owners = [place // 500 % 3 for place in range(len(rows))]
    plain: list[list[int]] = rows.tolist()
    model = modelled(plain, owners, most)
    single, mixed = Buckets(bands, bits, most), Buckets(bands, bits, most, expected=10)
    for these, owner in zip(plain, owners, strict=True):
        single.add(these, owner)
    for first in range(0, 2_500, 500):
        mixed.extend(rows[first : first + 500], owners[first])
    mixed.build()
    for these, owner in zip(plain[2_500:], owners[2_500:], strict=True):
        mixed.add(these, owner)
    for table in (single, mixed):
        assert len(table) == 3_000
        for these in plain[:200]:
            assert table.find(these) == [row for band, key in enumerate(these) for row in model[band, key]]
            assert table.last(0, these[0]) == model[0, these[0]][-1]


def test_an_unknown_key_finds_nothing() -> None:
    table = Buckets(2, 64, 4)
    assert table.find((1, 2)) == []
    assert table.last(1, 2) is None
    table.build()
    table.add((1, 2))
    assert table.find((3, 2)) == [0]
    assert table.find((2, 1)) == []
