"""Processes that compare final answers, because a hostile answer cannot be stopped from inside Python."""

from __future__ import annotations

import json
import os
import queue
import select
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, cast

from engine.text.answer_structure import read
from engine.text.answer_types import Prose, Words
from engine.text.equality import Equality, named, settle
from engine.text.grouping import group
from engine.text.layout import normalise
from store.errors import BackendError

_START_SECONDS = 120.0
_ROOT = Path(__file__).resolve().parents[2]


class AnswerPool:
    """Compares answers in up to ``workers`` processes, started when first needed; safe to use from several threads.

    A comparison that takes longer than ``seconds`` of processor time (or ten times that on the clock), or too much
    memory, is undecided, and its process is replaced. The processes end with ``close()`` or with this process.
    BackendError where they cannot start.
    """

    def __init__(self, workers: int = 2, seconds: float = 3.0) -> None:
        self._slots: queue.LifoQueue[_Worker] = queue.LifoQueue()
        self._all = [_Worker(seconds) for _ in range(workers)]
        for worker in self._all:
            self._slots.put(worker)
        self._known: dict[tuple[str, str], Equality] = {}
        self._lock = threading.Lock()

    @property
    def pids(self) -> list[int]:
        """The process ids of the workers that run."""
        return [worker.process.pid for worker in self._all if worker.process is not None]

    def group(self, answers: Sequence[str | None]) -> list[int | None]:
        """Like ``grouping.group``, with a parser for the answers that need it."""
        return group(answers, self.same)

    def same(self, first: str, second: str) -> bool:
        """Whether the two are surely equal."""
        return self.compare(first, second) == "same"

    def compare(self, first: str, second: str) -> Equality:
        """Whether the two are equal; the order of the two doesn't matter."""
        settled = settle(first, second)
        if settled is not None:
            return named(settled)
        if any(isinstance(read(one), Prose | Words) for one in (first, second)):
            return "undecided"
        a, b = sorted((normalise(first), normalise(second)))
        known = self._known.get((a, b))
        if known is not None:
            return known
        worker = self._slots.get()
        try:
            equal = worker.compare(a, b)
        finally:
            self._slots.put(worker)
        with self._lock:
            if len(self._known) >= 100_000:
                self._known.clear()
            self._known[a, b] = equal
        return equal

    def close(self) -> None:
        """End the processes; the pool may be used again and starts new ones."""
        for worker in self._all:
            worker.stop()

    def __enter__(self) -> AnswerPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Worker:
    """One process, started at its first comparison; one comparison at a time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.process: subprocess.Popen[str] | None = None

    def compare(self, first: str, second: str) -> Equality:
        process = self.process or self._start()
        try:
            cast(IO[str], process.stdin).write(json.dumps([first, second]) + "\n")
            cast(IO[str], process.stdin).flush()
            reply = _line(process, 10 * self._seconds)  # the process's own limit comes first
        except (BrokenPipeError, ValueError):
            reply = ""
        if not reply:
            self.stop()
        return cast(Equality, reply or "undecided")

    def _start(self) -> subprocess.Popen[str]:
        # With -P nothing of the working folder is imported. In a new session the child doesn't get a terminal's Ctrl-C.
        command = [sys.executable, "-P", "-m", "engine.text.math_verify_worker", str(self._seconds)]
        paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            bufsize=1,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
        self.process = process
        if _line(process, _START_SECONDS) != "ready":
            self.stop()
            raise BackendError(
                f"The process that compares answers did not start; try `{' '.join(command)}` to see why."
            )
        return process

    def stop(self) -> None:
        process, self.process = self.process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    try:
                        pipe.close()
                    except BrokenPipeError:
                        continue  # unsent bytes


def _line(process: subprocess.Popen[str], seconds: float) -> str:
    """The next line the process writes, "" if it ends or ``seconds`` pass first."""
    out = cast(IO[str], process.stdout)
    ready, _, _ = select.select([out], [], [], seconds)
    return out.readline().strip() if ready else ""
