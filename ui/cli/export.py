"""``scalequest export``: rows of a filter as files that other tools load, or a manifest compared with what there is.

On a workspace that the app has open, the app does it and the command follows. Knows neither SQL nor formats. Heavy
imports stand inside, so that bad input is answered at once.
"""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from store.database.duckdb_errors import InUse
from store.database.workspace import Workspace
from store.errors import InputError
from ui.cli import terminal
from ui.cli.app_client import App

_AFTER = "nothing was left behind"


def export(options: Namespace) -> int:
    if options.verify is not None:
        return _verify(options)
    from engine.exports import folder
    from engine.exports.plan import LICENSE, Plan

    if options.format is None or options.out is None:
        missing = "--format" if options.format is None else "--out"
        raise InputError(missing, "", "is missing", "write e.g. --format jsonl --out my-data, or --verify MANIFEST")
    plan = Plan(
        options.format,
        _filter(options.filter),
        options.full,
        options.validation,
        options.same_answers,
        options.license or LICENSE,
    )
    out = Path(options.out).expanduser().absolute()
    folder.check(out)
    asked = {"format": plan.format, "filter": plan.filter.to_dict(), "options": plan.options()}
    try:
        workspace = Workspace.open(options.workspace, create=False)
    except InUse as held:
        return _through(options, App.of(held), {"plan": asked, "out": str(out)})
    from engine.exports import job
    from engine.jobs.control import Control
    from engine.jobs.result import interruptible

    control, show = Control(), terminal.Shown(options.json, "rows")
    with workspace, interruptible(control, _AFTER):
        result = job.start(workspace, plan, out, show, control=control)
        return show.end({}, show.last["report"], result)


def _verify(options: Namespace) -> int:
    for name, given in (("--format", options.format), ("--out", options.out), ("--filter", options.filter)):
        if given is not None:
            raise InputError(name, str(given), "does not go with --verify", "leave it out: the manifest has all of it")
    from engine.exports import manifest

    manifest.load(options.verify)
    try:
        workspace = Workspace.open(options.workspace, create=False)
    except InUse as held:
        return _through(options, App.of(held), {"manifest": str(options.verify.absolute())})
    from engine.exports import verify
    from engine.jobs.control import Control
    from engine.jobs.result import interruptible

    control, show = Control(), terminal.Shown(options.json, "rows")
    with workspace, interruptible(control, "nothing was changed"):
        result = verify.start(workspace, options.verify, show, control=control)
        return show.end({}, show.last["report"], result)


def _through(options: Namespace, app: App, wanted: dict[str, Any]) -> int:
    """Have the app do it; as if it were done here."""
    from engine.jobs.control import Control
    from engine.jobs.result import Result, interruptible

    run_id = app.export(wanted)
    control, show = Control(), terminal.Shown(options.json, "rows")
    with interruptible(control, _AFTER):
        end = app.follow(run_id, show, control, of="/export")
    if end is None:
        said = "The app is gone; nothing was exported."
        return show.end({"event": "end", "run_id": run_id}, "", Result(run_id, "interrupted", said))
    return show.end(end, end["report"], Result(run_id, end["status"], end["message"]))


def _filter(given: str | None) -> Any:
    """``JSON``, or the JSON in a file (``@FILE``)."""
    from store.filters.filter import Filter

    if given is None:
        return Filter()
    if not given.startswith("@"):
        return Filter.from_json(given)
    try:
        return Filter.from_json(Path(given[1:]).expanduser().read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("--filter", given, "cannot be read", "name a file that holds one JSON object") from error
