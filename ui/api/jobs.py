"""The command line's way into a running app: start a job, follow its events, interrupt it, read a run's record.

For programs of the workspace's user on this machine: every request carries the token of the workspace's owner file,
whatever login the page has.
"""

import hmac
from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Header, HTTPException, Request
from fastapi.responses import StreamingResponse

from engine.config.validation import validate_json
from engine.job_registry import JobRegistry
from engine.job_requests import REQUESTS
from engine.job_requests import Request as JobRequest
from engine.jobs.result import AlreadyDone, StartedJob
from store.database.workspace import Workspace
from store.errors import InputError, ScaleQuestError
from store.records import Run
from ui.api.event_stream import event_stream

T = TypeVar("T")


async def _body(request: Request) -> bytes:
    return await request.body()


def routes(workspace: Workspace, jobs: JobRegistry, token: str) -> APIRouter:
    """``/api/jobs`` and ``/api/runs``: 401 without the token, 400 and a sentence (``detail``) for bad input."""

    def authorized(authorization: Annotated[str, Header()] = "") -> None:
        if not hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode()):
            raise HTTPException(401, "This needs the token in the workspace's explorer.owner.json.")

    router = APIRouter(prefix="/api", dependencies=[Depends(authorized)])

    @router.post("/jobs/{kind}")
    def start(kind: str, content: Annotated[bytes, Depends(_body)]) -> StartedJob:
        """The body is a request of ``engine.job_requests``."""
        try:
            job = _checked(lambda: jobs.start(validate_json(_request(kind), content)))
        except AlreadyDone as done:
            return StartedJob(already_done=str(done))
        return StartedJob(job_id=job.job_id, run_id=job.run_id)

    @router.post("/jobs/{job_id}/interrupt")
    def interrupt(job_id: str) -> StartedJob:
        """What is in flight finishes, then the job ends."""
        job = _checked(lambda: jobs.find(job_id))
        job.control.interrupt()
        return StartedJob(job_id=job.job_id, run_id=job.run_id)

    @router.get("/jobs/{job_id}/events")
    def events(job_id: str) -> StreamingResponse:
        """One JSON object a line, as the command prints them with ``--json``; empty lines show that the app lives."""
        return event_stream(_checked(lambda: jobs.find(job_id)))

    @router.get("/runs/{run_id}")
    def run(run_id: str) -> Run:
        return _checked(lambda: workspace.run(run_id))

    return router


def _request(kind: str) -> type[JobRequest]:
    if kind not in REQUESTS:
        raise InputError("kind", kind, "is not a kind of job", f"use one of {', '.join(REQUESTS)}")
    return REQUESTS[kind]


def _checked(action: Callable[[], T]) -> T:
    try:
        return action()
    except AlreadyDone:
        raise
    except ScaleQuestError as error:
        raise HTTPException(400, str(error)) from error
