"""Checks in the background of the app: one at a time, on the models of a model cache. Rows go to the workspace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from engine.checks import job
from engine.checks.request import Check
from engine.jobs import runner
from engine.models.model_cache import ModelCache
from store.database.workspace import Workspace
from store.errors import InputError


@dataclass(slots=True, kw_only=True)
class Going(runner.Going):
    check: Check

    @property
    def unfinished(self) -> bool:
        """Whether it stopped before its end, so that the same check goes on."""
        return self.ended and self.event.get("status") != "done"


class Checks(runner.Background[Going]):
    """The checks of one workspace. ``busy``: the sentence on why none may start now, None where one may."""

    def __init__(self, workspace: Workspace, model_cache: ModelCache, busy: Callable[[], InputError | None]) -> None:
        super().__init__("check")
        self._workspace, self._model_cache, self._busy = workspace, model_cache, busy
        self.changed: Counter[str] = Counter()
        """How many checks of each run have ended: what is counted of a finished run is true until the next one."""

    def start(self, run_id: str, check: Check) -> None:
        """Begin a check, or go on with one that stopped. InputError: the run cannot be checked, one has been done
        already, or another job is under way."""
        if job.done_already(self._workspace, run_id, check):
            raise InputError("run", run_id, f"has had this check ({check.words}) already", "choose another")
        going = Going(run_id=run_id, check=check)
        self.begin(
            going,
            lambda hear: job.run(
                self._workspace, run_id, check, hear, model_cache=self._model_cache, control=going.control
            ),
            self._refusal,
            lambda: self.changed.update([run_id]),
        )

    def _refusal(self) -> InputError | None:
        if (now := self.running) is None:
            return self._busy()
        return InputError("run", now.run_id, f"is being checked ({now.check.words})", "wait for the end, or cancel it")
