"""How a job ends: its result, its events, and the Ctrl-C that lets it finish what is in flight."""

import os
import secrets
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

from pydantic import BaseModel

from engine.jobs.control import Control
from store.errors import ScaleQuestError

OnEvent = Callable[[dict[str, Any]], None]
INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Result:
    """How a job ended. ``message`` is a sentence for the user, None where the job plainly succeeded."""

    run_id: str
    status: str
    message: str | None
    seconds: float = 0.0
    first_pair: float | None = None

    @property
    def exit_code(self) -> int:
        if self.status == "interrupted":
            return INTERRUPTED
        return 0 if self.status == "done" and self.message is None else 1


class StartedJob(BaseModel):
    """The app's answer to a request for a job: the job, or the sentence that nothing is left to do."""

    job_id: str | None = None
    run_id: str | None = None
    already_done: str | None = None


def new_run_id() -> str:
    """Ten characters that no other run has."""
    return "r" + secrets.token_hex(4)


class AlreadyDone(ScaleQuestError):
    """The job that was requested has been done before, so that nothing is left to do: exit code 0."""


@contextmanager
def interruptible(control: Control, kept: str = "--resume continues from what is stored") -> Iterator[None]:
    """Inside, the first Ctrl-C (or SIGTERM) lets the job finish what is in flight, the second ends the process.

    The second ends it as a kill would, without clean-up: what is committed is safe, what was in flight is redone by a
    resume. ``kept`` says so to the user. Does nothing outside the main thread, which alone gets signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(_: int, __: FrameType | None) -> None:
        if control.requested == "interrupt":
            os.write(sys.stderr.fileno(), f"\nStopped immediately; {kept}.\n".encode())
            os._exit(INTERRUPTED)
        os.write(sys.stderr.fileno(), b"\nFinishing what is in flight; press Ctrl-C again to stop immediately.\n")
        control.interrupt()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
