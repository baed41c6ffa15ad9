"""The command line's way into a running app: start, resume and interrupt a batch, and follow its events.

For programs of the workspace's user on this machine: every request carries the word that the owner file holds, whatever
login the page has. Knows neither SQL nor models, and nothing of the page.
"""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Callable, Iterator
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Body, Depends, Header, HTTPException
from fastapi.responses import StreamingResponse

from engine.config.run_config import RunConfig
from engine.job_registry import Batch, Batches
from engine.jobs.result import Result
from engine.pipeline import report
from store.database import run_queries
from store.database.run_list import failures
from store.database.workspace import Workspace
from store.errors import InputError, ScaleQuestError
from ui.api import checks, embedding, exports, imports
from ui.api.event_stream import broken

_TICK = 0.25
"""Seconds between two looks at the batch: half of what lies between two of its events."""
_T = TypeVar("_T")


def routes(workspace: Workspace, batches: Batches, token: str) -> APIRouter:
    """``/api/runs``: 401 without the token, 400 and a sentence (``detail``) for what cannot be done."""

    def known(authorization: Annotated[str, Header()] = "") -> None:
        if not hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode()):
            raise HTTPException(401, "This needs the token that stands in the workspace's explorer.owner.json.")

    router = APIRouter(prefix="/api/runs", dependencies=[Depends(known)])

    @router.post("")
    def start(asked: Annotated[dict[str, Any], Body()]) -> dict[str, str]:
        """``{"config": a RunConfig's JSON, "name"}`` begins a run; gives back its id."""
        return {"run_id": _done(lambda: batches.start(_config(asked.get("config")), str(asked.get("name") or "")))}

    @router.get("/{run_id}")
    def stored(run_id: str) -> dict[str, Any]:
        """The run's record, without its times."""
        run = _done(lambda: workspace.run(run_id))
        names = ("run_id", "name", "kind", "config", "config_hash", "seed", "status")
        return {name: getattr(run, name) for name in names}

    @router.post("/{run_id}/resume")
    def resume(run_id: str) -> dict[str, str]:
        return {"run_id": _done(lambda: batches.resume(run_id))}

    @router.post("/{run_id}/interrupt")
    def interrupt(run_id: str) -> dict[str, str]:
        """What is in flight finishes; the run can be resumed."""
        _done(lambda: _batch(batches, run_id)).control.interrupt()
        return {"run_id": run_id}

    @router.get("/{run_id}/events")
    def events(run_id: str) -> StreamingResponse:
        """One JSON object a line, as ``run --json`` prints them, until the end; empty lines say that the app lives."""
        batch = _done(lambda: _batch(batches, run_id))
        return StreamingResponse(_events(workspace, batch), media_type="application/jsonl")

    checks.add(router, workspace, batches.checks)
    imports.add(router, batches.imports)
    exports.add(router, batches.exports)
    embedding.add(router, workspace, batches.embedding)
    return router


def _done(action: Callable[[], _T]) -> _T:
    try:
        return action()
    except ScaleQuestError as error:
        raise HTTPException(400, str(error)) from error


def _config(data: Any) -> RunConfig:
    try:
        return RunConfig.from_json(data)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError("config", data, "is not the JSON of a run's config", "send what to_json gives") from error


def _batch(batches: Batches, run_id: str) -> Batch:
    if (batch := batches.last) is None or batch.run_id != run_id:
        raise InputError("run", run_id, "is not under way in the app", "resume it with --resume")
    return batch


def _events(workspace: Workspace, batch: Batch) -> Iterator[str]:
    """What the batch tells, a line each: its progress as it says it, its failures from their rows, and what its models
    say beside."""
    with workspace.cursor() as cursor:
        before = seen = run_queries.error_count(cursor, batch.run_id)  # a run that goes on may have some of old
        told: dict[str, Any] = {}
        noticed: str | None = None
        while True:
            ended, event = batch.ended, batch.event  # in this order: the last event is not missed
            if (new := before + event.get("errors", 0) - seen) > 0:
                for row in failures(cursor, batch.run_id, seen, new):
                    seen += 1
                    what = {"stage": row.stage, "idx": row.idx, "message": row.message}
                    yield _line({"event": "error", "run_id": row.run_id, **what})
            if (notice := batch.notice) != noticed:
                noticed = notice
                what = {"stage": "models", "idx": None, "message": notice}
                yield _line({"event": "error", "run_id": batch.run_id, **what})
            if ended:
                break
            if event is not told and "done" in event and event["event"] != "end":
                yield _line({**event, "event": "progress" if told else "start"})
                told = event
            else:
                yield "\n"
            time.sleep(_TICK)
    yield _line(_end(workspace, batch))


def _end(workspace: Workspace, batch: Batch) -> dict[str, Any]:
    """The end event with the report as data and (``report``) in words; ``broken`` where it never came to one."""
    event = batch.event
    if event.get("event") != "end":
        return broken(batch.run_id, batch.refused, batch.message or "The run did not start.")
    result = Result(batch.run_id, event["status"], event["message"], event["elapsed_s"], event["first_pair_s"])
    return {**event, **report.facts(workspace, result), "report": report.text(workspace, result)}


def _line(event: dict[str, Any]) -> str:
    return json.dumps(event, ensure_ascii=False, default=str) + "\n"
