"""The rows of an export in the order of their keys: first the keys, for exact counts, then the texts in parts.

Everything is read from the views in one transaction (``read_transaction``) and in bounded memory.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

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
from store.export import formats
from store.export.formats import Format
from store.filters.filter import Filter, View
from store.map.files import keys_in_area

Array = np.ndarray[Any, Any]
Cursor = duckdb.DuckDBPyConnection
_PART_BYTES, _MOST, _FIRST = 96 << 20, 100_000, 10_000
"""The size of a part in bytes, its largest number of rows, and the rows of the first part, which measures the texts."""
_BATCH = 4096
"""Rows of a chunk: small ones reuse memory, large ones take new pages each time."""
_RUNS = 100
"""Rows in more runs than this are sorted one by one."""
_LIGHT = frozenset(Filter.__slots__) - {"text", "words", "regex", "reward", "n_solutions"}
"""Conditions on pairs that need neither their texts nor their rewards or counts."""


class Interrupted(Exception):
    """The workspace was closed during a read."""


@dataclass(frozen=True, slots=True)
class Selected:
    """The rows of a filter: a table of q, run_id, status, edited and (for pairs) sample, ascending in q.

    ``rejected``: the number of rows left out because a reviewer rejected them; a filter by status keeps them.
    """

    view: View
    rows: pa.Table
    rejected: int

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
) -> Selected:
    """The rows of ``pairs``, or the dropped rows of ``items`` that are not pairs. ``go_on`` is called before each
    block of keys, and may raise. ``inside``: the keys in the filter's area, as ``Filter.to_sql`` takes them."""
    parts: list[pa.Table] = []
    keys = None if inside is None else np.array(inside, np.int64)
    light = view == "items" or set(filter_.to_dict()) <= _LIGHT
    names = "q, run_id, status, edited" + (", sample" if view == "pairs" else "")
    for span in key_ranges(cursor):
        go_on()
        low, high = span["low"], span["high"]
        area_keys = None if keys is None else keys[(keys >= low) & (keys <= high)].tolist()
        condition, values = filter_.to_sql(view, area_keys)
        if view == "items":
            condition += " AND drop_stage IS NOT NULL AND question_id NOT IN (SELECT question_id FROM pairs)"
        query = f"{_views(low, high, light)} SELECT {names} FROM {view} WHERE {condition}"
        parts.append(dictionary_encoded(cursor.sql(query, params=values).to_arrow_table()))
    rows = _ordered(pa.concat_tables(parts).unify_dictionaries())
    kept = rows if filter_.status else rows.filter(pc.not_equal(rows["status"].cast(pa.string()), "rejected"))
    return Selected(view, kept.combine_chunks(), rows.num_rows - kept.num_rows)


def read(
    cursor: duckdb.DuckDBPyConnection,
    selected: Selected,
    form: Format,
    columns: tuple[str, ...],
    same: Callable[[str, str], bool] | None = None,
) -> Iterator[pa.Table]:
    """The selected rows in parts: ``q``, ascending, and ``line`` (for a format of lines) or the columns. ``dpo`` gives
    only rows that make a preference pair; ``same`` compares two answers, None allows equal ones.
    """
    size = _FIRST
    for block in key_blocks(cursor, selected):
        first = 0
        while first < block.num_rows:
            keys = block.slice(first, size).combine_chunks()
            first += keys.num_rows
            with registered(cursor, keys=keys):
                part = cursor.sql(_query(cursor, selected.view, keys, form, columns, same)).to_arrow_table(_BATCH)
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
        blocks.append(Selected(selected.view, rows.combine_chunks(), selected.rejected))
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


def _views(low: int, high: int, light: bool) -> str:
    """A WITH clause that restricts the views to the questions between two keys. ``light``: ``pairs`` has the columns of
    ``choices`` only. ``verdict_rows`` comes last, so that the others read the table."""
    where = f"{{}}.q BETWEEN {low:d} AND {high:d}"
    pairs = choices(where)
    if not light:
        pairs = f"SELECT v.*, c.sample FROM ({narrowed('pairs', where)}) v JOIN ({pairs}) c ON c.q = v.q"
    return f"""
        WITH items AS ({narrowed("items", where)}), pairs AS ({pairs}),
        verdict_rows AS (SELECT * FROM main.verdict_rows r WHERE {where.format("r")})"""


def _query(
    cursor: duckdb.DuckDBPyConnection,
    view: View,
    keys: pa.Table,
    form: Format,
    columns: tuple[str, ...],
    same: Callable[[str, str], bool] | None,
) -> str:
    low, high = keys["q"][0].as_py(), keys["q"][-1].as_py()
    where = f"{{}}.q BETWEEN {low:d} AND {high:d}"
    if form is formats.FORMATS["dpo"]:
        row = _preferences(cursor, where, same)
    elif columns == formats.BRIEF:
        row = _brief(where, edited=pc.any(keys["edited"]).as_py())
    else:
        row = f"SELECT v.* FROM ({narrowed(view, where)}) v JOIN keys k ON v.q = k.q"
    line = formats.line(form, columns)
    output = ", ".join(columns) if line is None else f"CAST({line} AS VARCHAR) AS line"
    return f"SELECT q, {output} FROM ({row}) AS row_of_export"


def _brief(where: str, edited: bool) -> str:
    """Query and response from three tables instead of the view's nine; edited texts come from the view. Solutions are
    joined by row number: a join by two columns would unpack the texts of all samples."""
    chosen = f"""
        SELECT k.q, k.edited, x.rowid AS place FROM keys k
        JOIN solution_text x ON x.q = k.q AND x.sample = k.sample AND {where.format("x")}"""
    texts = f"""
        SELECT k.q, k.edited, t.text AS query, x.text AS response FROM ({chosen}) k
        JOIN question_text t ON t.q = k.q AND {where.format("t")}
        JOIN solution_text x ON x.rowid = k.place AND {where.format("x")}"""
    if not edited:
        return texts
    view = narrowed("pairs", "{}.q IN (SELECT q FROM keys WHERE edited)")
    return f"{texts} WHERE NOT k.edited UNION ALL SELECT q, edited, query, response FROM ({view})"


def _preferences(cursor: duckdb.DuckDBPyConnection, where: str, same: Callable[[str, str], bool] | None) -> str:
    """Chosen: the pair's response. Rejected: the sample with the lowest reward below it (ties: the first sample), by
    default only of samples with another final answer."""
    worse = f"""
        SELECT v.q, v.answer, s.sample, s.answer AS other, w.reward
        FROM (SELECT q, answer, reward FROM ({narrowed("pairs", where)})) v
        JOIN keys k ON k.q = v.q
        JOIN solution_rows s ON s.q = v.q AND s.sample <> k.sample AND {where.format("s")}
        JOIN reward_rows w ON w.q = s.q AND w.sample = s.sample AND w.leads AND {where.format("w")}
        WHERE w.reward < v.reward"""
    if same is not None:
        different = "answer IS DISTINCT FROM other"
        answers = f"SELECT DISTINCT answer, other FROM ({worse}) WHERE {different} AND answer <> other"
        equal = [pair for pair in cursor.execute(answers).fetchall() if same(*pair)]
        cursor.register("equal", pa.table({"answer": [a for a, _ in equal], "other": [b for _, b in equal]}, _EQUAL))
        worse = f"""
            SELECT * FROM ({worse}) r WHERE {different}
                AND NOT EXISTS (FROM equal e WHERE e.answer = r.answer AND e.other = r.other)"""
    worst = f"SELECT q, arg_min(sample, (reward, sample)) AS sample FROM ({worse}) GROUP BY q"
    return f"""
        SELECT v.q, v.query, v.response, x.text AS rejected FROM ({narrowed("pairs", where)}) v
        JOIN ({worst}) l ON l.q = v.q
        JOIN solution_text x ON x.q = l.q AND x.sample = l.sample AND {where.format("x")}"""


_EQUAL = pa.schema([("answer", pa.string()), ("other", pa.string())])


def _ordered(table: pa.Table) -> pa.Table:
    """The table ascending in q. Most tables consist of a few sorted runs, which are reordered without copying texts."""
    order = np.argsort(table["q"].to_numpy(), kind="stable")
    if not len(order):
        return table
    cuts = [0, *(np.flatnonzero(np.diff(order) != 1) + 1).tolist(), len(order)]
    if len(cuts) > _RUNS:
        return table.take(pa.array(order))
    return pa.concat_tables(table.slice(order[first], end - first) for first, end in pairwise(cuts))
