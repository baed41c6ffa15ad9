"""Imports in the background of a long-lived process: one at a time.

Holds what the import last said, for anyone who asks; its rows are in the workspace. Knows no user interface.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.control import Control
from engine.imports import job, merging
from engine.jobs import OnEvent, Result, new_run_id
from store.attached import is_database
from store.errors import InputError, ScaleQuestError
from store.workspace import Workspace

_PATIENCE = 20.0
"""Seconds that an import has to end when the app does."""


@dataclass(slots=True)
class Importing:
    """The import that is under way or was last: ``event`` is its last, ``message`` what its end said."""

    run_id: str
    source: str
    control: Control = field(default_factory=Control)
    event: dict[str, Any] = field(default_factory=dict)
    ended: bool = False
    message: str = ""


class Imports:
    """Starts and steers the imports of one workspace. Safe from any thread.

    ``busy``: the sentence on why none may start now, None where one may.
    """

    def __init__(self, workspace: Workspace, busy: Callable[[], InputError | None]) -> None:
        self._workspace, self._busy = workspace, busy
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.last: Importing | None = None

    @property
    def running(self) -> Importing | None:
        """The import that is under way."""
        last = self.last
        return last if last is not None and not last.ended else None

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
            merging.refuse(self._workspace.path, source, overrides, name, scored)
        else:
            job.preview(source, overrides)
        with self._lock:
            if (refused := self.refusal() or self._busy()) is not None:
                raise refused
            going = self.last = Importing(new_run_id(), source)
            work = (going, overrides, name, scored, after)
            self._thread = threading.Thread(target=self._run, args=work, name="import", daemon=True)
            self._thread.start()
        return going.run_id

    def close(self) -> None:
        """End it, as Ctrl-C does."""
        if (going := self.running) is not None:
            going.control.interrupt()
        if self._thread is not None:
            self._thread.join(_PATIENCE)

    def _run(
        self, going: Importing, overrides: Mapping[str, str], name: str, scored: bool, after: Callable[[], None]
    ) -> None:
        def hear(event: dict[str, Any]) -> None:
            going.event = event

        try:
            result = self._bring(going, overrides, name, scored, hear)
            going.message = result.message or going.event["report"]
        except ScaleQuestError as error:
            going.message = str(error)
        except Exception as error:
            # Nobody stands above a thread: what it met is shown in the page, and its trace goes to the log.
            going.message = f"The import stopped on an unforeseen error: {type(error).__name__}: {error}."
            raise
        finally:
            going.ended = True
            after()

    def _bring(self, going: Importing, overrides: Mapping[str, str], name: str, scored: bool, hear: OnEvent) -> Result:
        """Rows become a run; of another workspace the runs come."""
        if is_database(going.source):
            return merging.start(self._workspace, going.source, hear, control=going.control, run_id=going.run_id)
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
