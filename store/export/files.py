"""Writing an export's files deterministically, hashed as they are written.

There are files of lines, whose text SQL makes, and Parquet files with row groups of a fixed size.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

GROUP = 20_000
"""Rows in a row group of Parquet."""
_WRITE_BACK = 64 << 20
"""After so many bytes the system is told to write them to the disk, so that ``close`` waits less."""


class File(Protocol):
    """A file being written, with ``rows`` so far; durable after ``close``."""

    rows: int

    def write(self, table: pa.Table) -> None: ...

    def close(self) -> Written: ...

    def abandon(self) -> None: ...


class Written(dict[str, Any]):
    """A file's ``rows``, ``bytes`` and ``sha256``, and ``content``, a hash of the rows alone, which does not depend on
    the version of the library that writes the file."""


class _Hashed:
    """A file object for Arrow that counts and hashes the bytes written."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=0)
        self.digest = hashlib.sha256()
        self.size = 0
        self._sent = 0

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        rest = view
        while len(rest):  # a raw write may be partial
            rest = rest[self._file.write(rest) or 0 :]
        self.digest.update(view)
        self.size += len(view)
        if self.size - self._sent >= _WRITE_BACK:
            self._sent = self.size
            _start_write_back(self._file.fileno())
        return len(view)

    def tell(self) -> int:
        return self.size

    def flush(self) -> None:
        pass

    @property
    def closed(self) -> bool:
        return self._file.closed

    def close(self) -> None:
        """Sync and close; Arrow's writer calls it."""
        if not self._file.closed:
            try:
                os.fsync(self._file.fileno())
            finally:
                self._file.close()

    def abandon(self) -> None:
        self._file.close()


def _start_write_back(number: int) -> None:
    if hasattr(os, "posix_fadvise"):  # not on macOS
        with suppress(OSError):  # a hint: some file systems take none
            os.posix_fadvise(number, 0, 0, os.POSIX_FADV_DONTNEED)


class Lines:
    """Writes the column ``line``, which includes line breaks."""

    def __init__(self, path: Path, header: str = "") -> None:
        self._file = _Hashed(path)
        self._file.write(header.encode())
        self.rows = 0

    def write(self, table: pa.Table) -> None:
        for chunk in table["line"].chunks:
            self._file.write(_data(chunk))
            self.rows += len(chunk)

    def close(self) -> Written:
        self._file.close()
        digest = self._file.digest.hexdigest()
        return Written(rows=self.rows, bytes=self._file.size, sha256=digest, content=digest)

    def abandon(self) -> None:
        self._file.abandon()


class Parquet:
    """Writes columns, compressed by Snappy; a file without rows has its columns too."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._file = _Hashed(path)
        short = [field.name for field in schema if pa.types.is_string(field.type) and field.name not in LONG]
        self._writer = pq.ParquetWriter(
            self._file,
            schema,
            compression="snappy",
            use_dictionary=short or False,
            write_statistics=[field.name for field in schema if field.name not in LONG] or False,
            store_schema=False,
        )
        self._schema = schema
        self._content = xxhash.xxh3_128()
        self._pending: list[pa.Table] = []
        self._pending_rows = 0
        self.rows = 0

    def write(self, table: pa.Table) -> None:
        self._pending.append(table)
        self._pending_rows += table.num_rows
        self.rows += table.num_rows
        if self._pending_rows < GROUP:
            return
        rows = pa.concat_tables(self._pending)
        complete = self._pending_rows - self._pending_rows % GROUP
        for first in range(0, complete, GROUP):
            self._write_group(rows.slice(first, GROUP))
        self._pending = [rows.slice(complete)]
        self._pending_rows -= complete

    def close(self) -> Written:
        if self._pending_rows:
            self._write_group(pa.concat_tables(self._pending))
        self._writer.close()
        self._file.close()
        file = {"bytes": self._file.size, "sha256": self._file.digest.hexdigest()}
        return Written(rows=self.rows, **file, content=self._content.hexdigest())

    def abandon(self) -> None:
        self._file.abandon()

    def _write_group(self, table: pa.Table) -> None:
        group = table.combine_chunks()  # pages are cut at the edges of chunks too
        for column in group.columns:
            for chunk in column.chunks:
                _feed(self._content, chunk)
        self._writer.write_table(group, row_group_size=GROUP)


LONG = frozenset(("query", "response", "reasoning", "extra", "question", "info"))
"""Columns whose texts do not repeat."""


def opened(path: Path, schema: pa.Schema | None, header: str = "") -> File:
    """A Parquet file if there is a schema, else a file of lines. OSError where it cannot be created."""
    return Lines(path, header) if schema is None else Parquet(path, schema)


def _data(texts: pa.Array) -> memoryview:
    """The concatenated bytes of the texts, without a copy."""
    _, offsets, data = texts.buffers()
    if not len(texts) or data is None:
        return memoryview(b"")
    ends = np.frombuffer(offsets, np.int32)[[texts.offset, texts.offset + len(texts)]]
    return memoryview(data)[ends[0] : ends[1]]


def _feed(digest: Any, values: pa.Array) -> None:
    """Hash the values in an encoding that is unique to them."""
    digest.update(np.packbits(values.is_valid().to_numpy(zero_copy_only=False)).tobytes())
    if pa.types.is_list(values.type):
        digest.update(values.value_lengths().fill_null(0).to_numpy(zero_copy_only=False).tobytes())
        _feed(digest, values.flatten())
    elif pa.types.is_struct(values.type):
        for field in values.flatten():
            _feed(digest, field)
    elif pa.types.is_string(values.type):
        whole = values.fill_null("") if values.null_count else values
        offsets = np.frombuffer(whole.buffers()[1], np.int32)[whole.offset : whole.offset + len(whole) + 1]
        digest.update(np.diff(offsets).tobytes())
        digest.update(_data(whole))
    else:
        plain = values.cast(pa.int8()) if pa.types.is_boolean(values.type) else values
        digest.update(plain.fill_null(0).to_numpy(zero_copy_only=False).tobytes())


def finish(folder: Path, names: Sequence[str]) -> None:
    """Sync the folders of these files, so that their entries are durable."""
    for name in {"", *(str(Path(name).parent) for name in names)}:
        number = os.open(folder / name, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
