"""The command line's way into a running app, for the map: begin to embed, follow the job, interrupt it.

Routes beside those of ``ui.api.runs``, behind the same word. Knows neither SQL nor models, and nothing of the page.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException
from fastapi.responses import StreamingResponse

from engine.embedding.background import Embedding
from engine.embedding.job import NAME
from engine.embedding.role import load_embedder
from engine.jobs.runner import Going
from engine.training import registered_models
from store.database.workspace import Workspace
from store.errors import InputError, ScaleQuestError
from ui.api.event_stream import follow


def add(router: APIRouter, workspace: Workspace, embedding: Embedding) -> None:
    """``/map/embed``: 400 and a sentence (``detail``) for what cannot be done."""

    @router.post(f"/{NAME}/embed")
    def start(wanted: Annotated[dict[str, Any], Body()]) -> dict[str, str]:
        """``{"runs", "profile", "anew"}`` begins the job."""
        runs, profile = wanted.get("runs"), wanted.get("profile")
        try:
            if not isinstance(runs, list) or not all(isinstance(run_id, str) for run_id in runs):
                raise InputError("runs", runs, "is not a list of runs", "send their ids")
            named = (
                load_embedder(profile, registered_models.folder(workspace.path)) if isinstance(profile, str) else None
            )
            embedding.start(runs, named, wanted.get("anew") is True)
        except ScaleQuestError as error:
            raise HTTPException(400, str(error)) from error
        return {"run_id": NAME}

    @router.post(f"/{NAME}/embed/interrupt")
    def interrupt() -> dict[str, str]:
        """The block in flight is written; the job can be gone on with."""
        _going(embedding).control.interrupt()
        return {"run_id": NAME}

    @router.get(f"/{NAME}/embed/events")
    def events() -> StreamingResponse:
        """One JSON object a line, as ``embed --json`` prints them; empty lines say that the app lives."""
        return follow(_going(embedding))


def _going(embedding: Embedding) -> Going:
    if (going := embedding.last) is None:
        raise HTTPException(400, "The app is not embedding; ask for it again.")
    return going
