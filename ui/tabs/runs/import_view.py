"""An import as parts of a sheet: the preview of a file, the progress, and the result."""

import json
from collections.abc import Sequence
from pathlib import Path

from engine.data.rows import HUB, Refused
from engine.imports.mapping import FIELDS, Mapping
from engine.imports.part import Part as Rows
from engine.imports.preview import Beginning
from engine.imports.report import contents_phrase, grouping_sentence, prompts_of, unread_sentence
from engine.jobs.runner import Job
from store.database.run_queries import failures
from store.database.workspace import Workspace
from ui.components import sheet
from ui.components.sheet import Cell, Part, table, text
from ui.web.escape import shorten, size

_ROWS = 5  # rows of a preview, and refused rows below them
_REFUSED = 10  # refused rows that are listed of an import; the others are counted
_LONGEST = 160  # characters of a cell
_NAMED = 20  # columns in extra that are named; the others are counted


def preview(beginning: Beginning, mapping: Mapping) -> list[Part]:
    """The first rows as they would be imported under this mapping, and the rows that would be refused."""
    source = beginning.source
    name = source.given if source.path is None else f"{source.path.name}, {size(source.size)}"
    head = text(f"{name}. Read from its first {len(beginning.rows):,} rows:", strong=True)
    if mapping["query"] is None:
        return [head, text("No column could be identified as the questions: choose one as query.")]
    read = beginning.read(mapping)
    own = {name: column for name, column in mapping.columns.items() if name not in FIELDS}
    also = ", ".join(f"{name} = {column}" for name, column in own.items())
    parts = [head, text(_extra(read)), *([text(f"Also read: {also}.")] if also else [])]
    said = unread_sentence(read.unread, f"these {len(beginning.rows):,} rows"), grouping_sentence(read.grouped)
    parts += [text(sentence) for sentence in said if sentence]
    if len(read):
        parts.append(_first(read, mapping))
    if read.refused:
        first = [(place, reason, raw) for place, reason, raw in read.refused[:_ROWS]]
        title = f"{len(read.refused):,} of these {len(beginning.rows):,} rows would be refused"
        parts.append(_refused(title, beginning.source.format, first))
    return parts


def unreadable(beginning: Beginning) -> str | None:
    """Why nothing of the first rows can be read; None where something can."""
    place, row = beginning.rows[0]
    if beginning.columns or not isinstance(row, Refused):
        return None
    return f"has no readable row among its first {len(beginning.rows):,} (row {place} {row.reason})"


def progress(workspace: Workspace, job: Job) -> list[Part]:
    name, event = source_name(job.request.source), job.event
    if job.ended:
        return _ended(workspace, job)
    if not event or not event["done"]:
        return [text(f"{name}: starting, as run {job.run_id}.", strong=True)]
    head, done, total = f"{name}, run {job.run_id}", event["done"], event["total"]
    if event["stage"] == "merge":  # of another workspace, begun on the command line
        so_far = f"{event['runs_done']:,} of {event['runs_total']:,} runs"
    else:
        so_far = f"{event['imported']:,} stored, {event['refused']:,} refused"
    facts = text(f"{so_far}, {event['rows_per_s']:,.0f} rows/s.")
    if not total:
        return [text(f"{head}: {done:,} rows.", strong=True), facts]
    return [*sheet.progress(head, event | {"total": max(done, total)}, "rows", estimated=True), facts]


def source_name(source: str) -> str:
    """A dataset's name; a file's name without its folder, which remote users must not see."""
    return source if source.startswith(HUB) else Path(source).name


def sentence(error: object, source: str) -> str:
    """An error's sentence with ``source_name`` in place of the source."""
    return str(error).replace(source, source_name(source))


def _ended(workspace: Workspace, job: Job) -> list[Part]:
    event = job.event
    if event.get("event") != "end":
        return [text(sentence(job.message, job.request.source), strong=True)]
    report = event["report"].splitlines()
    if event["stage"] == "merge":
        return [text(sentence(line, job.request.source), strong=True) for line in (event["message"], *report) if line]
    read = f"{event['read']:,} rows read = {event['imported']:,} imported + {event['refused']:,} refused"
    made = f"{read}; {contents_phrase(event['samples'], event['pairs'], prompts_of(event['funnel']))}."
    if event["status"] == "done":
        parts = [text(f"{source_name(job.request.source)} was imported as run {job.run_id}: {made}", strong=True)]
    else:
        parts = [text(sentence(event["message"], job.request.source), strong=True), text(made)]
    dropped = [f"{row['dropped']:,} by {row['stage']}" for row in event["funnel"] if row["dropped"]]
    parts += [text(f"Dropped, but stored as rows of the run: {', '.join(dropped)}.")] if dropped else []
    parts += [text(line) for line in report[1:] if not line.startswith(" ")]  # e.g. the same file was imported before
    if event["refused"]:
        with workspace.cursor() as cursor:
            rows = failures(cursor, job.run_id, most=_REFUSED)
        more = f": the first {len(rows)}, {event['refused'] - len(rows):,} more are in the errors table"
        title = f"Refused rows{more if event['refused'] > len(rows) else ''}"
        parts.append(_refused(title, event["format"], [(row.idx, row.message, row.raw or "") for row in rows]))
    return parts


def _refused(title: str, format: str, rows: Sequence[tuple[int, str, str]]) -> Part:
    what = "line" if format == "jsonl" else "row"
    cells: list[list[Cell]] = [[f"{what} {place:,}", _cut(reason), _cut(raw) or "-"] for place, reason, raw in rows]
    return table(title, ["where", "why", "content"], cells)


def _extra(read: Rows) -> str:
    names = list(dict.fromkeys(name for one in read.extra for name in json.loads(one)))
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    if not names:
        return "Every column is mapped; none is stored in extra."
    return f"Stored in extra: {', '.join(names[:_NAMED])}{more}."


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
    mapped = [name for name in columns if mapping[name] is not None]
    rows = [[_cut(columns[name][place]) for name in mapped] + [_cut(read.extra[place])] for place in range(len(read))]
    return table(f"The first {min(len(rows), _ROWS)} as they would be read", [*mapped, "extra"], rows[:_ROWS])


def _several(samples: Sequence[str]) -> str | None:
    if not samples:
        return None
    return samples[0] if len(samples) == 1 else f"{len(samples)} responses, the first: {samples[0]}"


def _numbers(rewards: Sequence[float | None] | None) -> str | None:
    return None if rewards is None else ", ".join("-" if one is None else f"{one:g}" for one in rewards)


def _cut(value: object) -> str:
    return "-" if value is None else shorten(str(value), _LONGEST)
