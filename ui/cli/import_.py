"""``scalequest import``: a file or a data set becomes a run; of another workspace its runs and decisions come.

On a workspace that the app has open, the app does it and the command follows. Knows neither SQL nor formats. Heavy
imports stand inside, so that bad input is answered at once.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from store.database.duckdb_errors import InUse
from store.database.workspace import Workspace
from store.errors import InputError
from store.transfer.attach import is_database
from ui.cli import terminal
from ui.cli.app_client import App

if TYPE_CHECKING:
    from engine.imports.job import Preview

_AFTER = "what was imported is kept"


def import_(options: Namespace) -> int:
    if is_database(options.source):
        return _merge(options)
    from engine.imports import job

    overrides = _overrides(options.map)
    looked = job.preview(options.source, overrides)
    if not options.json:
        print(_words(options.source, looked), file=sys.stderr)
    try:
        workspace = Workspace.open(options.workspace)
    except InUse as held:
        return _through(options, App.of(held), overrides)
    from engine.jobs.control import Control
    from engine.jobs.result import interruptible

    control, show = Control(), terminal.Shown(options.json, "rows")
    with workspace, interruptible(control, _AFTER):
        result = job.start(
            workspace,
            options.source,
            overrides,
            options.name or "",
            show,
            scored=not options.no_score,
            control=control,
        )
        return show.end({}, show.last.get("report", ""), result)


def _merge(options: Namespace) -> int:
    """The runs and decisions of another workspace, or of a snapshot or backup of one."""
    from engine.imports import merge

    overrides = _overrides(options.map)
    merge.refuse(options.workspace, options.source, overrides, options.name or "", not options.no_score)
    try:
        workspace = Workspace.open(options.workspace)
    except InUse as held:
        return _through(options, App.of(held), overrides)
    from engine.jobs.control import Control
    from engine.jobs.result import interruptible

    control, show = Control(), terminal.Shown(options.json, "questions")
    with workspace, interruptible(control, _AFTER):
        result = merge.start(workspace, options.source, show, control=control)
        return show.end({}, show.last["report"], result)


def _through(options: Namespace, app: App, overrides: dict[str, str]) -> int:
    """Have the app do it; as if it were done here."""
    from engine.data.reader import absolute
    from engine.jobs.control import Control
    from engine.jobs.result import Result, interruptible

    run_id = app.bring(absolute(options.source), overrides, options.name or "", not options.no_score)
    control, show = Control(), terminal.Shown(options.json, "rows")
    with interruptible(control, _AFTER):
        end = app.follow(run_id, show, control, of="/import")
    if end is None:
        said = f"The app is gone; {_AFTER}{'' if is_database(options.source) else f' as run {run_id}'}."
        return show.end({"event": "end", "run_id": run_id}, "", Result(run_id, "interrupted", said))
    return show.end(end, end["report"], Result(run_id, end["status"], end["message"]))


def _overrides(given: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in given:
        field, equals, column = one.partition("=")
        if not (equals and field and column):
            raise InputError("--map", one, "is not FIELD=COLUMN", "write it as in --map query=problem")
        found[field.strip()] = column.strip()
    return found


def _words(source: str, looked: Preview) -> str:
    taken = {part for column in looked.mapping.columns.values() for part in (column, *column.split("+"))}
    rest = [column for column in looked.columns if column not in taken]
    kept = f"; kept in extra: {', '.join(rest[:12])}{' ...' if len(rest) > 12 else ''}" if rest else ""
    return f"{source}: {looked.mapping.words}{kept} (--map FIELD=COLUMN changes this)"
