"""The folder of an export: written under a temporary name, synced, then renamed.

A folder with the final name is complete, even if the program is killed.
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
from store.export import files
from store.export.files import File, Written

PARTIAL = ".partial-"


def check(out: Path) -> None:
    """InputError where an export cannot be written there."""
    if out.is_dir() and not any(out.iterdir()):
        return
    if out.exists() or out.is_symlink():
        what = "is not empty" if out.is_dir() else "is a file"
        raise InputError("--out", str(out), what, "name a new folder")


@contextmanager
def into(out: Path) -> Iterator[Path]:
    """A temporary folder that is renamed to ``out`` at the end and removed after an error.

    StoreError where the disk is full or the folder is not writable.
    """
    parts = f"{out.name}{PARTIAL}"
    folder = out.with_name(f"{parts}{os.getpid()}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        remove_partial(out.parent, parts)
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


def remove_partial(folder: Path, name: str = "") -> None:
    """Remove the temporary folders of killed exports."""
    for old in folder.iterdir():
        begun, partial, pid = old.name.rpartition(PARTIAL)
        partial_export = partial and f"{begun}{partial}".startswith(name) and pid.isdecimal()
        if partial_export and (int(pid) == os.getpid() or not psutil.pid_exists(int(pid))):
            shutil.rmtree(old, ignore_errors=True)


def _refused(out: Path, error: OSError) -> StoreError:
    reason = (error.strerror or str(error)).lower()
    remedy = "its files were removed: free some space, or name another folder"
    return StoreError(f"the export cannot be written to '{out}' ({reason}); {remedy}.")


def put(path: Path, text: str) -> Written:
    """Write a small file."""
    return files.opened(path, None, text).close()


class Files:
    """The open files of an export's splits; a context manager that abandons them after an error. ``names``: split ->
    file, relative to the folder; ``schema``: of Parquet, None for lines.
    """

    def __init__(self, folder: Path, names: Mapping[str, str], schema: pa.Schema | None, header: str = "") -> None:
        self._names = names
        self._schema = schema
        self._open: dict[str, File] = {}
        for split, name in names.items():
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            self._open[split] = files.opened(path, self._schema, header)

    def write(self, split: str, rows: pa.Table) -> None:
        self._open[split].write(rows if self._schema is None else rows.cast(self._schema))

    def close(self) -> dict[str, Written]:
        """Make all rows durable; the results by file."""
        return {name: self._open[split].close() for split, name in self._names.items()}

    def __enter__(self) -> Files:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            for file in self._open.values():
                file.abandon()
