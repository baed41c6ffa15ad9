"""Imports in the background of the app: one at a time. Their rows are in the workspace."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engine.imports import job, merge
from engine.jobs.result import OnEvent, Result, new_run_id
from engine.jobs.runner import Background, Going
from store.database.workspace import Workspace
from store.errors import InputError
from store.transfer.attach import is_database


@dataclass(slots=True, kw_only=True)
class Importing(Going):
    source: str


class Imports(Background[Importing]):
    """The imports of one workspace. ``busy``: the sentence on why none may start now, None where one may."""

    def __init__(self, workspace: Workspace, busy: Callable[[], InputError | None]) -> None:
        super().__init__("import")
        self._workspace, self._busy = workspace, busy

    def refusal(self) -> InputError | None:
        """Why another job has to wait; None where none has to."""
        if (now := self.running) is None:
            return None
        return InputError("run", now.run_id, "is being imported", "wait for its end, or cancel it")

    def start(
        self,
        source: str,
        overrides: Mapping[str, str],
        name: str = "",
        scored: bool = True,
        after: Callable[[], None] = lambda: None,
    ) -> str:
        """Begin an import (``job.start``), or a merge (``merging.start``); gives back its run's id, of a merge only a
        name for it. ``after`` is called once it has ended, however it ended. InputError: it cannot be read so, or
        another job is under way; ``after`` is not called then."""
        # What cannot be read is said to who asked.
        if is_database(source):
            merge.refuse(self._workspace.path, source, overrides, name, scored)
        else:
            job.preview(source, overrides)
        going = Importing(run_id=new_run_id(), source=source)
        self.begin(
            going,
            lambda hear: self._bring(going, overrides, name, scored, hear),
            lambda: self.refusal() or self._busy(),
            after,
        )
        return going.run_id

    def _bring(self, going: Importing, overrides: Mapping[str, str], name: str, scored: bool, hear: OnEvent) -> Result:
        """Rows become a run; of another workspace the runs come."""
        if is_database(going.source):
            return merge.start(self._workspace, going.source, hear, control=going.control, run_id=going.run_id)
        return job.start(
            self._workspace,
            going.source,
            overrides,
            name,
            hear,
            scored=scored,
            control=going.control,
            run_id=going.run_id,
        )
