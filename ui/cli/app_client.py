"""The app that has a workspace open, over HTTP on loopback, with the token of the workspace's owner file."""

import json
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic import TypeAdapter

from engine.job_requests import Request
from engine.jobs.control import Control
from engine.jobs.result import StartedJob
from store.database.duckdb_errors import AppEndpoint
from store.errors import ScaleQuestError, StoreError
from store.records import Run

_TIMEOUT = 120.0
"""Seconds of silence from the app, which sends something several times a second, until it counts as gone."""
T = TypeVar("T")


class App:
    """Raises StoreError, with the app's own sentence, for what it refuses."""

    def __init__(self, endpoint: AppEndpoint) -> None:
        self._url = endpoint.url
        headers = {"authorization": f"Bearer {endpoint.token}"}
        self._http = httpx.Client(base_url=f"{endpoint.url}/api", headers=headers, timeout=_TIMEOUT, trust_env=False)

    def run(self, run_id: str) -> Run:
        """The run's record."""
        return self._answer(Run, "GET", f"/runs/{quote(run_id, safe='')}")

    def start(self, request: Request) -> StartedJob:
        """Start a job, as if requested from the app's folder."""
        body = request.absolute().model_dump_json()
        return self._answer(StartedJob, "POST", f"/jobs/{request.kind}", content=body)

    def follow(self, job_id: str, show: Callable[[dict[str, Any]], None], control: Control) -> dict[str, Any] | None:
        """Show a job's events until its end; gives back the end event, or None where the app has stopped.

        Asks the app to interrupt the job when ``control`` is interrupted. StoreError where the job's input was at
        fault, another ScaleQuestError where another error has ended it.
        """
        interrupted = False
        for line in self._lines(f"/jobs/{job_id}/events"):
            if control.stopping and not interrupted:
                interrupted = True
                self._answer(StartedJob, "POST", f"/jobs/{job_id}/interrupt")
            if not line:
                continue
            event: dict[str, Any] = json.loads(line)
            match event["event"]:
                case "end":
                    return event
                case "refused":
                    raise StoreError(event["message"])
                case "failed":
                    raise ScaleQuestError(event["message"])
            show(event)
        return None

    def _lines(self, path: str) -> Iterator[str]:
        """The lines of the answer; ends where the app does."""
        try:
            with self._http.stream("GET", path) as answer:
                if answer.is_error:
                    answer.read()
                    raise _refusal(answer)
                yield from answer.iter_lines()
        except httpx.TransportError:
            return

    def _answer(self, model: type[T], method: str, path: str, content: str | None = None) -> T:
        try:
            answer = self._http.request(method, path, content=content)
        except httpx.TransportError as error:
            problem = "has the workspace open and does not answer; wait a moment, or stop it"
            raise StoreError(f"the app at {self._url} {problem}.") from error
        if answer.is_error:
            raise _refusal(answer)
        return TypeAdapter(model).validate_json(answer.content)


def _refusal(answer: httpx.Response) -> StoreError:
    try:
        return StoreError(str(answer.json()["detail"]))
    except (ValueError, KeyError, TypeError):
        return StoreError(f"the app refused the request (HTTP {answer.status_code}); restart it with this version.")
