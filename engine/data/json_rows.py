"""Rows of JSON lines, or of one JSON array, read as they come: the file need not fit in memory."""

import io
import json
from typing import IO, Any

import orjson

from engine.data.rows import LONGEST, DamagedFile, Refused, Row, Rows
from store.database.arrow import as_json

_BLOCK = 1 << 20


def read(file: IO[bytes], repair: bool) -> Rows:
    """Lines or one array, whatever the file's ending says: both names are used for both.

    ``repair`` writes ``?`` for half a surrogate pair, which JSON can spell and UTF-8 can't.
    """
    start = file.peek(64)  # type: ignore[attr-defined]
    array = start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"["
    return _array(file, repair) if array else _lines(file, repair)


def _lines(file: IO[bytes], repair: bool) -> Rows:
    number = 0
    while line := file.readline(LONGEST):
        number += 1
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if len(line) == LONGEST and not line.endswith(b"\n"):
            while (rest := file.readline(LONGEST)) and not rest.endswith(b"\n"):
                continue
            yield number, Refused(f"is longer than {LONGEST >> 20} MiB", _decoded(line[:40_000]))
            continue
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError:
            if not line.strip():
                continue
            yield number, _lenient(line, repair)
        else:
            yield number, row if row.__class__ is dict else Refused("is not an object", _decoded(line))


def _lenient(line: bytes, repair: bool) -> Row | Refused:
    """What orjson refuses and Python's own reader takes: NaN, half a surrogate pair, large whole numbers."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return Refused("is not valid UTF-8", _decoded(line))
    try:
        row = json.loads(text)
    except (ValueError, RecursionError):
        return Refused("is not JSON", text.rstrip("\r\n"))
    if not isinstance(row, dict):
        return Refused("is not an object", text.rstrip("\r\n"))
    return _repaired(row) if repair else row


def _repaired(row: Row) -> Row:
    """The row as JSON in UTF-8 can express it; NaN becomes null."""
    plain: Row = orjson.loads(as_json(row).encode("utf-8", "replace"))
    return plain


def _decoded(line: bytes) -> str:
    return line.rstrip(b"\r\n").decode("utf-8", "replace")


def _array(file: IO[bytes], repair: bool) -> Rows:
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
            more = stream.read(max(_BLOCK, len(text) - at)) if len(text) - at < LONGEST else ""
            if more:
                text, at = text[at:] + more, 0
                continue
            yield number + 1, Refused("is not JSON", text[at : at + 20_000].encode("utf-8", "replace").decode())
            raise DamagedFile(f"element {number + 1} is not JSON") from None
        number += 1
        yield number, _element(value, text[at:end], repair)
        at = end
    if not rest:
        raise DamagedFile(f"the array does not end after element {number}")


def _element(value: Any, raw: str, repair: bool) -> Row | Refused:
    if not isinstance(value, dict):
        return Refused("is not an object", raw.encode("utf-8", "replace").decode())
    if raw.isascii() and "\\ud" not in raw and "\\uD" not in raw:
        return value
    try:
        raw.encode()
    except UnicodeEncodeError:
        return Refused("is not valid UTF-8", raw.encode("utf-8", "replace").decode())
    return _repaired(value) if repair else value
