"""Compares an export with its manifest and with the workspace, byte by byte.

Its files are hashed, and the export is repeated in a temporary folder.
"""

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
from store.export.formats import OLD_PAIR


def start(
    source: Source,
    path: Path,
    on_event: OnEvent = lambda _: None,
    *,
    control: Control | None = None,
    run_id: str = "verify",
) -> Result:
    """Compare the manifest at ``path`` (the file, or its folder) with its files and with the workspace.

    Events as ``job.start``; the last one has a ``report`` if all is identical, else the first difference as
    ``message``. InputError where it is not a manifest.
    """
    manifest, plan = manifests.load(path)
    folder = path if path.is_dir() else path.parent
    end: dict[str, Any] = {}

    def receive(event: dict[str, Any]) -> None:
        if event["event"] == "end":
            end.update(event)
        else:
            on_event({**event, "stage": "verify"})

    def finish(status: str, message: str | None, report: str = "") -> Result:
        facts = {"run_id": run_id, "stage": "verify", "status": status, "message": message, "report": report}
        on_event({**end, "event": "end", **facts})
        return Result(run_id, status, message, end.get("elapsed_s", 0.0))

    difference = _on_disk(folder, manifest)
    with tempfile.TemporaryDirectory(prefix="scalequest-") as place:
        try:
            result = job.start(source, plan, Path(place) / "again", receive, control=control, run_id=run_id)
        except InputError as error:
            if error.field != "filter":
                raise
            return finish("done", "The workspace no longer has any row of this export.")
        if result.status != "done":
            return finish(result.status, "The comparison was stopped; it changes nothing.")
        repeated, _ = manifests.load(Path(place) / "again")
    difference = difference or differs(manifest, repeated)
    files = f"{len(manifest['files']):,} file{'s' if len(manifest['files']) != 1 else ''}"
    rows = f"{sum(manifest['counts'].get('rows', {}).values()):,} rows"
    return finish("done", difference, "" if difference else f"identical: {files}, {rows}.")


def differs(manifest: Mapping[str, Any], repeated: Mapping[str, Any]) -> str | None:
    """The first difference between a manifest and that of the repeated export as a sentence; None without one."""
    then, now = manifest["counts"], repeated["counts"]
    for path in {**then.get("rows", {}), **now["rows"]}:
        before, after = then.get("rows", {}).get(path), now["rows"].get(path)
        if before != after:
            rows = f"had {_count(before)} rows and would have {_count(after)} now"
            return f"'{path}' {rows}: the workspace has changed since."
    if then != now:
        name = next(name for name in {**then, **now} if then.get(name) != now.get(name))
        return f"the count '{name}' differs now: the workspace has changed since."
    for path in {**manifest["files"], **repeated["files"]}:
        if manifest["files"].get(path) != repeated["files"].get(path) and _other_columns(manifest, repeated):
            return f"'{path}' has other columns: this version of the program exports more of them."
        if manifest["files"].get(path) != repeated["files"].get(path):
            return _file(path, manifest, repeated)
    for name in ("rows_hash", "runs"):
        if manifest.get(name) != repeated[name]:
            return f"'{name}' in the manifest differs from the workspace, which has changed since."
    return None


def _other_columns(manifest: Mapping[str, Any], repeated: Mapping[str, Any]) -> bool:
    """Whether the columns differ; older manifests do not list theirs, of which only those of full exports changed."""
    options = manifest.get("options")
    whole = manifest.get("format") == "hf" or (isinstance(options, Mapping) and options.get("full"))
    columns = manifest.get("columns", list(OLD_PAIR) if whole else repeated["columns"])
    return bool(columns != repeated["columns"])


def _file(path: str, manifest: Mapping[str, Any], repeated: Mapping[str, Any]) -> str:
    if manifest.get("program") != repeated["program"] and manifest.get("rows_hash") == repeated["rows_hash"]:
        return f"'{path}' has the same rows, but other bytes: the version of this program or of pyarrow has changed."
    return f"'{path}' would have as many rows, but other contents: some rows have changed since."


def _on_disk(folder: Path, manifest: Mapping[str, Any]) -> str | None:
    """The first file that differs from the manifest. Only files inside the folder are read."""
    for name, one in manifest["files"].items():
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            return f"'{name}' in the manifest is outside its folder."
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            return f"'{name}' of the manifest is missing."
        except OSError as error:
            raise StoreError(f"'{path}' cannot be read ({error.strerror}); check its permissions.") from error
        if not isinstance(one, dict) or digest != one.get("sha256"):
            return f"'{name}' was changed after the export: its hash is not that in the manifest."
    return None


def _count(value: int | None) -> str:
    return "no" if value is None else f"{value:,}"
