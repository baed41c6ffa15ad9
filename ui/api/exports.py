"""The command line's way into a running app, for exports: start one, compare one, follow its events, interrupt it.

Routes beside those of ``ui.api.runs``, behind the same word. Knows neither SQL nor formats, and nothing of the page.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException
from fastapi.responses import StreamingResponse

from engine.exports.background import Exports, Going
from engine.exports.plan import plan_from_json
from store.errors import InputError, ScaleQuestError
from ui.api.event_stream import follow


def add(router: APIRouter, exports: Exports) -> None:
    """``/export`` and ``/{run_id}/export``: 400 and a sentence (``detail``) for what cannot be done."""

    @router.post("/export")
    def start(wanted: Annotated[dict[str, Any], Body()]) -> dict[str, str]:
        """``{"plan", "out"}`` begins an export, ``{"manifest"}`` a comparison; gives back a name for it."""
        try:
            if isinstance(manifest := wanted.get("manifest"), str):
                return {"run_id": exports.verify(Path(manifest))}
            if not isinstance(out := wanted.get("out"), str) or not Path(out).is_absolute():
                raise InputError("out", out, "is not a folder", "send an absolute path")
            return {"run_id": exports.start(plan_from_json(wanted.get("plan")), Path(out))}
        except ScaleQuestError as error:
            raise HTTPException(400, str(error)) from error

    @router.post("/{run_id}/export/interrupt")
    def interrupt(run_id: str) -> dict[str, str]:
        """The export ends, and leaves nothing behind."""
        _going(exports, run_id).control.interrupt()
        return {"run_id": run_id}

    @router.get("/{run_id}/export/events")
    def events(run_id: str) -> StreamingResponse:
        """One JSON object a line, as ``export --json`` prints them; empty lines say that the app lives."""
        return follow(_going(exports, run_id))


def _going(exports: Exports, run_id: str) -> Going:
    if (going := exports.last) is None or going.run_id != run_id:
        raise HTTPException(400, f"export '{run_id}' is not under way in the app; export anew.")
    return going
