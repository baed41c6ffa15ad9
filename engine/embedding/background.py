"""The embedding job in the background of the app, beside whatever else runs. What it made is in the workspace."""

from __future__ import annotations

from collections.abc import Sequence

from engine.embedding import job
from engine.embedding.role import Embedder
from engine.jobs.runner import Background, Going
from store.database.workspace import Workspace
from store.errors import InputError


class Embedding(Background[Going]):
    """The embedding of one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__("map")
        self._workspace = workspace

    def start(self, runs: Sequence[str] = (), embedder: Embedder | None = None, anew: bool = False) -> None:
        """Begin a job (``job.run``). InputError where one is under way or a run is unknown; what else is wrong the job
        says."""
        for run_id in runs:
            self._workspace.run(run_id)
        going = Going(run_id=job.NAME)
        self.begin(
            going,
            lambda hear: job.run(self._workspace, runs, embedder, hear, anew=anew, control=going.control),
            self._refusal,
        )

    def _refusal(self) -> InputError | None:
        return (
            None if self.running is None else InputError("map", "", "is being made", "wait for the end, or cancel it")
        )
