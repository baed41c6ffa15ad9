"""DuckDB's errors as sentences that name the workspace and the remedy."""

import json
import os
import re
import socket
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from store.errors import StoreError

OWNER = "explorer.owner.json"
"""The file that names the process which has the workspace open; ignored once the lock is free."""

_FULL = re.compile(r"no space left|disk quota|file too large|out of disk", re.IGNORECASE)
_DAMAGED = re.compile(
    r"not a valid duckdb|corrupt|checksum|invalid.*(magic|database)|deserializ|serialization"
    r"|could not read enough bytes|failed to load metadata|internal error|replaying wal|wal file",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class AppEndpoint:
    """The URL and token by which other processes send requests to the app that has a workspace open."""

    url: str
    token: str


class InUse(StoreError):
    """Another process has the workspace open. ``endpoint`` is set if it is an app on this machine."""

    def __init__(self, sentence: str, endpoint: AppEndpoint | None = None) -> None:
        super().__init__(sentence)
        self.endpoint = endpoint


def write_owner(folder: Path, endpoint: AppEndpoint | None = None) -> None:
    """Write who holds the lock: pid, host, start time, command and endpoint. Only this user can read the file."""
    owner = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join([Path(sys.argv[0]).name or "python", *sys.argv[1:]])[:300],
        **({"url": endpoint.url, "token": endpoint.token} if endpoint is not None else {}),
    }
    part = folder / f"{OWNER}.{os.getpid()}.part"
    part.unlink(missing_ok=True)
    # Created with its mode and then renamed: a file that was left behind could be readable by others.
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(owner, file)
    part.replace(folder / OWNER)


def locked(folder: Path, error: Exception | None = None) -> InUse:
    """The error for a workspace that another process has open, with that process's endpoint if it has one."""
    owner = _owner(folder)
    # The process that DuckDB names is newer than a file that a killed process left behind.
    holder = re.search(r"\(PID (\d+)\)", str(error))
    pid = int(holder.group(1)) if holder else owner.get("pid", "unknown")
    who, endpoint = f"process {pid}", None
    if owner.get("pid") == pid:
        who += f" on {owner.get('host')} ('{owner.get('command')}', since {owner.get('started')})"
        endpoint = _endpoint(owner)
    remedy = f"use the app at {endpoint.url}, or stop it first" if endpoint else "wait until it ends, or stop it"
    return InUse(f"workspace '{folder}' is in use by {who}; {remedy}.", endpoint)


def _owner(folder: Path) -> dict[str, Any]:
    try:
        owner = json.loads((folder / OWNER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return owner if isinstance(owner, dict) else {}


def _endpoint(owner: dict[str, Any]) -> AppEndpoint | None:
    url, token = owner.get("url"), owner.get("token")
    here = owner.get("host") == socket.gethostname()
    return AppEndpoint(url, token) if here and isinstance(url, str) and isinstance(token, str) else None


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
        "or run 'scalequest doctor --workspace' to see what can still be read."
    )


def newer(what: str, version: int, known: int) -> StoreError:
    """The error for a database whose schema this program does not know yet; ``what`` names it in the sentence."""
    return StoreError(
        f"{what} was written by a newer version of this program (schema {version}, this one knows {known}); "
        "update this program."
    )


def disk_full(folder: Path) -> StoreError:
    return StoreError(
        f"the disk of workspace '{folder}' is full; free some space and resume the run: stored rows are safe."
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
    """The error's first line, at most 200 characters, without a full stop."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:200].rstrip(".")
