"""What DuckDB's errors mean to a person: one sentence each, naming the workspace and the remedy."""

from __future__ import annotations

import json
import os
import re
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path

from store.errors import StoreError

OWNER = "explorer.owner.json"
"""Who has the workspace open; beside the database, and of no meaning once the lock is free."""

_FULL = re.compile(r"no space left|disk quota|file too large|out of disk", re.IGNORECASE)
_DAMAGED = re.compile(
    r"not a valid duckdb|corrupt|checksum|invalid.*(magic|database)|deserializ|serialization"
    r"|could not read enough bytes|failed to load metadata|internal error|replaying wal|wal file",
    re.IGNORECASE,
)


def write_owner(folder: Path) -> None:
    """Say who holds the lock: pid, host, since when, by which command."""
    owner = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join([Path(sys.argv[0]).name or "python", *sys.argv[1:]])[:300],
    }
    (folder / OWNER).write_text(json.dumps(owner), encoding="utf-8")


def locked(folder: Path, error: Exception | None = None) -> StoreError:
    """The sentence for a workspace that another process has open."""
    try:
        owner = json.loads((folder / OWNER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        owner = {}
    # DuckDB's own word on who holds the lock is newer than a file that a killed process left behind.
    holder = re.search(r"\(PID (\d+)\)", str(error))
    pid = int(holder.group(1)) if holder else owner.get("pid", "unknown")
    who = f"process {pid}"
    if owner.get("pid") == pid:
        who += f" on {owner.get('host')} ('{owner.get('command')}', since {owner.get('started')})"
    return StoreError(
        f"workspace '{folder}' is in use by {who}; wait until it ends, stop it, or work through the app, "
        "if that is what has it open."
    )


def cannot_open(folder: Path, error: Exception) -> StoreError:
    """The sentence for a database that DuckDB will not open."""
    text = str(error)
    if "lock" in text and ("Conflicting" in text or "Could not set lock" in text or "being used by" in text):
        return locked(folder, error)
    if "newer version of DuckDB" in text or "we can only read versions" in text:
        return StoreError(
            f"workspace '{folder}' was written by a newer DuckDB than the one here; run 'pip install -U duckdb'."
        )
    if _FULL.search(text):
        return disk_full(folder)
    if "ermission denied" in text or "ead-only file system" in text:
        return StoreError(f"workspace '{folder}' may not be written to; change its permissions or name another folder.")
    return damaged(folder, error)


def damaged(folder: Path, error: Exception) -> StoreError:
    return StoreError(
        f"workspace '{folder}' has a damaged database ({first_line(error)}); restore a backup of explorer.duckdb, "
        "or see what is readable with 'scalequest doctor --workspace'."
    )


def disk_full(folder: Path) -> StoreError:
    return StoreError(
        f"the disk of workspace '{folder}' is full; free some space and resume the run: what was stored is safe."
    )


def cannot_write(folder: Path, error: Exception) -> StoreError:
    """The sentence for a write that failed."""
    if isinstance(error, StoreError):
        return error
    if _FULL.search(str(error)):
        return disk_full(folder)
    if _DAMAGED.search(str(error)):
        return damaged(folder, error)
    return StoreError(f"writing to workspace '{folder}' failed ({first_line(error)}); what was stored before is safe.")


def first_line(error: Exception) -> str:
    """The error's first line, short, without a full stop."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:200].rstrip(".")
