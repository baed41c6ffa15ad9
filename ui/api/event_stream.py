"""What a job of the app tells the command line that follows it: a JSON object a line. Knows no kind of job."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any, Protocol

from fastapi.responses import StreamingResponse

_TICK = 0.25
"""Seconds between two looks at the job: half of what lies between two of its events."""


class Going(Protocol):
    """A job that is under way or was last: ``event`` is its last one, ``message`` what its end said,
    ``refused`` whether that tells of bad input."""

    run_id: str
    event: dict[str, Any]
    ended: bool
    message: str
    refused: bool


def follow(going: Going) -> StreamingResponse:
    """Its events until the end; empty lines say that the app lives."""
    return StreamingResponse(_events(going), media_type="application/jsonl")


def _events(going: Going) -> Iterator[str]:
    told: dict[str, Any] = {}
    while True:
        ended, event = going.ended, going.event  # in this order: the last event is not missed
        if ended:
            break
        if event is not told and event and event["event"] != "end":
            yield _line({**event, "event": "progress" if told else "start"})
            told = event
        else:
            yield "\n"
        time.sleep(_TICK)
    yield _line(event if event.get("event") == "end" else broken(going.run_id, going.refused, going.message))


def broken(run_id: str, refused: bool, message: str) -> dict[str, Any]:
    """What is told in place of an end event, which never came, where an error has ended the job."""
    return {"event": "refused" if refused else "failed", "run_id": run_id, "message": message}


def _line(event: dict[str, Any]) -> str:
    return json.dumps(event, ensure_ascii=False) + "\n"
