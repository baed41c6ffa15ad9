"""The embedding job in the background of a long-lived process: one at a time, beside whatever else is under way.

Holds what the job last said, for anyone who asks; what it made is in the workspace. Knows no user interface.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.control import Control
from engine.embedding import job
from engine.embedding.role import Embedder
from store.errors import InputError, ScaleQuestError
from store.workspace import Workspace

_PATIENCE = 20.0
"""Seconds that a job has to write its block when the app ends."""


@dataclass(slots=True)
class Going:
    """The job that is under way or was last: ``event`` is its last progress, ``message`` what its end said."""

    run_id: str = job.NAME
    control: Control = field(default_factory=Control)
    event: dict[str, Any] = field(default_factory=dict)
    ended: bool = False
    message: str = ""


class Embedding:
    """Starts and steers the embedding of one workspace. Safe from any thread."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.last: Going | None = None

    @property
    def running(self) -> Going | None:
        """The job that is under way."""
        last = self.last
        return last if last is not None and not last.ended else None

    def start(self, runs: Sequence[str] = (), embedder: Embedder | None = None, anew: bool = False) -> None:
        """Begin a job (``job.run``). InputError where one is under way or a run is unknown; what else is wrong the job
        says."""
        for run_id in runs:
            self._workspace.run(run_id)
        with self._lock:
            if self.running is not None:
                raise InputError("map", "", "is being made", "wait for the end, or cancel it")
            going = self.last = Going()
            work = (going, runs, embedder, anew)
            self._thread = threading.Thread(target=self._run, args=work, name="embedding", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Let the block in flight be written, as Ctrl-C does."""
        if (going := self.running) is not None:
            going.control.interrupt()
        if self._thread is not None:
            self._thread.join(_PATIENCE)

    def _run(self, going: Going, runs: Sequence[str], embedder: Embedder | None, anew: bool) -> None:
        def hear(event: dict[str, Any]) -> None:
            going.event = event

        try:
            result = job.run(self._workspace, runs, embedder, hear, anew=anew, control=going.control)
            going.message = result.message or going.event["report"]
        except ScaleQuestError as error:
            going.message = str(error)
        except Exception as error:
            # Nobody stands above a thread: what it met is shown in the page, and its trace goes to the log.
            going.message = f"The map stopped on an unforeseen error: {type(error).__name__}: {error}."
            raise
        finally:
            going.ended = True
