"""How a job ends and how it is heard: its result, its events, and the Ctrl-C that drains it. Knows no job."""

from __future__ import annotations

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

from engine.jobs.control import Control

OnEvent = Callable[[dict[str, Any]], None]
INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended. ``message`` is the sentence for the user, None where it is plainly done."""

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


def new_run_id() -> str:
    """Ten characters that no other run has."""
    return "r" + secrets.token_hex(4)


@contextmanager
def interruptible(control: Control, resume: str = "--resume goes on from what is stored") -> Iterator[None]:
    """While inside, the first Ctrl-C (or SIGTERM) drains the run and the second ends the process at once.

    At once means without clean-up, as a kill would: what is committed is safe, what is in flight is redone by a resume.
    Does nothing outside the main thread, which alone gets signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(_: int, __: FrameType | None) -> None:
        if control.requested == "interrupt":
            os.write(sys.stderr.fileno(), f"\nStopped at once; {resume}.\n".encode())
            os._exit(INTERRUPTED)
        os.write(sys.stderr.fileno(), b"\nFinishing what is in flight; Ctrl-C again stops at once.\n")
        control.interrupt()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
