"""``scalequest embed``: questions are put on the map, from the command line.

On a workspace that the app has open, the app does it and the command follows. Knows neither SQL nor models. Heavy
imports stand inside, so that bad input is answered at once.
"""

from __future__ import annotations

from argparse import Namespace

from store.database.duckdb_errors import InUse
from store.database.workspace import Workspace
from ui.cli import terminal
from ui.cli.app_client import App

_RESUME = "the same command goes on from what is on the map"


def embed(options: Namespace) -> int:
    from engine.embedding.role import load_embedder
    from engine.training import registered_models

    named = load_embedder(options.profile, registered_models.folder(options.workspace)) if options.profile else None
    try:
        workspace = Workspace.open(options.workspace, create=False)
    except InUse as held:
        return _through(options, App.of(held))
    with workspace:
        from engine.embedding.job import run
        from engine.jobs.control import Control
        from engine.jobs.result import interruptible

        control, show = Control(), terminal.Shown(options.json)
        with interruptible(control, _RESUME):
            result = run(workspace, options.run_id, named, show, anew=options.rebuild, control=control)
        return show.end({}, show.last.get("report", ""), result)


def _through(options: Namespace, app: App) -> int:
    """Have the app do it; as if it were done here."""
    from engine.embedding.job import NAME
    from engine.jobs.control import Control
    from engine.jobs.result import Result, interruptible

    app.embed(options.run_id, options.profile, options.rebuild)
    control, show = Control(), terminal.Shown(options.json)
    with interruptible(control, _RESUME):
        end = app.follow(NAME, show, control, of="/embed")
    if end is None:
        said = f"The app is gone; what is on the map stays, and {_RESUME}."
        return show.end({"event": "end", "run_id": NAME}, "", Result(NAME, "interrupted", said))
    return show.end(end, end["report"], Result(NAME, end["status"], end["message"]))
