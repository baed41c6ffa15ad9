"""The rows of an export in the order of their keys: first the keys, for exact counts, then the texts in parts.

Everything is read from the views in one transaction (``read_transaction``) and in bounded memory.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from store.database import duckdb_errors
from store.database.arrow import dictionary_encoded, registered
from store.database.ids import key_ranges
from store.database.views import choices, narrowed
from store.database.workspace import Workspace
from store.errors import StoreError
from store.export import row_sql
from store.export.formats import Format, Reasoning, View
from store.filters.filter import Filter
from store.map.files import keys_in_area

Array = np.ndarray[Any, Any]
Cursor = duckdb.DuckDBPyConnection
_PART_BYTES, _MOST, _FIRST = 96 << 20, 100_000, 10_000
"""The size of a part in bytes, its largest number of rows, and the rows of the first part, which measures the texts."""
_BATCH = 4096
"""Rows of a chunk: small ones reuse memory, large ones take new pages each time."""
_RUNS = 100
"""Rows in more runs than this are sorted one by one."""
_LIGHT = frozenset(Filter.__slots__) - {"text", "words", "regex", "reward", "n_solutions", "pass_rate"}
"""Conditions on pairs that need neither their texts nor their rewards, rates or counts."""
CHECKABLE = ("open", "choice")
"""The kinds of prompts whose answers a rule can check (``engine.text.checkability``); unlabelled ones may be, too."""


class Interrupted(Exception):
    """The workspace was closed during a read."""


@dataclass(frozen=True, slots=True)
class Selected:
    """The rows of a filter: a table of q, run_id, status, edited and (for pairs) sample, ascending in q.

    ``rejected``: the number of rows left out because a reviewer rejected them; a filter by status keeps them.
    ``uncheckable``: the number of prompts left out because no rule can check an answer. ``rate_model``: the model that
    the filter names, whose pass rates are written; None for the one measured first.
    """

    view: View
    rows: pa.Table
    rejected: int
    uncheckable: int = 0
    rate_model: str | None = None

    @property
    def q(self) -> Array:
        keys: Array = self.rows["q"].to_numpy()
        return keys

    def counts(self, column: str) -> dict[str, int]:
        """Rows by value of ``status`` or ``run_id``, by name."""
        counts = pc.value_counts(self.rows[column].cast(pa.string())).to_pylist()
        return {one["values"]: one["counts"] for one in sorted(counts, key=lambda one: str(one["values"]))}


@contextmanager
def read_transaction(cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """A read-only transaction. Database errors become a StoreError."""
    try:
        cursor.execute("BEGIN")
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")
    except duckdb.InterruptException as error:
        raise Interrupted from error
    except duckdb.Error as error:
        raise StoreError(f"the rows cannot be read ({duckdb_errors.first_line(error)}); try again.") from error


def select(
    cursor: duckdb.DuckDBPyConnection,
    view: View,
    filter_: Filter,
    go_on: Callable[[], None] = lambda: None,
    *,
    inside: Sequence[int] | None = None,
    checkable: bool = False,
) -> Selected:
    """The rows of ``pairs``, of ``prompts``, or the dropped rows of ``items`` that are not pairs. ``go_on`` is called
    before each block of keys, and may raise. ``inside``: the keys in the filter's area, as ``Filter.to_sql`` takes
    them. ``checkable``: leave out rows that no rule can check."""
    parts: list[pa.Table] = []
    keys = None if inside is None else np.array(inside, np.int64)
    light = view != "pairs" or set(filter_.to_dict()) <= _LIGHT
    names = "q, run_id, status, edited" + (", sample" if view == "pairs" else ", checkability")
    for span in key_ranges(cursor):
        go_on()
        low, high = span["low"], span["high"]
        area_keys = None if keys is None else keys[(keys >= low) & (keys <= high)].tolist()
        table: Literal["pairs", "items"] = (
            "pairs" if view == "pairs" else "items"
        )  # a prompt is filtered by the columns of its question
        condition, values = filter_.to_sql(table, area_keys)
        if view == "items":
            condition += " AND drop_stage IS NOT NULL AND question_id NOT IN (SELECT question_id FROM pairs)"
        elif view == "prompts":
            condition += " AND question_id IN (SELECT question_id FROM prompts)"
        query = f"{_views(low, high, light)} SELECT {names} FROM {table} WHERE {condition}"
        parts.append(dictionary_encoded(cursor.sql(query, params=values).to_arrow_table()))
    rows = _ordered(pa.concat_tables(parts).unify_dictionaries())
    kept = rows if filter_.status else rows.filter(pc.not_equal(rows["status"].cast(pa.string()), "rejected"))
    rejected, model = rows.num_rows - kept.num_rows, filter_.rate_model
    if not checkable:
        return Selected(view, kept.combine_chunks(), rejected, rate_model=model)
    kind = kept["checkability"].cast(pa.string())
    ruled = kept.filter(pc.or_kleene(pc.is_null(kind), pc.is_in(kind, pa.array(CHECKABLE))))
    return Selected(view, ruled.combine_chunks(), rejected, kept.num_rows - ruled.num_rows, model)


def read(
    cursor: duckdb.DuckDBPyConnection,
    selected: Selected,
    form: Format,
    columns: tuple[str, ...],
    same: Callable[[str, str], bool] | None = None,
    *,
    reasoning: Reasoning = "inline",
    all_samples: bool = False,
) -> Iterator[pa.Table]:
    """The selected rows in parts: ``q``, ascending, and ``line`` (for a format of lines) or the columns. ``dpo`` gives
    only rows that make a preference pair; ``same`` compares two answers, None allows equal ones. ``all_samples`` gives
    a row per sample, in their order.
    """
    size = _FIRST
    for block in key_blocks(cursor, selected):
        first = 0
        while first < block.num_rows:
            keys = block.slice(first, size).combine_chunks()
            first += keys.num_rows
            with registered(cursor, keys=keys):
                rows = row_sql.rows(cursor, selected.view, keys, form, columns, same, all_samples, selected.rate_model)
                part = cursor.sql(row_sql.output(rows, form, columns, reasoning, all_samples)).to_arrow_table(_BATCH)
            yield _ordered(part)
            size = max(1000, min(_MOST, int(_PART_BYTES / (part.nbytes / keys.num_rows + 1))))


def key_blocks(cursor: duckdb.DuckDBPyConnection, selected: Selected) -> Iterator[pa.Table]:
    """The selected rows by the ranges of keys that they lie in: bounds the work of reading them, also where a filter
    keeps few."""
    ends = np.searchsorted(selected.q, [span["high"] for span in key_ranges(cursor)], side="right")
    first = 0
    for end in ends.tolist():
        if end > first:
            yield selected.rows.slice(first, end - first).combine_chunks()
        first = end


def sample(selected: Selected, most: int) -> list[Selected]:
    """About ``most`` of the rows, in up to four contiguous blocks, which are read quickly."""
    each = max(most // 4, 1)
    starts = sorted({int(start) for start in np.linspace(0, max(selected.rows.num_rows - each, 0), 4)})
    blocks: list[Selected] = []
    end = 0
    for start in starts:
        rows = selected.rows.slice(max(start, end), start + each - max(start, end))
        blocks.append(replace(selected, rows=rows.combine_chunks(), uncheckable=0))
        end = start + each
    return blocks


def training_pairs(workspace: Workspace, filter_: Filter) -> Iterator[tuple[str, str]]:
    """(query, response) of the filter's pairs in the order of their keys, as edited; without pairs that a reviewer
    rejected, unless the filter has a status. InputError for an area of another map."""
    condition, values = filter_.to_sql("pairs", keys_in_area(workspace, filter_))
    if not filter_.status:
        condition = f"({condition}) AND status <> 'rejected'"
    with workspace.cursor() as cursor:
        for span in key_ranges(cursor):
            part = narrowed("pairs", f"{{}}.q BETWEEN {span['low']} AND {span['high']}")
            cursor.execute(f"SELECT query, response FROM ({part}) WHERE {condition} ORDER BY q", values)
            while rows := cursor.fetchmany(4096):
                yield from rows


def training_questions(workspace: Workspace, filter_: Filter) -> Iterator[str]:
    """The filter's questions in the order of their keys, as edited, whether they have solutions or not. Those that a
    stage dropped or a reviewer rejected only where the filter names such stages, reasons or that status. InputError for
    an area of another map."""
    condition, values = filter_.to_sql("items", keys_in_area(workspace, filter_))
    if not filter_.status:
        condition = f"({condition}) AND status <> 'rejected'"
    if not (filter_.drop_stage or filter_.drop_reason):
        condition = f"({condition}) AND drop_stage IS NULL"
    with workspace.cursor() as cursor:
        for span in key_ranges(cursor):
            part = narrowed("items", f"{{}}.q BETWEEN {span['low']} AND {span['high']}")
            cursor.execute(f"SELECT query FROM ({part}) WHERE {condition} ORDER BY q", values)
            while rows := cursor.fetchmany(4096):
                yield from (query for (query,) in rows)


def _views(low: int, high: int, light: bool) -> str:
    """A WITH clause that restricts the views to the questions between two keys. ``light``: ``pairs`` has the columns of
    ``choices`` only. ``verdict_rows`` comes last, so that the others read the table."""
    where = f"{{}}.q BETWEEN {low:d} AND {high:d}"
    pairs = choices(where)
    if not light:
        pairs = f"SELECT v.*, c.sample FROM ({narrowed('pairs', where)}) v JOIN ({pairs}) c ON c.q = v.q"
    return f"""
        WITH items AS ({narrowed("items", where)}), pairs AS ({pairs}), prompts AS ({narrowed("prompts", where)}),
        verdict_rows AS (SELECT * FROM main.verdict_rows r WHERE {where.format("r")})"""


def _ordered(table: pa.Table) -> pa.Table:
    """The table ascending in q. Most tables consist of a few sorted runs, which are reordered without copying texts."""
    order = np.argsort(table["q"].to_numpy(), kind="stable")
    if not len(order):
        return table
    cuts = [0, *(np.flatnonzero(np.diff(order) != 1) + 1).tolist(), len(order)]
    if len(cuts) > _RUNS:
        return table.take(pa.array(order))
    return pa.concat_tables(table.slice(order[first], end - first) for first, end in pairwise(cuts))
