"""The pairs that a student learns from: those of a filter, a part of the keys at a time. Knows no training."""

from __future__ import annotations

from collections.abc import Iterator

from store.database.ids import spans
from store.database.views import narrowed
from store.database.workspace import Workspace
from store.filters.filter import Filter
from store.map import files


def pairs(workspace: Workspace, asked: Filter) -> Iterator[tuple[str, str]]:
    """(query, response) of the filter's pairs in the order of the questions, as edited; those that a reviewer rejected
    are left out unless the filter asks for a status. InputError where it asks an area of another map."""
    condition, values = asked.to_sql("pairs", files.keys_in_area(workspace, asked))
    if not asked.status:
        condition = f"({condition}) AND status <> 'rejected'"
    with workspace.cursor() as cursor:
        for span in spans(cursor):
            part = narrowed("pairs", f"{{}}.q BETWEEN {span['low']} AND {span['high']}")
            cursor.execute(f"SELECT query, response FROM ({part}) WHERE {condition} ORDER BY q", values)
            while rows := cursor.fetchmany(4096):
                yield from rows
