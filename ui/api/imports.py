"""The command line's way into a running app, for imports: start one, follow its events, interrupt it.

Routes beside those of ``ui.api.runs``, behind the same word. Knows neither SQL nor formats, and nothing of the page.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException
from fastapi.responses import StreamingResponse

from engine.imports.background import Importing, Imports
from store.errors import InputError, ScaleQuestError
from ui.api.event_stream import follow


def add(router: APIRouter, imports: Imports) -> None:
    """``/import`` and ``/{run_id}/import``: 400 and a sentence (``detail``) for what cannot be done."""

    @router.post("/import")
    def start(wanted: Annotated[dict[str, Any], Body()]) -> dict[str, str]:
        """``{"source", "mapping", "name", "scored"}`` begins an import; gives back its run's id."""
        mapping = wanted.get("mapping")
        try:
            if not isinstance(mapping, dict) or not all(isinstance(column, str) for column in mapping.values()):
                raise InputError("mapping", mapping, "is not an object of fields and columns", 'send {"query": COLUMN}')
            source, name = str(wanted.get("source") or ""), str(wanted.get("name") or "")
            return {"run_id": imports.start(source, mapping, name, wanted.get("scored") is not False)}
        except ScaleQuestError as error:
            raise HTTPException(400, str(error)) from error

    @router.post("/{run_id}/import/interrupt")
    def interrupt(run_id: str) -> dict[str, str]:
        """The import ends; what is stored is kept."""
        _going(imports, run_id).control.interrupt()
        return {"run_id": run_id}

    @router.get("/{run_id}/import/events")
    def events(run_id: str) -> StreamingResponse:
        """One JSON object a line, as ``import --json`` prints them; empty lines say that the app lives."""
        return follow(_going(imports, run_id))


def _going(imports: Imports, run_id: str) -> Importing:
    if (going := imports.last) is None or going.run_id != run_id:
        raise HTTPException(400, f"run '{run_id}' is not being imported in the app; import the file anew.")
    return going
