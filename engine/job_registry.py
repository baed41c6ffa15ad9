"""Batch runs in the background of a long-lived process: one at a time, on the models of a model_cache.

Holds what the running batch last said, for anyone who asks; a run's rows are in the workspace, not here. Knows no user
interface.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from engine.checks.background import Checks
from engine.config.run_config import RunConfig
from engine.embedding.background import Embedding
from engine.exports.background import Exports
from engine.imports.background import Imports
from engine.jobs.control import Control
from engine.jobs.result import OnEvent, Result, new_run_id
from engine.models.model_cache import ModelCache
from engine.models.roles import Models
from engine.pipeline import run as jobs
from store.database.workspace import Workspace
from store.errors import InputError, ScaleQuestError

_PATIENCE = 20.0
"""Seconds that a batch has to finish what is in flight when the app ends."""


@dataclass(slots=True)
class Batch:
    """The batch that runs or ran last: ``event`` is its last progress, ``message`` what its end said, ``refused``
    whether that was the sentence of an error with a ``refusal``, ``notice`` what its models last said beside their
    results."""

    run_id: str
    control: Control = field(default_factory=Control)
    event: dict[str, Any] = field(default_factory=dict)
    loading: bool = True
    ended: bool = False
    message: str | None = None
    refused: bool = False
    notice: str | None = None


class Batches:
    """Starts, resumes and steers the batches of one workspace. Safe from any thread."""

    def __init__(self, workspace: Workspace, model_cache: ModelCache | None = None) -> None:
        self._workspace = workspace
        self._model_cache, self._owns_model_cache = model_cache or ModelCache(), model_cache is None
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.last: Batch | None = None
        self.checks = Checks(workspace, self._model_cache, lambda: self._refusal() or self.imports.refusal())
        """Of stored runs; none while a batch is under way, and no batch while one is."""
        self.imports = Imports(workspace, lambda: self._refusal() or self._checked())
        """Of files; they too stand alone."""
        self.exports = Exports(workspace)
        """They only read: they run beside all else."""
        self.embedding = Embedding(workspace)
        """Of the map, beside whatever else is under way."""

    @property
    def running(self) -> Batch | None:
        """The batch that is under way."""
        last = self.last
        return last if last is not None and not last.ended else None

    def start(self, config: RunConfig, name: str = "") -> str:
        """Begin a new run; gives back its id. InputError where a batch is under way."""
        run_id = new_run_id()
        return self._begin(
            Batch(run_id),
            config,
            lambda models, batch: jobs.start(
                self._workspace, config, name, self._hear(batch), control=batch.control, models=models, run_id=run_id
            ),
        )

    def resume(self, run_id: str) -> str:
        """Go on with an unfinished run. InputError: unknown, finished, or a batch is under way."""
        run = self._workspace.run(run_id)
        if run.kind != "generate" or run.status == "done":
            raise InputError("run", run_id, f"is {run.status} and cannot go on", "start a new one")
        return self._begin(
            Batch(run_id),
            RunConfig.from_json(run.config),
            lambda models, batch: jobs.resume(
                self._workspace, run_id, self._hear(batch), control=batch.control, models=models
            ),
        )

    def close(self) -> None:
        """Let what is in flight finish, as Ctrl-C does; close the model cache where it is nobody else's."""
        if (batch := self.running) is not None:
            batch.control.interrupt()
        self.checks.close()
        self.imports.close()
        self.exports.close()
        self.embedding.close()
        if self._thread is not None:
            self._thread.join(_PATIENCE)
        if self._owns_model_cache:
            self._model_cache.close()

    def _begin(self, batch: Batch, config: RunConfig, work: Callable[[Models, Batch], Result]) -> str:
        with self._lock:
            if (refused := self._refusal() or self._checked() or self.imports.refusal()) is not None:
                raise refused
            self.last = batch
            self._thread = threading.Thread(target=self._run, args=(batch, config, work), name="batch", daemon=True)
            self._thread.start()
        return batch.run_id

    def _refusal(self) -> InputError | None:
        if (now := self.running) is None:
            return None
        return InputError("run", now.run_id, "is still under way", "wait for its end, or cancel it")

    def _checked(self) -> InputError | None:
        if (now := self.checks.running) is None:
            return None
        return InputError("run", now.run_id, "is being checked", "wait for the end, or cancel it")

    def _run(self, batch: Batch, config: RunConfig, work: Callable[[Models, Batch], Result]) -> None:
        try:
            with self._model_cache.acquire(config) as models:
                batch.loading = False
                batch.message = work(models, batch).message
        except ScaleQuestError as error:
            batch.message, batch.refused = str(error), error.refusal
        except Exception as error:
            # Nobody stands above a thread: what it met is shown in the page, and its trace goes to the log.
            batch.message = f"The run stopped on an unforeseen error: {type(error).__name__}: {error}."
            raise
        finally:
            batch.loading, batch.ended = False, True

    def _hear(self, batch: Batch) -> OnEvent:
        def hear(event: dict[str, Any]) -> None:
            if event["event"] == "error" and event["idx"] is None:
                batch.notice = event["message"]
            else:
                batch.event = event

        return hear
