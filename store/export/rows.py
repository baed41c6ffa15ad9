"""The rows of an export: which questions a filter means, and what each becomes, in order of their key, in parts.

First the keys, which tell the exact counts; then, part by part, the texts. Both read the views that bind. Everything is
read at one moment (``moment``), in bounded memory. Writes nothing, to the database least of all.
"""

from __future__ import annotations

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
from store.database.ids import spans
from store.database.views import choices, narrowed
from store.errors import StoreError
from store.export import formats
from store.export.formats import Format
from store.filters.filter import Filter, View

Array = np.ndarray[Any, Any]
Cursor = duckdb.DuckDBPyConnection
_PART_BYTES, _MOST, _FIRST = 96 << 20, 100_000, 10_000
"""A part's texts take about so many bytes, in so many rows at most; the first part finds out how long they are."""
_BATCH = 4096
"""Rows of a chunk: small ones take memory that was used just before, large ones take new pages each time."""
_STRETCHES = 100
"""Rows in more stretches than so many are put in order one by one."""
_LIGHT = frozenset(Filter.__slots__) - {"text", "words", "regex", "reward", "n_solutions"}
"""What a filter may ask of pairs without their texts, rewards and counts."""


class Interrupted(Exception):
    """The workspace was closed while it was read."""


@dataclass(frozen=True, slots=True)
class Selected:
    """What a filter means. ``rows``: a table of q, run_id, status, edited and (of pairs) sample, ascending in q.

    ``rejected``: rows that it means too but that a reviewer rejected; they are left out unless it asks for a status.
    """

    view: View
    rows: pa.Table
    rejected: int

    @property
    def q(self) -> Array:
        found: Array = self.rows["q"].to_numpy()
        return found

    def counts(self, column: str) -> dict[str, int]:
        """Rows by value of ``status`` or ``run_id``, by name."""
        found = pc.value_counts(self.rows[column].cast(pa.string())).to_pylist()
        return {one["values"]: one["counts"] for one in sorted(found, key=lambda one: str(one["values"]))}


@contextmanager
def moment(cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """While inside, the cursor reads the rows as they are now. What the database cannot answer is one sentence."""
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
    asked: Filter,
    go_on: Callable[[], None] = lambda: None,
    *,
    inside: Sequence[int] | None = None,
) -> Selected:
    """The rows of ``pairs``, or of ``items`` those that were dropped and are no pairs. ``go_on`` is called before each
    stretch, and may raise. ``inside``: as ``Filter.to_sql``."""
    parts: list[pa.Table] = []
    keys = None if inside is None else np.array(inside, np.int64)
    light = view == "items" or set(asked.to_dict()) <= _LIGHT
    names = "q, run_id, status, edited" + (", sample" if view == "pairs" else "")
    for span in spans(cursor):
        go_on()
        low, high = span["low"], span["high"]
        here = None if keys is None else keys[(keys >= low) & (keys <= high)].tolist()
        condition, values = asked.to_sql(view, here)
        if view == "items":
            condition += " AND drop_stage IS NOT NULL AND question_id NOT IN (SELECT question_id FROM pairs)"
        query = f"{_views(low, high, light)} SELECT {names} FROM {view} WHERE {condition}"
        parts.append(_coded(cursor.sql(query, params=values).to_arrow_table()))
    rows = _ordered(pa.concat_tables(parts).unify_dictionaries())
    kept = rows if asked.status else rows.filter(pc.not_equal(rows["status"].cast(pa.string()), "rejected"))
    return Selected(view, kept.combine_chunks(), rows.num_rows - kept.num_rows)


def read(
    cursor: duckdb.DuckDBPyConnection,
    chosen: Selected,
    form: Format,
    columns: tuple[str, ...],
    same: Callable[[str, str], bool] | None = None,
) -> Iterator[pa.Table]:
    """The selected rows in parts, ascending in ``q``, the first column; then ``line`` (of a format of lines) or the
    columns. Of ``dpo`` the rows that make a pair: ``same`` tells that two answers are one, None keeps such pairs too.
    """
    many = _FIRST
    for stretch in stretches(cursor, chosen):
        first = 0
        while first < stretch.num_rows:
            keys = stretch.slice(first, many).combine_chunks()
            first += keys.num_rows
            cursor.register("keys", keys)
            try:
                found = cursor.sql(_query(cursor, chosen.view, keys, form, columns, same)).to_arrow_table(_BATCH)
            finally:
                cursor.unregister("keys")
            yield _ordered(found)
            many = max(1000, min(_MOST, int(_PART_BYTES / (found.nbytes / keys.num_rows + 1))))


def stretches(cursor: duckdb.DuckDBPyConnection, chosen: Selected) -> Iterator[pa.Table]:
    """The selected rows, so many at a time as lie in one of the ``spans``: what reading them takes is bounded, also
    where a filter lets few of them through."""
    ends = np.searchsorted(chosen.q, [span["high"] for span in spans(cursor)], side="right")
    first = 0
    for end in ends.tolist():
        if end > first:
            yield chosen.rows.slice(first, end - first).combine_chunks()
        first = end


def sample(chosen: Selected, most: int) -> list[Selected]:
    """At most so many of the rows, in up to four places: near together, they are read at once."""
    each = max(most // 4, 1)
    places = sorted({int(place) for place in np.linspace(0, max(chosen.rows.num_rows - each, 0), 4)})
    found: list[Selected] = []
    end = 0
    for place in places:
        rows = chosen.rows.slice(max(place, end), place + each - max(place, end))
        found.append(Selected(chosen.view, rows.combine_chunks(), chosen.rejected))
        end = place + each
    return found


def _views(low: int, high: int, light: bool) -> str:
    """The views by their names, of the questions between two keys: a filter asks them as if they were whole.
    ``light``: of ``pairs`` what ``choices`` tells. ``verdict_rows`` comes last, so that the others read the table."""
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
    made = ", ".join(columns) if line is None else f"CAST({line} AS VARCHAR) AS line"
    return f"SELECT q, {made} FROM ({row}) AS row_of_export"


def _brief(where: str, edited: bool) -> str:
    """Query and response alone: of the long way to a pair, all that matters is in the keys. Three tables instead of
    nine, and the same texts as the view has: of what was edited they are the view's. Solutions are joined by row
    number: a join by two columns would unpack the texts of all samples, of which one is wanted."""
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
    """Chosen: the pair's response. Rejected: of its question's other samples with a lower reward the lowest (ties: the
    first sample); by default of those whose final answer is another."""
    rivals = f"""
        SELECT v.q, v.answer, s.sample, s.answer AS other, w.reward
        FROM (SELECT q, answer, reward FROM ({narrowed("pairs", where)})) v
        JOIN keys k ON k.q = v.q
        JOIN solution_rows s ON s.q = v.q AND s.sample <> k.sample AND {where.format("s")}
        JOIN reward_rows w ON w.q = s.q AND w.sample = s.sample AND w.leads AND {where.format("w")}
        WHERE w.reward < v.reward"""
    if same is not None:
        unlike = "answer IS DISTINCT FROM other"
        asked = f"SELECT DISTINCT answer, other FROM ({rivals}) WHERE {unlike} AND answer <> other"
        alike = [pair for pair in cursor.execute(asked).fetchall() if same(*pair)]
        cursor.register("alike", pa.table({"answer": [a for a, _ in alike], "other": [b for _, b in alike]}, _ALIKE))
        rivals = f"SELECT * FROM ({rivals}) r WHERE {unlike} AND NOT EXISTS (FROM alike a WHERE a.answer = r.answer \
AND a.other = r.other)"
    worst = f"SELECT q, arg_min(sample, (reward, sample)) AS sample FROM ({rivals}) GROUP BY q"
    return f"""
        SELECT v.q, v.query, v.response, x.text AS rejected FROM ({narrowed("pairs", where)}) v
        JOIN ({worst}) l ON l.q = v.q
        JOIN solution_text x ON x.q = l.q AND x.sample = l.sample AND {where.format("x")}"""


_ALIKE = pa.schema([("answer", pa.string()), ("other", pa.string())])


def _coded(table: pa.Table) -> pa.Table:
    """Its texts coded: they repeat."""
    for place, name in enumerate(table.column_names):
        if pa.types.is_string(table[name].type):
            table = table.set_column(place, name, table[name].dictionary_encode())
    return table


def _ordered(table: pa.Table) -> pa.Table:
    """Ascending in q. Mostly it is so already, or in a few stretches: those change places and no text is copied."""
    order = np.argsort(table["q"].to_numpy(), kind="stable")
    if not len(order):
        return table
    cuts = [0, *(np.flatnonzero(np.diff(order) != 1) + 1).tolist(), len(order)]
    if len(cuts) > _STRETCHES:
        return table.take(pa.array(order))
    return pa.concat_tables(table.slice(order[first], end - first) for first, end in pairwise(cuts))
