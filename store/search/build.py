"""Brings the index to the rows that the database has now. Knows neither frames nor searches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from store.database.ids import IDX_BITS
from store.filters.search_syntax import SPLIT
from store.search.index import Index

_BATCH = 10_000
"""Questions in a transaction."""
_MERGE = 100_000
"""So many new ones make a merge worth its seconds."""

Array = NDArray[Any]


def build(index: Index, cursor: Callable[[], duckdb.DuckDBPyConnection]) -> None:
    """Add what is missing until nothing is. An index of other rows (a database was put back) begins anew."""
    added = 0
    while True:
        with cursor() as asking:
            names = dict(asking.execute("SELECT number, run_id FROM run_numbers").fetchall())
            have = asking.sql("SELECT q, chars FROM question_rows ORDER BY q").to_arrow_table()
        keys, chars = have["q"].to_numpy(), have["chars"].to_numpy()
        indexed = index.keys()
        if index.size and (_foreign(index, names, keys, chars) or _stale(indexed, keys)):
            index.reset()
            indexed = index.keys()
        missing = ~np.isin(keys, indexed)
        if not missing.any():
            break
        keys, chars = keys[missing], chars[missing]
        for number in np.unique(keys >> IDX_BITS).tolist():
            of_run = keys >> IDX_BITS == number
            with cursor() as asking:
                _add(index, asking, names[number], keys[of_run], chars[of_run])
        added += len(keys)
    if added >= _MERGE:
        index.merge()


def _add(index: Index, cursor: duckdb.DuckDBPyConnection, run_id: str, keys: Array, chars: Array) -> None:
    """Documents of one run; ``keys`` ascend."""
    query = f"SELECT q, {SPLIT} AS words FROM question_text WHERE q BETWEEN ? AND ?"
    for batch in batches(cursor, query, [int(keys[0]), int(keys[-1])], _BATCH):
        some = batch.column(0).to_numpy()
        at = np.minimum(np.searchsorted(keys, some), len(keys) - 1)
        wanted = keys[at] == some
        if wanted.any():
            texts = batch.column(1).to_pylist()
            if not wanted.all():
                texts = [text for text, wants in zip(texts, wanted, strict=True) if wants]
            index.add(run_id, some[wanted], texts, int(chars[at[wanted]].sum()))


def batches(cursor: duckdb.DuckDBPyConnection, query: str, values: list[Any], rows: int) -> Iterator[pa.RecordBatch]:
    """What a query finds, as it is read: never all of it is in memory. Fails by duckdb.Error only."""
    try:
        yield from cursor.sql(query, params=values).to_arrow_reader(rows)
    except OSError as error:  # as Arrow calls what DuckDB said
        raise duckdb.InterruptException(str(error)) from error


def _foreign(index: Index, names: dict[int, str], keys: Array, chars: Array) -> bool:
    """Whether the index tells of other rows than these: of other runs, of other lengths, or of rows that are gone
    from a run that is there.
    """
    inside = np.isin(keys, index.keys())
    here = np.unique(keys >> IDX_BITS).tolist()
    numbers, code = np.unique(keys[inside] >> IDX_BITS, return_inverse=True)
    sums = zip(np.bincount(code).tolist(), np.bincount(code, weights=chars[inside]).tolist(), strict=True)
    found = dict(zip(numbers.tolist(), sums, strict=True))
    return any(
        names.get(number) != run_id or (number in here and found.get(number) != (rows, total))
        for number, (run_id, rows, total) in index.runs().items()
    )


def _stale(indexed: Array, keys: Array) -> bool:
    """Whether most of the index is of deleted runs."""
    return int(np.count_nonzero(np.isin(indexed, keys))) * 2 < len(indexed)
