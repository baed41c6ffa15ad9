"""The SQL section of the Explore tab: one SELECT on a snapshot, its result as a table.

One component draws itself in the browser (``assets/static/sql``). A statement runs in a thread of the server that waits
for a child process, so the page never waits.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import gradio as gr

from store.console import child, console
from store.console.console import Answer, Console
from store.database.sources import Source, SourceSelector
from store.errors import ScaleQuestError
from ui.web import assets
from ui.web.escape import plural, visible
from ui.web.requests import Reply, Request, Text, server_function

_NUMBERS = {
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT",
    "FLOAT", "DOUBLE", "DECIMAL",
}  # fmt: skip
"""Types whose columns are aligned to the right."""
_TERMS = (
    f"One read-only SELECT at a time, for at most {child.SECONDS:g} s and {child.MEMORY} MB. The first "
    f"{child.ROWS:,} rows are shown, texts up to {child.TEXT:,} characters."
)
_R = TypeVar("_R", bound=Request)


class NameRequest(Request):
    """``name`` identifies a running statement, so that it can be cancelled."""

    name: Text


class RunRequest(NameRequest):
    statement: Text


def section(sources: SourceSelector) -> None:
    sql = Console(sources.workspace.path)

    def with_snapshot(answer: Callable[[Source, _R], Reply | None]) -> Callable[[_R], Reply]:
        """The answer, or its error, with the snapshot as it is afterwards."""

        def reply(request: _R) -> Reply:
            source = sources.current()
            try:
                answered = answer(source, request) or {}
            except ScaleQuestError as error:
                answered = {"error": visible(str(error))}
            return answered | {"snapshot": _snapshot(sql.snapshot, source, sources)}

        return reply

    def refresh(source: Source, request: Request) -> None:
        sql.refresh(source)

    with gr.Column(elem_id="sql-section", elem_classes="explore-view"):
        gr.HTML(
            "",
            **assets.component("sql"),
            server_functions=[
                server_function("sql_look", Request, with_snapshot(lambda source, _: {"views": console.views(source)})),
                server_function("sql_refresh", Request, with_snapshot(refresh)),
                server_function(
                    "sql_run",
                    RunRequest,
                    with_snapshot(lambda source, request: _result(sql.run(source, request.statement, request.name))),
                ),
                server_function("sql_cancel", NameRequest, lambda request: sql.cancel(request.name)),
            ],
            apply_default_css=False,
            elem_id="sql",
            examples=console.EXAMPLES,
            terms=_TERMS,
        )


def _result(answer: Answer) -> Reply:
    rows = [[None if cell is None else visible(cell) for cell in row] for row in answer.rows]
    return {
        "result": {
            "columns": [*map(visible, answer.columns)],
            "types": answer.types,
            "rows": rows,
            "right": [type_.partition("(")[0] in _NUMBERS for type_ in answer.types],
            "said": _summary(answer),
        }
    }


def _summary(answer: Answer) -> str:
    rows = plural(len(answer.rows), "row") if answer.rows else "No rows"
    parts = [f"First {rows}, there are more" if answer.more else rows, f"{answer.seconds:.2f} s"]
    if answer.cut:
        parts.append(f"{plural(answer.cut, 'text')} cut at {child.TEXT:,} characters")
    return " · ".join(parts)


def _snapshot(made: console.Snapshot | None, source: Source, sources: SourceSelector) -> dict[str, Any] | None:
    """The snapshot of what the page shows; None where there is none yet."""
    if made is None or made.source is not source:
        return None
    age = (datetime.now(UTC) - made.at).total_seconds()
    of = "" if source is sources.workspace else " (the demo)"
    return {"age": age, "of": of, "cost": f"{made.bytes / 1e6:,.1f} MB, made in {made.seconds:.1f} s"}
