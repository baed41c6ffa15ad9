"""``scalequest check``: a stage of a stored run judged anew, on the command line.

On a workspace that the app has open, the app does it and the command follows. Knows neither SQL nor models. Heavy
imports stand inside, so that bad input is answered at once.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from contextlib import closing

from store.database.duckdb_errors import InUse
from store.database.workspace import Workspace
from ui.cli import terminal
from ui.cli.app_client import App

DONE = 0
_RESUME = "the same command goes on from what is stored"


def check(options: Namespace) -> int:
    from engine.checks.request import asked
    from engine.training import registered_models

    folder = registered_models.folder(options.workspace)
    wanted = asked(options.stage, options.benchmark or (), options.profile, folder, options.drop)
    try:
        workspace = Workspace.open(options.workspace, create=False)
    except InUse as held:
        return _through(options, App.of(held), wanted.words)
    with workspace:
        from engine.checks.job import done_already

        if done_already(workspace, options.run_id, wanted):
            return _already(options, wanted.words)
        from engine.checks.job import run
        from engine.jobs.control import Control
        from engine.jobs.result import interruptible
        from engine.models.model_cache import ModelCache

        control, show = Control(), terminal.Shown(options.json)
        with closing(ModelCache()) as model_cache, interruptible(control, _RESUME):
            result = run(workspace, options.run_id, wanted, show, model_cache=model_cache, control=control)
        return show.end({}, show.last.get("report", ""), result)


def _through(options: Namespace, app: App, words: str) -> int:
    """Have the app do it; as if it were done here."""
    from engine.jobs.control import Control
    from engine.jobs.result import Result, interruptible

    run_id = options.run_id
    if not app.check(run_id, options.stage, options.benchmark or (), options.profile, options.drop):
        return _already(options, words)
    control, show = Control(), terminal.Shown(options.json)
    with interruptible(control, _RESUME):
        end = app.follow(run_id, show, control, of="/check")
    if end is None:
        said = f"The app is gone; what it has found so far is kept, and {_RESUME}."
        return show.end({"event": "end", "run_id": run_id}, "", Result(run_id, "interrupted", said))
    return show.end(end, end["report"], Result(run_id, end["status"], end["message"]))


def _already(options: Namespace, words: str) -> int:
    said = f"Run {options.run_id} has had this check ({words}) already, and nothing has changed since."
    print(said, file=sys.stderr)
    return DONE
