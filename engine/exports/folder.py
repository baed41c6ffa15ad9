"""The folder of an export: written beside its place, safe on the disk, then renamed as a whole.

What bears the name that was asked for is complete, whenever the program is killed. Knows files and formats, no rows.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import psutil
import pyarrow as pa

from store.errors import InputError, StoreError
from store.export import files, formats
from store.export.files import File, Written
from store.export.formats import Format

PARTIAL = ".partial-"


def check(out: Path) -> None:
    """InputError where an export cannot go there."""
    if out.is_dir() and not any(out.iterdir()):
        return
    if out.exists() or out.is_symlink():
        what = "is not empty" if out.is_dir() else "is a file"
        raise InputError("--out", str(out), what, "name a folder that is not there yet")


@contextmanager
def into(out: Path) -> Iterator[Path]:
    """A folder beside ``out`` that takes its name at the end; nothing of it stays where the end is not reached.

    StoreError: the disk is full, or nothing may be written there.
    """
    parts = f"{out.name}{PARTIAL}"
    folder = out.with_name(f"{parts}{os.getpid()}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        clear(out.parent, parts)
        folder.mkdir()
    except OSError as error:
        raise _refused(out, error) from error
    try:
        yield folder
        check(out)
        folder.rename(out)
        files.finish(out.parent, [])
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, StoreError):
            raise
        raise _refused(out, error) from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def clear(folder: Path, name: str = "") -> None:
    """Remove what killed exports have left there."""
    for old in folder.iterdir():
        begun, partial, pid = old.name.rpartition(PARTIAL)
        if partial and f"{begun}{partial}".startswith(name) and pid.isdecimal():
            mine = int(pid) == os.getpid()
            if mine or not psutil.pid_exists(int(pid)):
                shutil.rmtree(old, ignore_errors=True)


def _refused(out: Path, error: OSError) -> StoreError:
    why = (error.strerror or str(error)).lower()
    remedy = "nothing is left of it: free some space, or name another folder"
    return StoreError(f"the export cannot be written to '{out}' ({why}); {remedy}.")


def put(path: Path, text: str) -> Written:
    """Write a small file."""
    return files.opened(path, None, text).close()


class Files:
    """The files of an export's splits, as a context manager that abandons them where it is left by an error.

    ``names``: split -> its file, relative to the folder.
    """

    def __init__(self, folder: Path, names: Mapping[str, str], form: Format, columns: tuple[str, ...]) -> None:
        self._names = names
        self._schema = formats.schema(columns) if form.ending == "parquet" else None
        header = formats.header(form, columns)
        self._open: dict[str, File] = {}
        for split, name in names.items():
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            self._open[split] = files.opened(path, self._schema, header)

    def write(self, split: str, rows: pa.Table) -> None:
        self._open[split].write(rows if self._schema is None else rows.cast(self._schema))

    def close(self) -> dict[str, Written]:
        """All rows are on the disk; by file what was written."""
        return {name: self._open[split].close() for split, name in self._names.items()}

    def __enter__(self) -> Files:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            for file in self._open.values():
                file.abandon()
