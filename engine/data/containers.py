"""Rows out of one JSON object that holds them all, as libraries and benchmarks write data sets.

Known: an object around one list of rows, a dict of rows, and pandas' ``columns``, ``list`` and ``split``. What an
object around the rows says of itself (a version, a canary) belongs to no row and is left out.
"""

from __future__ import annotations

from typing import Any

from engine.data import columns
from engine.data.rows import DamagedFile, Row

MOST = 1 << 28
"""Characters of an object that is read whole."""
_USUAL = {
    columns.key(name)
    for name in (*columns.QUESTION, *columns.RESPONSE, *columns.ANSWER, *columns.CHAT, "rejected", "id", "text", "idx")
}
_ASKED = {columns.key(name) for name in (*columns.QUESTION, *columns.CHAT, "chosen", "doc", "text", "body")}
_SPEAKERS = ("role", "from", "speaker")


def rows_of(value: Row) -> list[Row] | None:
    """The rows in an object; None where it is a row itself. DamagedFile where it holds several lists of rows."""
    if not value or _is_row(value):
        return None
    for layout in (_split, _columns_of_dicts, _columns_of_lists, _dict_of_rows):
        found = layout(value)
        if found is not None:
            return found
    return _wrapped(value, 2)


def _is_row(value: Row) -> bool:
    """Whether it has a question of its own: a text, a chat or an object, under a usual name."""
    for name, one in value.items():
        if columns.key(name) not in _ASKED:
            continue
        if isinstance(one, str) or (isinstance(one, list) and is_chat(one)):
            return True
        if isinstance(one, dict) and any(columns.key(str(inner)) in _ASKED for inner in one):
            return True
    return False


def is_chat(value: Any) -> bool:
    """Whether it is a list of messages."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, dict) and any(who in one for who in _SPEAKERS) for one in value)
    )


def _split(value: Row) -> list[Row] | None:
    """``{"columns": [...], "index": [...], "data": [[...]]}``"""
    names, data = value.get("columns"), value.get("data")
    if not (isinstance(names, list) and isinstance(data, list) and data):
        return None
    if not all(isinstance(one, list) and len(one) == len(names) for one in data):
        return None
    rows = [dict(zip(map(str, names), one, strict=True)) for one in data]
    return _identified(rows, value.get("index") or range(len(rows)))


def _columns_of_dicts(value: Row) -> list[Row] | None:
    """``{"problem": {"0": ..., "1": ...}, "answer": {"0": ..., "1": ...}}``"""
    if not all(isinstance(one, dict) and one for one in value.values()):
        return None
    index = list(next(iter(value.values())))
    same = all(list(one) == index for one in value.values())
    named = any(columns.key(name) in _USUAL for name in value)
    if not same or not (named or all(place.isdigit() for place in index)):
        return None
    rows = [{name: one[place] for name, one in value.items()} for place in index]
    return _identified(rows, index)


def _columns_of_lists(value: Row) -> list[Row] | None:
    """``{"problem": [...], "answer": [...]}``"""
    lists = list(value.values())
    if not all(isinstance(one, list) and one for one in lists) or len({len(one) for one in lists}) > 1:
        return None
    asked = [one for name, one in value.items() if columns.key(name) in _ASKED]
    if not any(isinstance(one[0], str) or (isinstance(one[0], list) and is_chat(one[0])) for one in asked):
        return None
    return [dict(zip(value, one, strict=True)) for one in zip(*lists, strict=True)]


def _dict_of_rows(value: Row) -> list[Row] | None:
    """``{"33": {"question": ...}, "117": {"question": ...}}``"""
    if not all(isinstance(one, dict) and _is_row(one) for one in value.values()):
        return None
    return _identified(list(value.values()), value)


def _identified(rows: list[Row], index: Any) -> list[Row]:
    """The rows with their index as ``id``, unless it only counts them or they have one."""
    keys = [str(one) for one in index]
    if keys == [str(place) for place in range(len(rows))] or any("id" in row for row in rows):
        return rows
    return [{"id": one, **row} for one, row in zip(keys, rows, strict=True)]


def _wrapped(value: Row, depth: int) -> list[Row] | None:
    """``{"version": 1, "data": [{...}, {...}]}``; the list may be one object deeper."""
    lists = {
        name: one
        for name, one in value.items()
        if isinstance(one, list) and one and all(isinstance(row, dict) for row in one) and not is_chat(one)
    }
    if len(lists) == 1:
        return list(next(iter(lists.values())))
    if lists:
        names = list(lists)
        raise DamagedFile(
            f"it is one object with several lists of rows, {', '.join(names)}: choose one, e.g. by "
            f"`jq -c '.[\"{names[0]}\"][]' FILE > {names[0]}.jsonl`"
        )
    inner = [one for one in value.values() if isinstance(one, dict)] if depth else []
    found = [rows for one in inner if (rows := rows_of(one) or _wrapped(one, depth - 1)) is not None]
    return found[0] if len(found) == 1 else None
