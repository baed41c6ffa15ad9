"""The command line's way into a running app, for checks: start one, follow its events, interrupt it.

Routes beside those of ``ui.api.runs``, behind the same word. Knows neither SQL nor models, and nothing of the page.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException
from fastapi.responses import StreamingResponse

from engine.checks.background import Checks, Going
from engine.checks.job import done_already
from engine.checks.request import Check, asked
from engine.training import registered_models
from store.database.workspace import Workspace
from store.errors import InputError, ScaleQuestError
from ui.api.event_stream import follow


def add(router: APIRouter, workspace: Workspace, checks: Checks) -> None:
    """``/{run_id}/check``: 400 and a sentence (``detail``) for what cannot be done."""

    @router.post("/{run_id}/check")
    def start(run_id: str, wanted: Annotated[dict[str, Any], Body()]) -> dict[str, bool]:
        """``{"stage", "benchmarks", "profile", "drop"}`` begins a check; gives back whether it was ``already`` done."""
        try:
            check = _check(wanted, workspace)
            already = done_already(workspace, run_id, check)
            if not already:
                checks.start(run_id, check)
        except ScaleQuestError as error:
            raise HTTPException(400, str(error)) from error
        return {"already": already}

    @router.post("/{run_id}/check/interrupt")
    def interrupt(run_id: str) -> dict[str, str]:
        """What is in flight finishes; the check can be gone on with."""
        _going(checks, run_id).control.interrupt()
        return {"run_id": run_id}

    @router.get("/{run_id}/check/events")
    def events(run_id: str) -> StreamingResponse:
        """One JSON object a line, as ``check --json`` prints them; empty lines say that the app lives."""
        return follow(_going(checks, run_id))


def _check(wanted: dict[str, Any], workspace: Workspace) -> Check:
    files, profile = wanted.get("benchmarks"), wanted.get("profile")
    if not isinstance(files, list) or not all(isinstance(file, str) for file in files):
        raise InputError("benchmarks", files, "is not a list of files", "send paths")
    name = profile if isinstance(profile, str) else None
    folder = registered_models.folder(workspace.path)
    return asked(str(wanted.get("stage")), files, name, folder, wanted.get("drop") is True)


def _going(checks: Checks, run_id: str) -> Going:
    if (going := checks.last) is None or going.run_id != run_id:
        raise HTTPException(400, f"run '{run_id}' is not being checked in the app; ask for the check again.")
    return going
