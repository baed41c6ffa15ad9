"""The SQL section of the Explore tab: one SELECT on a snapshot, its result as a table.

One component draws itself in the browser (``assets/static/sql``); all that comes from data is set there as text. A
statement runs in a thread of the server that waits for a process elsewhere: the page never waits. What may run, and for
how long, is the store's business.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import gradio as gr

from store.console import child, console
from store.console.console import Answer, Console
from store.database.sources import Source, SourceSelector
from store.errors import InputError, ScaleQuestError
from ui.web import assets
from ui.web.escape import visible

_NUMBERS = {
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT",
    "FLOAT", "DOUBLE", "DECIMAL",
}  # fmt: skip
"""Types whose columns stand to the right."""
_TERMS = (
    f"One SELECT at a time, for at most {child.SECONDS:g} s and {child.MEMORY} MB; the first "
    f"{child.ROWS:,} rows are shown, texts to {child.TEXT:,} characters. Nothing can be changed."
)


def section(sources: SourceSelector) -> None:
    """Draws the section, closed, into the open blocks."""
    typed = Console(sources.workspace.path)

    def sql_look(_asked: Any) -> dict[str, Any]:
        return _told(lambda source: {"views": console.views(source)})

    def sql_refresh(_asked: Any) -> dict[str, Any]:
        return _told(lambda source: _none(typed.refresh(source)))

    def sql_run(asked: Any) -> dict[str, Any]:
        return _told(lambda source: _shown(typed.run(source, _field(asked, "statement"), _field(asked, "name"))))

    def sql_cancel(asked: Any) -> None:
        if isinstance(asked, dict) and isinstance(asked.get("name"), str):
            typed.cancel(asked["name"])

    def _told(make: Callable[[Source], dict[str, Any]]) -> dict[str, Any]:
        """What was made, or why it was not, and the snapshot as it is then."""
        source = sources.reading()
        try:
            reply = make(source)
        except ScaleQuestError as error:
            reply = {"error": visible(str(error))}
        return reply | {"snapshot": _snapshot(typed.snapshot, source, sources)}

    with gr.Accordion("SQL", open=False, elem_id="sql-section"):
        gr.HTML(
            "",
            **assets.component("sql"),
            server_functions=[sql_look, sql_refresh, sql_run, sql_cancel],
            apply_default_css=False,
            elem_id="sql",
            examples=console.EXAMPLES,
            terms=_TERMS,
        )


def _none(_made: object) -> dict[str, Any]:
    return {}


def _field(asked: Any, name: str) -> str:
    value = asked.get(name) if isinstance(asked, dict) else None
    if not isinstance(value, str):
        raise InputError("request", name, "is not a text", "reload the page")
    return value


def _shown(answer: Answer) -> dict[str, Any]:
    rows = [[None if cell is None else visible(cell) for cell in row] for row in answer.rows]
    right = [type_.partition("(")[0] in _NUMBERS for type_ in answer.types]
    return {"result": {"columns": [*map(visible, answer.columns)], "types": answer.types, "rows": rows, "right": right,
                       "said": _said(answer)}}  # fmt: skip


def _said(answer: Answer) -> str:
    count = len(answer.rows)
    rows = f"{count:,} row" + ("s" if count != 1 else "")
    parts = [f"First {rows}, there are more" if answer.more else rows if count else "No row", f"{answer.seconds:.2f} s"]
    if answer.cut:
        parts.append(f"{answer.cut:,} text{'s' if answer.cut != 1 else ''} cut at {child.TEXT:,} characters")
    return " · ".join(parts)


def _snapshot(made: console.Snapshot | None, source: Source, sources: SourceSelector) -> dict[str, Any] | None:
    """The snapshot of what the page shows; None where there is none yet."""
    if made is None or made.source is not source:
        return None
    age = (datetime.now(UTC) - made.at).total_seconds()
    of = "" if source is sources.workspace else " (the demo)"
    size = f"{made.bytes / 1e6:,.1f} MB"
    return {"age": age, "of": of, "cost": f"{size}, made in {made.seconds:.1f} s"}
