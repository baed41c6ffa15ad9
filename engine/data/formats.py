"""The rows of a file or of a data set of the hub, as they stand there, a bounded part at a time.

One reader a format; each gives ``(number, value)`` pairs: the line (of lines) or row (of all else) from 1, and the row
as a dict, or ``Refused`` where no row could be read there. Knows nothing of what a column means.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import orjson

from engine.data import own_csv
from store.database.arrow import as_json
from store.errors import InputError

HUB = "hf:"
_BLOCK = 1 << 20
_LONGEST = 1 << 26
"""Bytes of one row; a longer one is refused, or it would fill the memory."""
_ROWS = 1024
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Refused:
    """Why there is no row here, and what stands here instead."""

    reason: str
    raw: str


Rows = Iterator[tuple[int, Row | Refused]]


@dataclass(slots=True)
class Source:
    """One file or data set: ``total`` rows where that is known, else ``size`` bytes, and how far it has been read."""

    given: str
    name: str
    format: str
    path: Path | None = None
    size: int = 0
    total: int | None = None
    position: Callable[[], int] | None = None

    @classmethod
    def of(cls, given: str) -> Source:
        """InputError for a file that is missing or of no known kind."""
        if given.startswith(HUB):
            name = given.removeprefix(HUB).partition("@")[0].rstrip("/").rpartition("/")[2]
            return cls(given, name or given, "hub")
        path = Path(given).expanduser()
        kind = path.name.lower().removesuffix(".gz").rpartition(".")[2]
        if not path.is_file():
            raise InputError(
                "FILE", given, "does not exist", "check the path; a data set of the hub is written hf:NAME"
            )
        if kind not in FORMATS or (path.suffix == ".gz" and kind not in ("jsonl", "json", "csv")):
            known = ", ".join(f".{ending}" for ending in FORMATS)
            raise InputError(
                "FILE", given, "is of no kind that can be read", f"use one of {known}, .jsonl.gz or hf:NAME"
            )
        stem = path.name[: -len(".gz")] if path.suffix == ".gz" else path.name
        return cls(given, stem.rpartition(".")[0], kind, path, path.stat().st_size)

    def rows(self) -> Rows:
        """All rows in order. InputError where the file as a whole is damaged: at the place where that shows."""
        read = _hub if self.path is None else FORMATS[self.format]
        with _damage_told(self.given):
            yield from read(self)

    @property
    def share(self) -> float | None:
        """How much of the file has been read, in [0, 1]; None where that cannot be told."""
        return min(1.0, self.position() / self.size) if self.position is not None and self.size else None


def absolute(given: str) -> str:
    """The same source, whatever folder it is named from."""
    if not given.startswith(HUB):
        return str(Path(given).expanduser().resolve())
    rest = given.removeprefix(HUB)
    name = rest.partition("@")[0].partition(":")[0]
    return f"{HUB}{Path(name).resolve()}{rest[len(name) :]}" if Path(name).is_dir() else given


@contextmanager
def _damage_told(given: str) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (OSError, EOFError, pa.ArrowException) as error:
        if isinstance(error, InputError):
            raise
        raise InputError("FILE", given, f"cannot be read on ({said(error)})", "restore the file") from error


def said(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")[:200]


def _opened(source: Source, stack: ExitStack) -> IO[bytes]:
    """The file's bytes, unpacked; tells the source how far it has come in the file itself."""
    assert source.path is not None
    file = stack.enter_context(source.path.open("rb", buffering=_BLOCK))
    source.position = lambda: 0 if file.closed else file.tell()
    if source.path.suffix != ".gz":
        return file
    return stack.enter_context(io.BufferedReader(gzip.GzipFile(fileobj=file), _BLOCK))


def _json(source: Source) -> Rows:
    """JSON lines or one array, whatever the file's ending says: both names are used for both."""
    with ExitStack() as stack:
        file = _opened(source, stack)
        start = file.peek(64)  # type: ignore[attr-defined]
        array = start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"["
        yield from _array(file) if array else _lines(file)


def _lines(file: IO[bytes]) -> Rows:
    number = 0
    while line := file.readline(_LONGEST):
        number += 1
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if len(line) == _LONGEST and not line.endswith(b"\n"):
            while (rest := file.readline(_LONGEST)) and not rest.endswith(b"\n"):
                continue
            yield number, Refused(f"is longer than {_LONGEST >> 20} MiB", _shown(line[:40_000]))
            continue
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError:
            if not line.strip():
                continue
            yield number, _second_look(line)
        else:
            yield number, row if row.__class__ is dict else Refused("is not an object", _shown(line))


def _second_look(line: bytes) -> Row | Refused:
    """What orjson refuses and Python's own reader takes: NaN (becomes null), half a surrogate pair (becomes ``?``)."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return Refused("is not valid UTF-8", _shown(line))
    try:
        row = json.loads(text)
    except (ValueError, RecursionError):
        return Refused("is not JSON", text.rstrip("\r\n"))
    return plain(row) if isinstance(row, dict) else Refused("is not an object", text.rstrip("\r\n"))


def plain(row: Row) -> Row:
    """The row as JSON in UTF-8 can say it."""
    found: Row = orjson.loads(as_json(row).encode("utf-8", "replace"))
    return found


def _shown(line: bytes) -> str:
    return line.rstrip(b"\r\n").decode("utf-8", "replace")


def _array(file: IO[bytes]) -> Rows:
    """The elements of one array, read as they come: the file need not fit the memory."""
    decoder, text, at, number = json.JSONDecoder(), "", 0, 0
    stream = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape")
    text, at = stream.read(_BLOCK).lstrip(), 1
    while True:
        while not (rest := text[at : at + 64].lstrip(" \t\r\n,")) and (more := stream.read(_BLOCK)):
            text, at = text[at:] + more, 0
        if rest.startswith("]") or not rest:
            break
        at = text.index(rest[0], at)
        try:
            value, end = decoder.raw_decode(text, at)
            if end == len(text) and (more := stream.read(_BLOCK)):  # a number may go on
                text, at = text[at:] + more, 0
                continue
        except ValueError:
            more = stream.read(max(_BLOCK, len(text) - at)) if len(text) - at < _LONGEST else ""
            if more:
                text, at = text[at:] + more, 0
                continue
            yield number + 1, Refused("is not JSON", text[at : at + 20_000].encode("utf-8", "replace").decode())
            raise InputError(
                "FILE", "element " + str(number + 1), "is not JSON", "correct it, the rest was not read"
            ) from None
        number += 1
        yield number, _element(value, text[at:end])
        at = end
    if not rest:
        raise InputError("FILE", f"element {number}", "is the last; the array does not end", "restore the file")


def _element(value: Any, raw: str) -> Row | Refused:
    if not isinstance(value, dict):
        return Refused("is not an object", raw.encode("utf-8", "replace").decode())
    if raw.isascii() and "\\ud" not in raw and "\\uD" not in raw:
        return value
    try:
        raw.encode()
    except UnicodeEncodeError:
        return Refused("is not valid UTF-8", raw.encode("utf-8", "replace").decode())
    return plain(value)


def _csv(source: Source) -> Rows:
    """Rows by the header's names; rows are counted after the header."""
    csv.field_size_limit(_LONGEST)
    with ExitStack() as stack:
        file = _opened(source, stack)
        stream = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
        reader = csv.reader(stream)
        header = next(reader, [])
        restore = own_csv.restorer(header)
        number = 0
        while True:
            try:
                cells = next(reader, None)
            except csv.Error as error:
                number += 1
                yield number, Refused(f"is not CSV ({said(error)})", "")
                continue
            if cells is None:
                return
            if not cells:
                continue
            number += 1
            row = _cells(header, cells)
            yield number, row if restore is None or isinstance(row, Refused) else restore(row)


def _cells(header: list[str], cells: list[str]) -> Row | Refused:
    try:
        "".join(cells).encode()
    except UnicodeEncodeError:
        return Refused("is not valid UTF-8", ",".join(cells).encode("utf-8", "replace").decode())
    if len(cells) != len(header):
        return Refused(f"has {len(cells)} cells where the header has {len(header)}", ",".join(cells))
    return dict(zip(header, cells, strict=True))


def _parquet(source: Source) -> Rows:
    import pyarrow.parquet as pq

    with pq.ParquetFile(source.path) as file:
        source.total = file.metadata.num_rows
        number = 0
        for batch in file.iter_batches(_ROWS):
            for row in batch.to_pylist():
                number += 1
                yield number, row


FORMATS: dict[str, Callable[[Source], Rows]] = {"jsonl": _json, "json": _json, "parquet": _parquet, "csv": _csv}
"""Ending -> its reader. ``.gz`` behind the ending of a text is unpacked."""


def _hub(source: Source) -> Rows:
    """``hf:NAME[:CONFIG][@SPLIT]``, streamed; NAME may be a folder."""
    try:
        import datasets
    except ImportError:
        problem, remedy = "the package datasets is not installed", "pip install -e '.[train]', or give a file"
        raise InputError("FILE", source.given, problem, remedy) from None
    name, _, split = source.given.removeprefix(HUB).partition("@")
    name, _, config = name.partition(":")
    try:
        found = datasets.load_dataset(name, config or None, split=split or None, streaming=True)
        rows = found if split else found["train"] if "train" in found else _only(found, source.given)
        number = 0
        for table in rows.with_format("arrow").iter(_ROWS):
            for row in table.to_pylist():
                number += 1
                yield number, row
    except InputError:
        raise
    except Exception as error:
        problem = f"cannot be loaded ({said(error)})"
        raise InputError("FILE", source.given, problem, "check the name, the split and the network") from error


def _only(splits: Any, given: str) -> Any:
    if len(splits) != 1:
        raise InputError("FILE", given, f"has the splits {', '.join(splits)}", "choose one with hf:NAME@SPLIT")
    return next(iter(splits.values()))
