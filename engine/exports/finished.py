"""The finished exports of a workspace, ``exports/NAME/``: those with a manifest, which is written last.

A name from outside is only ever compared with the names that are there. Knows no rows of the database.
"""

from __future__ import annotations

import os
import re
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.exports import folder
from engine.exports import manifest as manifests
from store.errors import InputError, StoreError

FOLDER = "exports"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_BLOCK = 1 << 20
_PACKED = (".parquet",)
"""Endings of files that are compressed already."""


@dataclass(frozen=True, slots=True)
class Finished:
    """``rows`` of all its files; ``size`` in bytes."""

    name: str
    path: Path
    manifest: dict[str, Any]
    rows: int
    size: int


def all_of(workspace: Path) -> list[Finished]:
    """By name. What is not an export of ours is left out."""
    place = workspace / FOLDER
    found = []
    for path in sorted(place.iterdir()) if place.is_dir() else []:
        if path.is_symlink() or not (path / manifests.NAME).is_file() or folder.PARTIAL in path.name:
            continue
        try:
            manifest, _ = manifests.load(path)
        except InputError:
            continue
        rows = sum(n for n in manifest["counts"].get("rows", {}).values() if isinstance(n, int))
        size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        found.append(Finished(path.name, path, manifest, rows, size))
    return found


def find(workspace: Path, name: object) -> Finished:
    """InputError where no finished export has this name."""
    known = {one.name: one for one in all_of(workspace)}
    if not isinstance(name, str) or name not in known:
        raise InputError("export", str(name)[:80], "is not there", "choose one from the list of finished exports")
    return known[name]


def place(workspace: Path, name: str) -> Path:
    """The folder of a new export. InputError: no name for a folder, or one that is taken."""
    name = name.strip()
    if not _NAME.fullmatch(name) or folder.PARTIAL in name:
        raise InputError("name", name[:80], "is not a name for an export", "use letters, digits, - _ and ., 60 at most")
    if (workspace / FOLDER / name).exists():
        raise InputError("name", name, "is taken by another export", "choose another name, or delete that one first")
    return workspace / FOLDER / name


def free(workspace: Path, stem: str, but: str = "") -> str:
    """A name that is not taken, other than ``but``."""
    number = 1
    while f"{stem}-{number}" == but or (workspace / FOLDER / f"{stem}-{number}").exists():
        number += 1
    return f"{stem}-{number}"


def delete(workspace: Path, name: str) -> None:
    """Take an export away: its manifest first, so that what a kill leaves does not look whole."""
    path = find(workspace, name).path
    try:
        (path / manifests.NAME).unlink()
        shutil.rmtree(path)
    except OSError as error:
        raise StoreError(f"'{path}' cannot be deleted ({error.strerror}); see to its permissions.") from error


def zipped(one: Finished) -> Iterator[bytes]:
    """The export as one zip file, a piece at a time: what is compressed already is only stored."""
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
    """What a zip file is written to, taken piece by piece; it cannot go back."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        pass

    def take(self) -> bytes:
        found = b"".join(self._parts)
        self._parts.clear()
        return found


def clear(workspace: Path) -> None:
    """Remove what killed exports have left."""
    if os.path.isdir(workspace / FOLDER):
        folder.clear(workspace / FOLDER)
