"""Copying a database file byte for byte while this process has it open.

An open DuckDB file must never be opened by ordinary file calls in the same process: closing that handle would free
DuckDB's lock (POSIX locks belong to the process). A child process copies instead.
"""

import subprocess
import sys
from pathlib import Path

from store.errors import StoreError

_COPY = """
import os, shutil, sys
shutil.copyfile(sys.argv[1], sys.argv[2])
with open(sys.argv[2], "rb+") as file:
    os.fsync(file.fileno())
"""


def copy_bytes(source: Path, target: Path, *, missing_ok: bool = False) -> None:
    """Copy a file of a database that this process has open; call it where nothing is written. StoreError where that
    fails."""
    command = [sys.executable, "-c", _COPY, str(source), str(target)]
    if missing_ok and not source.exists():
        return
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise StoreError(f"'{target}' could not be written ({reason}).")
