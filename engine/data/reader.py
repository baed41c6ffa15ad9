"""The one reader of data files: the rows of a file or of a data set of the hub, with bounded memory.

Imports, trainings and benchmarks all read through ``Source``. A new format is a module with a ``read`` and a line in
``Source``.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import IO, TypeVar

from engine.data import columns, csv_rows, hub_rows, json_rows
from engine.data.rows import BATCH, HUB, DamagedFile, Refused, Row, Rows, first_line
from store.errors import InputError

FORMATS = ("jsonl", "json", "parquet", "csv")
TEXT = "txt"
"""A question per line: read where only questions are asked for."""
PEEK = 100
"""Rows from which the columns of a file, and what they hold, are guessed."""
T = TypeVar("T")
_BLOCK = 1 << 20


@dataclass(slots=True)
class Source:
    """One file or data set. ``total`` rows where known, else ``size`` in bytes, and the ``position`` read so far.

    ``flag`` is the field that errors name. ``repair``: see ``json_rows``.
    """

    given: str
    name: str
    format: str
    flag: str = "FILE"
    path: Path | None = None
    size: int = 0
    total: int | None = None
    repair: bool = True
    position: Callable[[], int] | None = None

    @classmethod
    def of(cls, given: str, flag: str = "FILE", formats: Sequence[str] = FORMATS, *, repair: bool = True) -> Source:
        """InputError for a file that is missing or of another format."""
        if given.startswith(HUB):
            name = given.removeprefix(HUB).partition("@")[0].rstrip("/").rpartition("/")[2]
            return cls(given, name or given, "hub", flag, repair=repair)
        path = Path(given).expanduser()
        packed = path.suffix.lower() == ".gz"
        stem = path.name[: -len(".gz")] if packed else path.name
        name, _, kind = stem.rpartition(".")
        kind = kind.lower()
        if not path.is_file():
            remedy = "check the path; a data set of the hub is written hf:NAME"
            raise InputError(flag, given, "does not exist", remedy)
        if kind not in formats or (packed and kind == "parquet"):
            known = ", ".join(f".{ending}" for ending in formats)
            raise InputError(flag, given, "has an unknown format", f"use one of {known}, .jsonl.gz or hf:NAME")
        return cls(given, name, kind, flag, path, path.stat().st_size, repair=repair)

    def rows(self) -> Rows:
        """All rows in order. InputError where the file as a whole is damaged, once the damage is reached."""
        with self._damage_explained(), ExitStack() as stack:
            if self.path is None:
                yield from hub_rows.read(self.given, self.flag)
            elif self.format == "parquet":
                yield from self._parquet()
            elif self.format == "csv":
                yield from csv_rows.read(self._opened(stack))
            elif self.format == TEXT:
                yield from csv_rows.read_text(self._opened(stack))
            else:
                yield from json_rows.read(self._opened(stack), self.repair)

    def whole_rows(self) -> Iterator[Row]:
        """All rows of a file that must be readable throughout: InputError with the number of one that is not."""
        for number, row in self.rows():
            if isinstance(row, Refused):
                place = "line" if self.format in ("jsonl", TEXT) else "row"
                problem = f"cannot be read: {place} {number} {row.reason}"
                raise InputError(self.flag, self.given, problem, f"correct that {place}, or remove it")
            yield row

    def columns_and_rows(self) -> tuple[list[str], Iterator[Row]]:
        """The columns of the first rows, and ``whole_rows``."""
        first, rows = peek(self.whole_rows())
        return columns.of(first), rows

    @property
    def share(self) -> float | None:
        """How much of the file has been read, in [0, 1]; None where unknown."""
        return min(1.0, self.position() / self.size) if self.position is not None and self.size else None

    def _opened(self, stack: ExitStack) -> IO[bytes]:
        """The unpacked bytes of the file; sets ``position``, which counts the packed ones."""
        assert self.path is not None
        file = stack.enter_context(self.path.open("rb", buffering=_BLOCK))
        self.position = lambda: 0 if file.closed else file.tell()
        if self.path.suffix.lower() != ".gz":
            return file
        return stack.enter_context(io.BufferedReader(gzip.GzipFile(fileobj=file), _BLOCK))

    def _parquet(self) -> Rows:
        import pyarrow.parquet as pq

        with pq.ParquetFile(self.path) as file:
            self.total = file.metadata.num_rows
            number = 0
            for batch in file.iter_batches(BATCH):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row

    @contextmanager
    def _damage_explained(self) -> Iterator[None]:
        import pyarrow as pa

        try:
            yield
        except InputError:
            raise
        except (OSError, EOFError, zlib.error, pa.ArrowException, DamagedFile) as error:
            problem = f"cannot be read ({first_line(error)})"
            raise InputError(self.flag, self.given, problem, "correct or restore the file") from error


def peek(rows: Iterator[T]) -> tuple[list[T], Iterator[T]]:
    """The first ``PEEK`` rows, and all rows with them."""
    first = list(islice(rows, PEEK))
    return first, chain(first, rows)


def absolute(given: str) -> str:
    """The same source by its absolute path."""
    if not given.startswith(HUB):
        return str(Path(given).expanduser().resolve())
    rest = given.removeprefix(HUB)
    name = rest.partition("@")[0].partition(":")[0]
    return f"{HUB}{Path(name).resolve()}{rest[len(name) :]}" if Path(name).is_dir() else given
