"""The events of a job as they happen, one JSON object a line, for a program that follows it."""

import json
import time
from collections.abc import Iterator
from typing import Any

from fastapi.responses import StreamingResponse

from engine.jobs.runner import Job

_INTERVAL = 0.25  # seconds between two looks at the job: half the time between two of its events


def event_stream(job: Job) -> StreamingResponse:
    """The job's start, its errors, its latest progress and its end; empty lines show that the app lives."""
    return StreamingResponse(_events(job), media_type="application/jsonl")


def _events(job: Job) -> Iterator[str]:
    sent: dict[str, Any] = {}
    errors = 0
    while True:
        ended, event = job.ended, job.event  # in this order, so that the last event is not missed
        if event and not sent:
            sent = job.first
            yield _line(sent)
        for number, error in list(job.errors):
            if number > errors:
                errors = number
                yield _line(error)
        if ended:
            break
        if event and event is not sent and event["event"] != "end":
            yield _line(event)
            sent = event
        else:
            yield "\n"
        time.sleep(_INTERVAL)
    yield _line(event if event.get("event") == "end" else _failure(job))


def _failure(job: Job) -> dict[str, Any]:
    """In place of an end event, where an error has ended the job."""
    return {"event": "refused" if job.refused else "failed", "run_id": job.run_id, "message": job.message}


def _line(event: dict[str, Any]) -> str:
    return json.dumps(event, ensure_ascii=False, default=str) + "\n"
