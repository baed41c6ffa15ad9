"""The finished exports of a workspace, ``exports/NAME/``: folders with a manifest, which is written last.

Names from outside are only compared with the existing ones.
"""

import os
import re
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.exports.folder import PARTIAL, remove_partial
from engine.exports.manifest import NAME, load
from store.errors import InputError, StoreError

FOLDER = "exports"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_BLOCK = 1 << 20
_PACKED = (".parquet",)
"""Files that are compressed already."""


@dataclass(frozen=True, slots=True)
class Finished:
    """``rows`` and ``size`` (bytes) of all files."""

    name: str
    path: Path
    manifest: dict[str, Any]
    rows: int
    size: int


def finished_exports(workspace: Path) -> list[Finished]:
    """All finished exports by name; other folders are ignored."""
    folder = workspace / FOLDER
    exports = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.is_symlink() or not (path / NAME).is_file() or PARTIAL in path.name:
            continue
        try:
            manifest, _ = load(path)
        except InputError:
            continue
        rows = sum(n for n in manifest["counts"].get("rows", {}).values() if isinstance(n, int))
        size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        exports.append(Finished(path.name, path, manifest, rows, size))
    return exports


def find(workspace: Path, name: object) -> Finished:
    """InputError where no finished export has this name."""
    known = {one.name: one for one in finished_exports(workspace)}
    if not isinstance(name, str) or name not in known:
        raise InputError("export", str(name)[:80], "does not exist", "choose one from the list of finished exports")
    return known[name]


def new_folder(workspace: Path, name: str) -> Path:
    """The folder of a new export. InputError for an invalid or used name."""
    name = name.strip()
    if not _NAME.fullmatch(name) or PARTIAL in name:
        raise InputError("name", name[:80], "is not a name for an export", "use at most 60 letters, digits, - _ and .")
    if (workspace / FOLDER / name).exists():
        raise InputError("name", name, "is the name of another export", "choose another name, or delete that one first")
    return workspace / FOLDER / name


def unused_name(workspace: Path, stem: str, but: str = "") -> str:
    """A name of no export, other than ``but``."""
    number = 1
    while f"{stem}-{number}" == but or (workspace / FOLDER / f"{stem}-{number}").exists():
        number += 1
    return f"{stem}-{number}"


def delete(workspace: Path, name: str) -> None:
    """Delete an export, its manifest first, so that the rest does not look finished after a kill."""
    path = find(workspace, name).path
    try:
        (path / NAME).unlink()
        shutil.rmtree(path)
    except OSError as error:
        raise StoreError(f"'{path}' cannot be deleted ({error.strerror}); check its permissions.") from error


def zipped(one: Finished) -> Iterator[bytes]:
    """The export as a zip file, in pieces; compressed files are only stored."""
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w") as archive:  # type: ignore[call-overload]
        for path in sorted(file for file in one.path.rglob("*") if file.is_file() and not file.is_symlink()):
            info = zipfile.ZipInfo(f"{one.name}/{path.relative_to(one.path).as_posix()}")
            info.compress_type = zipfile.ZIP_STORED if path.suffix in _PACKED else zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            with path.open("rb") as file, archive.open(info, "w", force_zip64=True) as into:
                while block := file.read(_BLOCK):
                    into.write(block)
                    yield pipe.take()
            yield pipe.take()
    yield pipe.take()


class _Pipe:
    """An output file for ZipFile that cannot seek and gives its content in pieces."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        pass

    def take(self) -> bytes:
        data = b"".join(self._parts)
        self._parts.clear()
        return data


def clear(workspace: Path) -> None:
    """Remove the temporary folders of killed exports."""
    if os.path.isdir(workspace / FOLDER):
        remove_partial(workspace / FOLDER)
