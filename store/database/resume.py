"""What a run that resumes needs: the counts of its decided questions, and its undecided ones with all their rows.

Two million decided questions are counted inside DuckDB; only the undecided ones, which are few, become records.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np

from store.database import ids, run_queries
from store.database.run_queries import Stored


@dataclass(frozen=True, slots=True)
class Decided:
    """The decided questions of a run. ``kept`` and ``dropped``: their verdicts by stage. ``present``: by idx, whether a
    question is one of them, up to the run's last question.
    """

    kept: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    present: np.ndarray[Any, Any] = field(default_factory=lambda: np.zeros(0, bool))

    @property
    def count(self) -> int:
        return int(self.present.sum())


def decided(cursor: duckdb.DuckDBPyConnection, run_id: str) -> Decided:
    """The run's decided questions: those that a stage dropped or that reached the last one."""
    ends = _ends(cursor, run_id)
    if ends is None:
        return Decided()
    query = f"""
        SELECT r.idx, d.q IS NOT NULL AS decided FROM question_rows r LEFT JOIN ({_DECIDED}) d ON d.q = r.q
        WHERE r.q BETWEEN $low AND $high"""
    found = cursor.execute(query, ends).fetchnumpy()
    idx, known = np.asarray(found["idx"]), np.asarray(found["decided"], bool)
    if not len(idx):
        return Decided()
    present = np.zeros(int(idx.max()) + 1, bool)
    present[idx] = known
    query = f"""
        SELECT stage, kept, count(*) FROM verdict_rows v SEMI JOIN ({_DECIDED}) d ON d.q = v.q
        WHERE v.q BETWEEN $low AND $high GROUP BY ALL"""
    counts: dict[bool, dict[str, int]] = {True: {}, False: {}}
    for stage, kept, count in cursor.execute(query, ends).fetchall():
        counts[kept][stage] = count
    return Decided(counts[True], counts[False], present)


def undecided(cursor: duckdb.DuckDBPyConnection, run_id: str) -> Iterator[Stored]:
    """Yield the run's undecided questions in idx order, read lazily: use the cursor for nothing else meanwhile."""
    ends = _ends(cursor, run_id)
    if ends is None:
        return
    query = f"""
        SELECT q FROM question_rows r ANTI JOIN ({_DECIDED}) d ON d.q = r.q
        WHERE r.q BETWEEN $low AND $high ORDER BY q"""
    keys = cursor.execute(query, ends).fetchnumpy()["q"].tolist()
    for first in range(0, len(keys), run_queries.CHUNK):
        yield from run_queries.stored(cursor, run_id, keys[first : first + run_queries.CHUNK])


_DECIDED = "SELECT DISTINCT q FROM verdict_rows WHERE q BETWEEN $low AND $high AND (stage = 'pair' OR NOT kept)"


def _ends(cursor: duckdb.DuckDBPyConnection, run_id: str) -> dict[str, int] | None:
    """The bounds of the run's keys; None for a run without rows."""
    number = ids.number_of(cursor, run_id)
    return None if number is None else {"low": ids.key(number, 0), "high": ids.key(number + 1, 0) - 1}
