"""Runs a job in this process or, where the app has the workspace open, in the app; both look the same to the user."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

from store.database.duckdb_errors import AppEndpoint, InUse
from store.database.workspace import Workspace
from store.records import Run
from ui.cli import terminal
from ui.cli.options import DONE

if TYPE_CHECKING:
    from engine.job_requests import Request

Check = Callable[[Callable[[str], Run]], None]
"""Given a function that reads a run's record, raises where the job must not start."""


def run_or_follow(options: Namespace, request: Request, *, create: bool = False, check: Check = lambda _: None) -> int:
    """Open the workspace and run the job here, or have the app run it and follow its events. Gives the exit code.

    ``create``: a workspace that does not exist is made.
    """
    from engine.jobs.result import AlreadyDone

    try:
        try:
            workspace = Workspace.open(options.workspace, create=create)
        except InUse as error:
            if error.endpoint is None:
                raise
            return _follow(options, request, error.endpoint, check)
        with workspace:
            return _run_here(options, request, workspace, check)
    except AlreadyDone as done:
        print(done, file=sys.stderr)
        return DONE


def _run_here(options: Namespace, request: Request, workspace: Workspace, check: Check) -> int:
    from engine.jobs.result import interruptible
    from engine.models.model_cache import ModelCache

    check(workspace.run)
    job, events = request.job(workspace), terminal.JobEvents(options.json, request.unit)
    kept = request.kept(options.workspace, job.run_id)
    with closing(ModelCache()) as model_cache, interruptible(job.control, kept):
        result = request.run(workspace, job, events, model_cache)
    return events.end(result)


def _follow(options: Namespace, request: Request, endpoint: AppEndpoint, check: Check) -> int:
    from engine.jobs.control import Control
    from engine.jobs.result import AlreadyDone, Result, interruptible
    from ui.cli.app_client import App

    app = App(endpoint)
    check(app.run)
    job = app.start(request)
    if job.already_done is not None or job.job_id is None:
        raise AlreadyDone(job.already_done)
    run_id, control, events = job.run_id or "", Control(), terminal.JobEvents(options.json, request.unit)
    kept = request.kept(options.workspace, run_id)
    with interruptible(control, kept):
        end = app.follow(job.job_id, events, control)
    if end is None:
        events({"event": "end", "run_id": run_id})
        return events.end(Result(run_id, "interrupted", f"The app is gone; {kept}."))
    events(end)
    return events.end(Result(run_id, end["status"], end["message"]))
