"""``scalequest run`` on a workspace that the app has open: the app does the work, the command line follows it.

Over HTTP on loopback, by the word in the workspace's owner file. What is shown, and the exit codes, are those of a run
that owns its workspace. Standard library only.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import ProxyHandler, Request, build_opener

from store.database.duckdb_errors import AppEndpoint, InUse
from store.errors import ScaleQuestError, StoreError
from store.records import Run

if TYPE_CHECKING:
    from engine.config.profiles import Role
    from engine.config.run_config import RunConfig
    from engine.jobs.control import Control

_PATIENCE = 120.0
"""Seconds of silence from the app (it says something several times a second) until it counts as gone."""


class App:
    """The app that has a workspace open. StoreError, with the app's own sentence, for what it refuses."""

    def __init__(self, endpoint: AppEndpoint) -> None:
        self._endpoint = endpoint
        self._opener = build_opener(ProxyHandler({}))  # a proxy has no business between two processes of one machine

    @classmethod
    def of(cls, held: InUse) -> App:
        """The app behind a workspace that is in use; raises ``held`` again where it is no app."""
        if held.endpoint is None:
            raise held
        return cls(held.endpoint)

    def start(self, config: RunConfig, name: str) -> str:
        """Begin a run; gives back its id. Paths are made absolute: the app may run in another folder."""
        return str(self._answer("POST", "", {"config": _absolute(config).to_json(), "name": name})["run_id"])

    def run(self, run_id: str) -> Run:
        """The run's record; its times are not told."""
        return Run(**self._answer("GET", f"/{quote(run_id, safe='')}"))

    def resume(self, run_id: str) -> None:
        self._answer("POST", f"/{quote(run_id, safe='')}/resume", {})

    def check(self, run_id: str, stage: str, benchmarks: Sequence[str], profile: str | None, drop: bool) -> bool:
        """Begin a check of a stored run; False where it is done already. Paths are made absolute."""
        wanted = {
            "stage": stage,
            "benchmarks": [str(Path(file).resolve()) for file in benchmarks],
            "profile": str(Path(profile).resolve()) if profile and profile.endswith(".toml") else profile,
            "drop": drop,
        }
        return not self._answer("POST", f"/{quote(run_id, safe='')}/check", wanted)["already"]

    def embed(self, runs: Sequence[str], profile: str | None, anew: bool) -> None:
        """Begin to put questions on the map. Paths are made absolute."""
        named = str(Path(profile).resolve()) if profile and profile.endswith(".toml") else profile
        self._answer("POST", "/map/embed", {"runs": [*runs], "profile": named, "anew": anew})

    def bring(self, source: str, overrides: dict[str, str], name: str, scored: bool) -> str:
        """Begin an import; gives back its run's id. The source must not depend on the folder that it is named from."""
        wanted = {"source": source, "mapping": overrides, "name": name, "scored": scored}
        return str(self._answer("POST", "/import", wanted)["run_id"])

    def export(self, wanted: dict[str, Any]) -> str:
        """Begin an export, or the comparison of one; gives back a name for it. Its paths must be absolute."""
        return str(self._answer("POST", "/export", wanted)["run_id"])

    def follow(
        self, run_id: str, show: Callable[[dict[str, Any]], None], control: Control, of: str = ""
    ) -> dict[str, Any] | None:
        """Show the run's events until its end; gives back the end event, or None where the app went away.

        ``of``: ``/check`` for the run's check instead, ``/embed`` for the map's job, ``/export`` for an export. Where
        ``control`` is interrupted, the app is asked to interrupt it. StoreError where what was given is at fault,
        another ScaleQuestError where another error has ended it.
        """
        asked, path = False, f"/{quote(run_id, safe='')}{of}"
        for line in self._lines(f"{path}/events"):
            if control.requested == "interrupt" and not asked:
                asked = True
                self._answer("POST", f"{path}/interrupt", {})
            event: dict[str, Any] = json.loads(line) if line.strip() else {}
            if event.get("event") == "end":
                return event
            if event.get("event") == "refused":
                raise StoreError(event["message"])
            if event.get("event") == "failed":
                raise ScaleQuestError(event["message"])
            if event:
                show(event)
        return None

    def _lines(self, path: str) -> Iterator[bytes]:
        """Whole lines; ends where the app does."""
        with self._ask("GET", path) as answer:
            while True:
                try:
                    line = answer.readline()
                except (OSError, HTTPException):
                    return
                if not line.endswith(b"\n"):
                    return
                yield line

    def _answer(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        with self._ask(method, path, body) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> HTTPResponse:
        headers = {"authorization": f"Bearer {self._endpoint.token}", "content-type": "application/json"}
        data = json.dumps(body).encode() if body is not None else None
        request = Request(f"{self._endpoint.url}/api/runs{path}", data, headers, method=method)
        try:
            answer: HTTPResponse = self._opener.open(request, timeout=_PATIENCE)
        except HTTPError as error:
            raise StoreError(_detail(error)) from error
        except (OSError, HTTPException) as error:
            url = self._endpoint.url
            said = f"the app at {url} has the workspace open and does not answer; wait a moment, or stop it."
            raise StoreError(said) from error
        return answer


def _detail(error: HTTPError) -> str:
    try:
        return str(json.load(error)["detail"])
    except (ValueError, KeyError, TypeError):
        return f"the app refused the request (HTTP {error.code}); update the older of the two programs."


def _absolute(config: RunConfig) -> RunConfig:
    """The config with every path in it absolute."""

    def role(one: Role) -> Role:
        bundled = one.path is None or one.model.startswith("assets/")
        return one if bundled else replace(one, model=str(one.path.resolve()))  # type: ignore[union-attr]

    profile = config.profile
    moved = replace(
        profile,
        generators=tuple(role(one) for one in profile.generators),
        judge=role(profile.judge),
        difficulty=role(profile.difficulty),
        solver=role(profile.solver),
        reward=role(profile.reward),
    )
    return replace(config, profile=moved, benchmarks=tuple(str(Path(b).resolve()) for b in config.benchmarks))
