"""What the page tells of an import: how a file would be read, how far its reading is, what became of its rows.

Parts of a sheet: every text of a file is set as text. Knows neither SQL nor formats.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.data.formats import HUB, Refused
from engine.imports.background import Importing
from engine.imports.mapping import FIELDS, Mapping
from engine.imports.preview import Beginning
from engine.imports.rows import Part as Rows
from store.database.run_list import failures
from store.database.workspace import Workspace
from ui.components.sheet import Cell, Part, bar, table, text
from ui.web.escape import clock

_ROWS = 5
"""Rows of a preview, and refused ones beneath them."""
_REFUSED = 10
"""Refused rows that are shown of an import; the rest are counted."""
_LONGEST = 160
"""Characters of a cell."""
_NAMED = 20
"""Columns that are named of those that go to ``extra``."""


def preview(beginning: Beginning, mapping: Mapping) -> list[Part]:
    """The first rows as they would be imported under this mapping, and those that would be refused."""
    head = text(f"{_size(beginning)}. Read from its first {len(beginning.rows):,} rows:", strong=True)
    if mapping["query"] is None:
        return [head, text("No column is known to hold questions: choose one as query.")]
    read = beginning.read(mapping)
    own = {name: column for name, column in mapping.columns.items() if name not in FIELDS}
    besides = ", ".join(f"{name} = {column}" for name, column in own.items())
    said = [head, text(_extra(read)), *([text(f"Read besides: {besides}.")] if besides else [])]
    if len(read):
        said.append(_first(read, mapping))
    if read.refused:
        shown = [(place, reason, raw) for place, reason, raw in read.refused[:_ROWS]]
        title = f"{len(read.refused):,} of these {len(beginning.rows):,} rows would be refused"
        said.append(_refused(title, beginning.source.format, shown))
    return said


def unreadable(beginning: Beginning) -> str | None:
    """Why nothing of the first rows can be read; None where something can."""
    place, row = beginning.rows[0]
    if beginning.columns or not isinstance(row, Refused):
        return None
    return f"has no row that can be read among its first {len(beginning.rows):,} (row {place} {row.reason})"


def going(workspace: Workspace, now: Importing) -> list[Part]:
    """The import that is under way or was last."""
    name, event = source_name(now.source), now.event
    if now.ended:
        return _ended(workspace, now)
    if not event or not event["done"]:
        return [text(f"{name}: starting, as run {now.run_id}.", strong=True)]
    done, total = event["done"], event["total"]
    left = f", about {clock(event['eta_s'])} left" if event["eta_s"] is not None else ""
    share = min(done / total, 1.0) if total else None
    of = f" of about {total:,} rows ({share:.0%})" if share is not None else " rows"
    said = f"{name}, run {now.run_id}: {done:,}{of}{left}."
    facts = f"{_so_far(event)}, {event['rows_per_s']:,.0f} rows/s."
    return [text(said, strong=True), *([bar(share, said)] if share is not None else []), text(facts)]


def _so_far(event: dict[str, Any]) -> str:
    if event["stage"] == "merge":  # of another workspace, begun on the command line
        return f"{event['runs_done']:,} of {event['runs_total']:,} runs"
    return f"{event['imported']:,} stored, {event['refused']:,} refused"


def source_name(source: str) -> str:
    """A data set's name; of a file its name alone: where the server keeps it is nobody's business."""
    return source if source.startswith(HUB) else Path(source).name


def sentence(error: object, source: str) -> str:
    """What an error says, with the source as ``source_name`` calls it."""
    return str(error).replace(source, source_name(source))


def _ended(workspace: Workspace, now: Importing) -> list[Part]:
    event = now.event
    if event.get("event") != "end":
        return [text(sentence(now.message, now.source), strong=True)]
    report = event["report"].splitlines()
    if event["stage"] == "merge":
        return [text(sentence(said, now.source), strong=True) for said in (event["message"], *report) if said]
    read = f"{event['read']:,} rows read = {event['imported']:,} imported + {event['refused']:,} refused"
    made = f"{read}; {event['samples']:,} responses, {event['pairs']:,} pairs."
    if event["status"] == "done":
        said = [text(f"{source_name(now.source)} is imported as run {now.run_id}: {made}", strong=True)]
    else:
        said = [text(sentence(event["message"], now.source), strong=True), text(made)]
    dropped = [f"{row['dropped']:,} by {row['stage']}" for row in event["funnel"] if row["dropped"]]
    said += [text(f"Dropped, and kept as rows of the run: {', '.join(dropped)}.")] if dropped else []
    said += [text(line) for line in report[1:] if not line.startswith(" ")]  # the same file is here already, say
    if event["refused"]:
        with workspace.cursor() as cursor:
            rows = failures(cursor, now.run_id, most=_REFUSED)
        more = f": the first {len(rows)}, and {event['refused'] - len(rows):,} more in the table errors"
        title = f"Refused rows{more if event['refused'] > len(rows) else ''}"
        said.append(_refused(title, event["format"], [(row.idx, row.message, row.raw or "") for row in rows]))
    return said


def _refused(title: str, format: str, rows: Sequence[tuple[int, str, str]]) -> Part:
    what = "line" if format == "jsonl" else "row"
    cells: list[list[Cell]] = [[f"{what} {place:,}", _cut(reason), _cut(raw) or "-"] for place, reason, raw in rows]
    return table(title, ["where", "why", "what stands there"], cells)


def _size(beginning: Beginning) -> str:
    source = beginning.source
    if source.path is None:
        return source.given
    size = float(source.size)
    for unit in ("bytes", "KB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            break
        size /= 1000
    return f"{source.path.name}, {size:,.0f} {unit}" if unit == "bytes" else f"{source.path.name}, {size:,.1f} {unit}"


def _extra(read: Rows) -> str:
    """The names that went to ``extra`` in any of the rows."""
    names = list(dict.fromkeys(name for one in read.extra for name in json.loads(one)))
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return (
        f"Kept in extra: {', '.join(names[:_NAMED])}{more}." if names else "Every column is read; none goes to extra."
    )


def _first(read: Rows, mapping: Mapping) -> Part:
    columns: dict[str, Sequence[object]] = {
        "query": read.texts,
        "response": [_several(one) for one in read.samples],
        "answer": read.references,
        "topic": read.topics,
        "level": read.levels,
        "difficulty": read.difficulties,
        "reward": [_numbers(read.rewards.get(place)) for place in range(len(read))],
        "generator": read.generators,
    }
    shown = [name for name in columns if mapping[name] is not None]
    rows = [[_cut(columns[name][place]) for name in shown] + [_cut(read.extra[place])] for place in range(len(read))]
    return table(f"The first {min(len(rows), _ROWS)} as they would be read", [*shown, "extra"], rows[:_ROWS])


def _several(samples: Sequence[str]) -> str | None:
    if not samples:
        return None
    return samples[0] if len(samples) == 1 else f"{len(samples)} responses, the first: {samples[0]}"


def _numbers(rewards: Sequence[float | None] | None) -> str | None:
    return None if rewards is None else ", ".join("-" if one is None else f"{one:g}" for one in rewards)


def _cut(value: object) -> str:
    if value is None:
        return "-"
    said = str(value)
    return said if len(said) <= _LONGEST else f"{said[:_LONGEST]} ..."
