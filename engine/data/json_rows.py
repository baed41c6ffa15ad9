"""Rows of JSON: lines, one array, or objects one after another, read as they come: the file need not fit in memory."""

import io
import json
from collections.abc import Iterable
from itertools import chain, islice
from typing import IO, Any

import orjson

from engine.data import containers
from engine.data.rows import LONGEST, DamagedFile, Refused, Row, Rows
from store.database.arrow import as_json

_BLOCK = 1 << 20
_LARGE = 2.0**64


def read(file: IO[bytes], repair: bool) -> Rows:
    """Lines, one array, or objects one after another, whatever the file's ending says: both names are used for all.

    One object that holds all rows is taken apart (``containers``). ``repair`` writes ``?`` for half a surrogate pair,
    which JSON can spell and UTF-8 can't.
    """
    start = file.peek(64)  # type: ignore[attr-defined]
    opening = start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if opening == b"[":
        return _array(file, repair)
    return _objects(file, repair) if opening == b"{" else _lines(file, repair)


def _objects(file: IO[bytes], repair: bool) -> Rows:
    """Lines where the first one is an object, else objects that are written over several lines."""
    line = file.readline(LONGEST)
    while line and not line.strip():
        line = file.readline(LONGEST)
    try:
        value = json.loads(line.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError):
        value = None
    single = isinstance(value, dict) and not _more(file)
    if single and (rows := containers.rows_of(value)) is not None:
        return _numbered(rows, repair)
    file.seek(0)
    if value is None and (first := _first_object(file)) is not None:
        file.seek(0)
        return _concatenated(file, repair, first)
    file.seek(0)
    return _lines(file, repair)


def _more(file: IO[bytes]) -> bool:
    """Whether anything but blanks follows."""
    while block := file.read(_BLOCK):
        if block.strip():
            return True
    return False


def _first_object(file: IO[bytes]) -> Row | None:
    """The object at the start of the file, if it goes over several lines; None where it is none.

    DamagedFile for one that is too large to be read whole.
    """
    stream = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape")
    text = ""
    try:
        while more := stream.read(max(_BLOCK, len(text))):
            text += more
            try:
                value, _ = json.JSONDecoder().raw_decode(text.lstrip())
            except json.JSONDecodeError as error:
                if error.pos < len(text.lstrip()) - 64 and not error.msg.startswith("Unterminated string"):
                    return None
            except RecursionError:
                return None
            else:
                return value if isinstance(value, dict) else None
            if len(text) > containers.MOST:
                raise DamagedFile(
                    f"it is one JSON object of more than {containers.MOST >> 20} MiB: write its rows as lines, e.g. "
                    "by `jq -c '.[\"KEY\"][]' FILE > rows.jsonl`"
                )
        return None
    finally:
        stream.detach()


def _concatenated(file: IO[bytes], repair: bool, first: Row) -> Rows:
    """Objects one after another; a single one may hold the rows."""
    objects = _array(file, repair, enclosed=False)
    start = list(islice(objects, 2))
    if len(start) == 1 and (rows := containers.rows_of(first)) is not None:
        return _numbered(rows, repair)
    return chain(start, objects)


def _numbered(rows: Iterable[Any], repair: bool) -> Rows:
    for number, row in enumerate(rows, 1):
        yield number, _element(row, json.dumps(row, ensure_ascii=False), repair)


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
            continue
        if row.__class__ is not dict:
            yield number, _element(row, _decoded(line), repair)
        elif _is_large(row):
            yield number, _lenient(line, repair)
        else:
            yield number, row


def _is_large(value: Any) -> bool:
    """Whether it holds a number that may be a whole one of more than 64 bits, which orjson reads as a float."""
    for one in value.values() if value.__class__ is dict else value:
        kind = one.__class__
        if kind is str:
            continue
        if kind is float:
            if one >= _LARGE or one <= -_LARGE / 2:
                return True
        elif (kind is dict or kind is list) and _is_large(one):
            return True
    return False


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
    plain: Row = json.loads(as_json(row).encode("utf-8", "replace"))
    return plain


def _decoded(line: bytes) -> str:
    return line.rstrip(b"\r\n").decode("utf-8", "replace")


def _array(file: IO[bytes], repair: bool, *, enclosed: bool = True) -> Rows:
    """The elements of an array; ``enclosed`` False: the same without brackets, and commas or not between them."""
    decoder, text, at, number = json.JSONDecoder(), "", 0, 0
    stream = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape")
    text, at = stream.read(_BLOCK).lstrip(), int(enclosed)
    while True:
        while not (rest := text[at : at + 64].lstrip(" \t\r\n,")) and (more := stream.read(_BLOCK)):
            text, at = text[at:] + more, 0
        if not rest or (enclosed and rest.startswith("]")):
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
    if enclosed and not rest:
        raise DamagedFile(f"the array does not end after element {number}")


def _element(value: Any, raw: str, repair: bool) -> Row | Refused:
    if containers.is_chat(value):  # Open-Reasoner-Zero: a row is its list of messages
        value = {"messages": value}
    if not isinstance(value, dict):
        return Refused("is not an object", raw.encode("utf-8", "replace").decode())
    if raw.isascii() and "\\ud" not in raw and "\\uD" not in raw:
        return value
    try:
        raw.encode()
    except UnicodeEncodeError:
        return Refused("is not valid UTF-8", raw.encode("utf-8", "replace").decode())
    return _repaired(value) if repair else value
