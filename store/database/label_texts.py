"""Texts to show beside a question: those that its labels name. Knows the tables; compares nothing."""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from store.database import ids
from store.database.views import narrowed


def texts(cursor: duckdb.DuckDBPyConnection, questions: Iterable[str]) -> dict[str, str]:
    """The texts of these questions as they were written, by question_id; those that are not there are left out."""
    wanted = {q: key for key in questions if (q := ids.find(cursor, key)) is not None}
    if not wanted:
        return {}
    rows = cursor.execute(f"SELECT question_id, text FROM ({narrowed('questions')})", {"q": list(wanted)}).fetchall()
    found = dict(rows)
    return {key: found[key] for key in wanted.values() if key in found}
