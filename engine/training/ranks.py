"""Starts one process a GPU for a training's steps, follows them, and ends all as soon as one ends.

The process that started the training samples, measures, and keeps record and events; the others train together, and the
first of them writes the model. Each reads ``stop`` from its stdin and ends when that closes, so that none outlives the
training; events and failures come back through a pipe. They meet by a file and talk over the loopback interface.
"""

import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, Literal

from engine.jobs.control import Control
from engine.training.record import Training
from engine.training.settings import Settings
from store.errors import BackendError

Fit = Literal["tokens", "pairs", "rates"]
Columns = dict[str, list[Any]]
FOLDER, ROWS, JOB = ".processes", "rows", "job.json"
INTERRUPTED = 130
_POLL, _GRACE = 0.1, 2.0
"""Seconds between two looks at the processes, and that others have to end by themselves after one has failed."""


def run(
    training: Training, settings: Settings, control: Control, fit: Fit, columns: Columns
) -> Iterator[dict[str, Any]]:
    """Train ``fit`` on these columns in ``settings.gpus`` processes; gives their events as they come.

    Ends at the end of all, trained or interrupted by the control (``control.requested`` tells). BackendError as soon
    as one fails, after the others have been ended.
    """
    folder = training.folder / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    _hand_over(folder, training, settings, fit, columns)
    with tempfile.TemporaryDirectory(prefix="scalequest-") as meeting, _started(folder, settings, meeting) as ranks:
        told = False
        while (codes := ranks.codes()).count(None) == len(codes):
            yield from ranks.events()
            if control.requested != "run" and not told:
                ranks.stop()
                told = True
            time.sleep(_POLL)
        ranks.wait()
        yield from ranks.events()
        ranks.check()
    shutil.rmtree(folder, ignore_errors=True)


def _hand_over(folder: Path, training: Training, settings: Settings, fit: Fit, columns: Columns) -> None:
    """Write what the processes read: settings, and the rows."""
    from datasets import Dataset, disable_progress_bars

    disable_progress_bars()
    Dataset.from_dict(columns).save_to_disk(str(folder / ROWS))
    stated = {"training": asdict(training), "settings": asdict(settings), "fit": fit}
    (folder / JOB).write_text(json.dumps(stated, default=str), "utf-8")


class _Ranks:
    """The processes, by rank, and what they say."""

    def __init__(self, processes: list[subprocess.Popen[str]], logs: list[Path]) -> None:
        self._processes, self._logs = processes, logs
        self._said: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._failures: list[str] = []
        self._readers: list[threading.Thread] = []
        self._ends: list[int | None] = []

    def listen(self, pipe: IO[str]) -> None:
        def read() -> None:
            with pipe:
                for line in pipe:
                    with suppress(ValueError):  # a process that was killed may leave half a line
                        self._said.put(json.loads(line))

        self._readers.append(threading.Thread(target=read, daemon=True))
        self._readers[-1].start()

    def codes(self) -> list[int | None]:
        return [process.poll() for process in self._processes]

    def events(self) -> Iterator[dict[str, Any]]:
        """What has been said since the last call; failures are kept for ``check``."""
        while not self._said.empty():
            said = self._said.get()
            if "failure" in said:
                self._failures.append(said["failure"])
            else:
                yield said

    def stop(self) -> None:
        for process in self._processes:
            with suppress(OSError):
                assert process.stdin is not None
                process.stdin.write("stop\n")
                process.stdin.flush()

    def wait(self) -> None:
        """Wait for all where all end well; once one has failed, end the others after a moment."""
        failed_at: float | None = None
        while None in (codes := self.codes()):
            if failed_at is None and _failed(codes):
                failed_at = time.monotonic()
            if failed_at is not None and time.monotonic() - failed_at > _GRACE:
                break
            time.sleep(_POLL)
        self._ends = codes
        self.kill()
        for reader in self._readers:
            reader.join()

    def kill(self) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.wait()

    def check(self) -> None:
        """BackendError where one failed: the one that a signal ended, else the first that said why."""
        failed = _failed(self._ends)
        killed = {rank: -code for rank, code in failed.items() if code < 0}
        if self._failures and not killed:
            raise BackendError(self._failures[0])
        for rank in [*killed, *failed]:
            how = f"was ended by signal {killed[rank]}" if killed else f"failed ({_last_line(self._logs[rank])})"
            rest = "and the others were ended; --resume continues from the last checkpoint"
            raise BackendError(f"Process {rank + 1} of {len(self._ends)} {how}, {rest}.")


def _failed(codes: Sequence[int | None]) -> dict[int, int]:
    """Exit codes by rank, of the processes that failed."""
    return {rank: code for rank, code in enumerate(codes) if code not in (None, 0, INTERRUPTED)}


@contextmanager
def _started(folder: Path, settings: Settings, meeting: str) -> Iterator[_Ranks]:
    """All processes; none is left at the end of the block."""
    logs = [folder / f"{rank}.log" for rank in range(settings.gpus)]
    ranks = _Ranks([], logs)
    try:
        for rank, log in enumerate(logs):
            read, write = os.pipe()
            try:
                with log.open("w") as output:
                    process = subprocess.Popen(
                        [sys.executable, "-m", "engine.training.rank", str(folder), str(write), meeting],
                        stdin=subprocess.PIPE, stdout=output, stderr=output, text=True, pass_fds=(write,),
                        env=_environment(rank, settings.gpus), start_new_session=True,
                    )  # fmt: skip
            finally:
                os.close(write)
                ranks.listen(os.fdopen(read))
            ranks._processes.append(process)
        yield ranks
    finally:
        ranks.kill()


def _environment(rank: int, ranks: int) -> dict[str, str]:
    """Of one process: who it is, and the loopback interface for all talk."""
    root = str(Path(__file__).resolve().parents[2])
    defaults = {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // ranks)), "NCCL_SOCKET_IFNAME": "lo"}
    defaults |= {"GLOO_SOCKET_IFNAME": "lo"} if sys.platform == "linux" else {}
    who = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": ranks, "LOCAL_WORLD_SIZE": ranks}
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0"}  # read by libraries, used by none: a file is met at
    return {**defaults, **os.environ, **address, "PYTHONPATH": path} | {k: str(v) for k, v in who.items()}


def _last_line(log: Path) -> str:
    lines = log.read_text("utf-8", errors="replace").strip().splitlines() or ["it said nothing"]
    return lines[-1].strip().rstrip(".")
