"""Runs the real command in a process of its own, as a user does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.ui.cli import forked
from tests.ui.cli.forked import Forked

ROOT = Path(__file__).resolve().parents[3]


def scalequest(
    *args: object, timeout: float = 240, cwd: Path | None = None, room: int | None = None
) -> subprocess.CompletedProcess[str]:
    """``scalequest ARGS``; gives back exit code, stdout and stderr. Arguments as for ``started``."""
    with started(*args, cwd=cwd, room=room) as process:
        out, err = process.communicate(timeout)
        return subprocess.CompletedProcess(process.args, process.wait(), out, err)


def started(*args: object, cwd: Path | None = None, room: int | None = None) -> Forked:
    """``scalequest ARGS``, running. ``room``: bytes that fit into a file, as if the disk were full after them."""
    return forked.start(command(*args)[1:], cwd or Path.cwd(), environment(), room)


def command(*args: object) -> list[str]:
    return [sys.executable, str(ROOT / "app.py"), *map(str, args)]


def environment() -> dict[str, str]:
    return {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


def sentence(done: subprocess.CompletedProcess[str], code: int = 2) -> str:
    """The one sentence that a refused command says; asserts that it is one, and nothing else was printed."""
    assert done.returncode == code, done.stderr + done.stdout
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].endswith((".", "?")), lines[0]
    assert "Traceback" not in lines[0]
    return lines[0]
