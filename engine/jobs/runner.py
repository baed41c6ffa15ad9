"""A job in the background of a long-lived process: one of its kind at a time.

Holds what the job last said, for anyone who asks. Knows neither what jobs do nor any user interface.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from engine.jobs.control import Control
from engine.jobs.result import OnEvent, Result
from store.errors import InputError, ScaleQuestError

_PATIENCE = 20.0
"""Seconds that a job has to end when the app does."""


@dataclass(slots=True, kw_only=True)
class Going:
    """The job that is under way or was last: ``event`` is its last, ``message`` what its end said, ``refused`` whether
    that was the sentence of an error with a ``refusal``."""

    run_id: str
    control: Control = field(default_factory=Control)
    event: dict[str, Any] = field(default_factory=dict)
    ended: bool = False
    message: str = ""
    refused: bool = False


G = TypeVar("G", bound=Going)


class Background(Generic[G]):
    """Starts and steers the jobs of one kind. Safe from any thread."""

    def __init__(self, what: str) -> None:
        """``what``: the job in a word, ``import``."""
        self._what = what
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.last: G | None = None

    @property
    def running(self) -> G | None:
        """The job that is under way."""
        last = self.last
        return last if last is not None and not last.ended else None

    def close(self) -> None:
        """End it, as Ctrl-C does: what is in flight has a moment to finish."""
        if (going := self.running) is not None:
            going.control.interrupt()
        if self._thread is not None:
            self._thread.join(_PATIENCE)

    def begin(
        self,
        going: G,
        work: Callable[[OnEvent], Result],
        refusal: Callable[[], InputError | None],
        after: Callable[[], None] = lambda: None,
    ) -> None:
        """Run ``work``, whose last event has the ``report``, unless ``refusal`` says why not: that is raised.

        ``after`` is called when it has ended, however it ended, before anyone can see that.
        """
        with self._lock:
            if (refused := refusal()) is not None:
                raise refused
            self.last = going
            name = f"background-{self._what}"
            self._thread = threading.Thread(target=self._run, args=(going, work, after), name=name, daemon=True)
            self._thread.start()

    def _run(self, going: G, work: Callable[[OnEvent], Result], after: Callable[[], None]) -> None:
        def hear(event: dict[str, Any]) -> None:
            going.event = event

        try:
            result = work(hear)
            going.message = result.message or going.event["report"]
        except ScaleQuestError as error:
            going.message, going.refused = str(error), error.refusal
        except Exception as error:
            # Nobody stands above a thread: what it met is shown in the page, and its trace goes to the log.
            going.message = f"The {self._what} stopped on an unforeseen error: {type(error).__name__}: {error}."
            raise
        finally:
            try:
                after()
            finally:
                going.ended = True
