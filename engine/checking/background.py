"""Checks in the background of a long-lived process: one at a time, on the models of a room.

Holds what the check last said, for anyone who asks; what it found is in the workspace. Knows no user interface.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from engine.checking import job
from engine.checking.asked import Check
from engine.control import Control
from engine.room import Room
from store.errors import InputError, ScaleQuestError
from store.workspace import Workspace

_PATIENCE = 20.0
"""Seconds that a check has to finish what is in flight when the app ends."""


@dataclass(slots=True)
class Going:
    """The check that is under way or was last: ``event`` is its last progress, ``message`` what its end said."""

    run_id: str
    check: Check
    control: Control = field(default_factory=Control)
    event: dict[str, Any] = field(default_factory=dict)
    ended: bool = False
    message: str = ""

    @property
    def unfinished(self) -> bool:
        """Whether it stopped before its end, so that the same check goes on."""
        return self.ended and self.event.get("status") != "done"


class Checks:
    """Starts and steers the checks of one workspace. Safe from any thread.

    ``busy``: the sentence on why none may start now, None where one may.
    """

    def __init__(self, workspace: Workspace, room: Room, busy: Callable[[], InputError | None]) -> None:
        self._workspace, self._room, self._busy = workspace, room, busy
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.last: Going | None = None
        self.changed: Counter[str] = Counter()
        """How many checks of each run have ended: what is counted of a finished run is true until the next one."""

    @property
    def running(self) -> Going | None:
        """The check that is under way."""
        last = self.last
        return last if last is not None and not last.ended else None

    def start(self, run_id: str, check: Check) -> None:
        """Begin a check, or go on with one that stopped. InputError: the run cannot be checked, one has been done
        already, or another job is under way."""
        if job.done_already(self._workspace, run_id, check):
            raise InputError("run", run_id, f"has had this check ({check.words}) already", "choose another")
        with self._lock:
            if (now := self.running) is not None:
                problem = f"is being checked ({now.check.words})"
                raise InputError("run", now.run_id, problem, "wait for the end, or cancel it")
            if (refused := self._busy()) is not None:
                raise refused
            going = self.last = Going(run_id, check)
            self._thread = threading.Thread(target=self._run, args=(going,), name="check", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Let what is in flight finish, as Ctrl-C does."""
        if (going := self.running) is not None:
            going.control.interrupt()
        if self._thread is not None:
            self._thread.join(_PATIENCE)

    def _run(self, going: Going) -> None:
        def hear(event: dict[str, Any]) -> None:
            going.event = event

        try:
            result = job.run(self._workspace, going.run_id, going.check, hear, room=self._room, control=going.control)
            going.message = result.message or going.event["report"]
        except ScaleQuestError as error:
            going.message = str(error)
        except Exception as error:
            # Nobody stands above a thread: what it met is shown in the page, and its trace goes to the log.
            going.message = f"The check stopped on an unforeseen error: {type(error).__name__}: {error}."
            raise
        finally:
            self.changed[going.run_id] += 1
            going.ended = True
