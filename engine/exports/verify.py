"""Is an export still what its manifest says, and would the workspace make it again, to the byte?

The files on the disk are hashed, and the export is made anew in a temporary folder. Writes nothing that stays.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.exports import job
from engine.exports import manifest as manifests
from engine.jobs.control import Control
from engine.jobs.result import OnEvent, Result
from store.database.sources import Source
from store.errors import InputError, StoreError


def start(
    source: Source,
    path: Path,
    on_event: OnEvent = lambda _: None,
    *,
    control: Control | None = None,
    run_id: str = "verify",
) -> Result:
    """Compare the manifest at ``path`` (the file, or its folder) with its files and with the workspace.

    Events as ``job.start``; the last tells in ``report`` that all is identical, or in ``message`` the first difference.
    InputError: it is not a manifest.
    """
    told, plan = manifests.load(path)
    folder = path if path.is_dir() else path.parent
    end: dict[str, Any] = {}

    def hear(event: dict[str, Any]) -> None:
        if event["event"] == "end":
            end.update(event)
        else:
            on_event({**event, "stage": "verify"})

    difference = _on_disk(folder, told)
    with tempfile.TemporaryDirectory(prefix="scalequest-") as place:
        try:
            result = job.start(source, plan, Path(place) / "again", hear, control=control, run_id=run_id)
        except InputError as error:
            if error.field != "filter":
                raise
            end = {**end, "event": "end", "run_id": run_id, "stage": "verify", "status": "done"}
            message = "The workspace has no row of this export any more."
            on_event({**end, "message": message, "report": ""})
            return Result(run_id, "done", message)
        if result.status != "done":
            message = "The comparison was stopped; nothing was changed."
            on_event({**end, "stage": "verify", "message": message, "report": ""})
            return Result(run_id, result.status, message, result.seconds)
        made, _ = manifests.load(Path(place) / "again")
    difference = difference or differs(told, made)
    files = f"{len(told['files']):,} file{'s' if len(told['files']) != 1 else ''}"
    rows = f"{sum(told['counts'].get('rows', {}).values()):,} rows"
    report = "" if difference else f"identical: {files}, {rows}."
    on_event({**end, "stage": "verify", "message": difference, "report": report})
    return Result(run_id, "done", difference, result.seconds)


def differs(told: Mapping[str, Any], made: Mapping[str, Any]) -> str | None:
    """The first difference between a manifest and the one that the workspace makes now, in a sentence; None: none."""
    then, now = told["counts"], made["counts"]
    for path in {**then.get("rows", {}), **now["rows"]}:
        before, after = then.get("rows", {}).get(path), now["rows"].get(path)
        if before != after:
            rows = f"had {_count(before)} rows and would have {_count(after)} now"
            return f"'{path}' {rows}: the workspace has changed since."
    if then != now:
        name = next(name for name in {**then, **now} if then.get(name) != now.get(name))
        return f"the count '{name}' is another now: the workspace has changed since."
    for path in {**told["files"], **made["files"]}:
        if told["files"].get(path) != made["files"].get(path):
            return _file(path, told, made)
    for name in ("rows_hash", "runs"):
        if told.get(name) != made[name]:
            return f"'{name}' in the manifest is not what the workspace has: it has changed since."
    return None


def _file(path: str, told: Mapping[str, Any], made: Mapping[str, Any]) -> str:
    if told.get("program") != made["program"] and told.get("rows_hash") == made["rows_hash"]:
        return f"'{path}' has the same rows, but another version of this program or of pyarrow writes other bytes."
    return f"'{path}' would have other contents now, though as many rows: some have changed since."


def _on_disk(folder: Path, told: Mapping[str, Any]) -> str | None:
    """The first file that is not what the manifest says. Only names inside the folder are looked at."""
    for name, one in told["files"].items():
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            return f"'{name}' in the manifest is not a file of its folder."
        try:
            digest = hashlib.sha256()
            with path.open("rb") as file:
                while block := file.read(1 << 22):
                    digest.update(block)
        except FileNotFoundError:
            return f"'{name}' is missing beside the manifest."
        except OSError as error:
            raise StoreError(f"'{path}' cannot be read ({error.strerror}); see to its permissions.") from error
        if not isinstance(one, dict) or digest.hexdigest() != one.get("sha256"):
            return f"'{name}' beside the manifest is not the file that was written: it has been changed."
    return None


def _count(value: int | None) -> str:
    return "no" if value is None else f"{value:,}"
