"""A job in a thread of a long-lived process. The thread's errors become the job's message."""

import itertools
import secrets
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from engine.jobs.control import Control
from engine.jobs.result import OnEvent, Result
from store.errors import ScaleQuestError

_ERRORS = 1000
"""Error events that a job keeps for those who follow it; the workspace has all of them."""


@dataclass(slots=True, kw_only=True, eq=False)
class Job:
    """A job that is running or has ended, and its latest events, for everyone who looks at it.

    ``request`` is what was asked for (``engine.job_requests``), ``title`` the same in a few words. ``message`` is a
    sentence where the job did not plainly succeed, ``refused`` whether the input was at fault. ``notice`` is what the
    models last reported, ``errors`` are the latest error events with their numbers, counted from 1.
    """

    kind: str
    run_id: str
    request: Any = None
    title: str = ""
    job_id: str = field(default_factory=lambda: f"j{secrets.token_hex(4)}")
    control: Control = field(default_factory=Control)
    first: dict[str, Any] = field(default_factory=dict)
    event: dict[str, Any] = field(default_factory=dict)
    errors: deque[tuple[int, dict[str, Any]]] = field(default_factory=lambda: deque(maxlen=_ERRORS))
    notice: str | None = None
    ended: bool = False
    message: str | None = None
    refused: bool = False
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def outcome(self) -> str:
        """What a job that has ended came to, in words."""
        return self.message or str(self.event.get("report", ""))

    @property
    def unfinished(self) -> bool:
        """Whether it stopped before its end, so that the same request continues it."""
        return self.ended and self.event.get("status") != "done"

    def receive(self, event: dict[str, Any]) -> None:
        """Keep an event of the job."""
        if event["event"] == "error":
            self.errors.append((next(self._numbers), event))  # atomic: models report from threads of their own
            if event["idx"] is None:  # from the models, about no single question
                self.notice = event["message"]
        else:
            self.first = self.first or event
            self.event = event


class JobRunner:
    """Runs one job in a thread. ``after`` is called when the job has ended, before anyone can see that."""

    def __init__(self, job: Job, work: Callable[[OnEvent], Result], after: Callable[[], None]) -> None:
        self.job, self._work, self._after = job, work, after
        self._thread = threading.Thread(target=self._run, name=f"job-{job.kind}", daemon=True)
        self._thread.start()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def _run(self) -> None:
        job = self.job
        try:
            job.message = self._work(job.receive).message
        except ScaleQuestError as error:
            job.message, job.refused = str(error), error.refusal
        except Exception as error:
            # Nobody can catch it above a thread: the page shows the sentence, and the traceback goes to the log.
            job.message = f"The {job.kind} job stopped on an unexpected error: {type(error).__name__}: {error}."
            raise
        finally:
            try:
                self._after()
            finally:
                job.ended = True
