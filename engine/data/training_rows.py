"""Questions, rated questions and preference pairs from every source that ``reader`` reads.

The field is guessed from its name unless it is given; rows without it are counted. Every function also returns what a
training records of each file: ``{"file", "field", "rows", "used"}``.
"""

import hashlib
import json
import random
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from engine.data import columns
from engine.data.reader import FORMATS, TEXT, Source
from engine.data.rows import Row
from store.errors import InputError

T = TypeVar("T")


def read_questions(sources: Sequence[str], name: str | None = None) -> tuple[list[str], list[Row]]:
    """All questions of these files, in order. InputError for a file that is missing, unreadable, empty, or without
    the field ``name`` (guessed where None)."""
    texts: list[str] = []
    files = []
    for source in sources:
        rows, fields = _opened(source, "--questions")
        chosen = _field(fields, (name,) if name else columns.QUESTION, source, "--field")
        read, before = 0, len(texts)
        for row in rows:
            read += 1
            if text := _text(row, chosen):
                texts.append(text)
        files.append({"file": source, "field": chosen, "rows": read, "used": len(texts) - before})
    if not texts:
        raise InputError("--questions", ", ".join(sources), "holds no question", "check the file and its --field")
    return texts, files


def read_rates(
    source: str, questions: Sequence[str] = (), name: str | None = None
) -> tuple[list[tuple[str, float]], list[Row]]:
    """(question, fail rate in [0, 1]) of every row that has both: fail rate = incorrect / n (paper 2.3).

    The rate is read from ``fail_rate``, ``pass_rate``, or counts of samples and correct ones. Where the file has no
    question, it is looked up in the files ``questions`` by a shared id (as in DART-Math's query-info and pool).
    """
    rows, fields = _opened(source, "--rates")
    rate = _rate_fields(fields, source)
    texts: dict[str, str] = {}
    if questions:
        identity = _field(fields, columns.ID, source, "--rates")
        texts = _by_identity(questions, identity, name)
        chosen = f"{identity} -> question"
    else:
        chosen = _field(fields, (name,) if name else columns.QUESTION, source, "--field")
    read, rated = 0, []
    for row in rows:
        read += 1
        text = texts.get(str(row.get(identity)), "") if questions else _text(row, chosen)
        value = _fail_rate(row, rate)
        if text and value is not None:
            rated.append((text, value))
    if not rated:
        raise InputError("--rates", source, "holds no question with a rate", "check the file and its fields")
    return rated, [{"file": source, "field": chosen, "rate": " / ".join(rate), "rows": read, "used": len(rated)}]


def read_pairs(source: str) -> tuple[list[tuple[str, str]], list[Row]]:
    """(chosen, rejected) pairs of a file with these two fields; rows that lack one, or have two equal, are counted."""
    rows, fields = _opened(source, "--pairs")
    for name in ("chosen", "rejected"):
        _field(fields, (name,), source, "--pairs")
    read, pairs = 0, []
    for row in rows:
        read += 1
        chosen, rejected = _text(row, "chosen"), _text(row, "rejected")
        if chosen and rejected and chosen != rejected:
            pairs.append((chosen, rejected))
    if not pairs:
        raise InputError("--pairs", source, "holds no pair", "give rows with two different texts, chosen and rejected")
    return pairs, [{"file": source, "field": "chosen, rejected", "rows": read, "used": len(pairs)}]


def drawn(rows: Sequence[T], limit: int, seed: int) -> list[T]:
    """All rows in their order, or ``limit`` of them drawn by the seed."""
    if not limit or limit >= len(rows):
        return list(rows)
    return [rows[i] for i in sorted(random.Random(seed).sample(range(len(rows)), limit))]


def fingerprint(rows: Iterable[object]) -> str:
    """Sixteen digits that change when the data does, or its order."""
    digest = hashlib.blake2b(digest_size=8)
    for row in rows:
        digest.update(json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")
    return digest.hexdigest()


def _opened(source: str, flag: str) -> tuple[Iterator[Row], list[str]]:
    """The rows, and the fields of the first of them. InputError where there is none."""
    fields, rows = Source.of(source, flag, (*FORMATS, TEXT), repair=False).columns_and_rows()
    if not fields:
        raise InputError(flag, source, "is empty", "give a file with at least one row")
    return rows, fields


def _field(fields: Sequence[str], wanted: Sequence[str], source: str, flag: str) -> str:
    """The first of the wanted fields that is there."""
    found = columns.find(wanted, fields)
    if found is None:
        problem = f"is not a field of '{source}'" if len(wanted) == 1 else f"are not fields of '{source}'"
        raise InputError(flag, " or ".join(wanted), problem, f"it has {', '.join(fields[:12])}")
    return found


def _text(row: Row, name: str) -> str:
    """The row's text; nothing where it has none, or one that is not valid Unicode and no tokenizer reads."""
    value = row.get(name)
    return value.strip() if isinstance(value, str) and _encodable(value) else ""


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can spell
        return False
    return True


def _rate_fields(fields: Sequence[str], source: str) -> tuple[str, ...]:
    for names in columns.RATE:
        if all(name in fields for name in names):
            return names
    wanted = "; ".join(" and ".join(names) for names in columns.RATE)
    raise InputError("--rates", source, "has no field with a rate", f"name it as one of: {wanted}")


def _fail_rate(row: Row, names: tuple[str, ...]) -> float | None:
    try:
        values = [float(row[name]) for name in names]
        value = values[0] / values[1] if len(values) == 2 else values[0]
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    value = value if names == ("fail_rate",) else 1.0 - value
    return value if 0.0 <= value <= 1.0 else None


def _by_identity(sources: Sequence[str], identity: str, name: str | None) -> dict[str, str]:
    """Question by id; the first text of an id counts."""
    texts: dict[str, str] = {}
    for source in sources:
        rows, fields = _opened(source, "--questions")
        _field(fields, (identity,), source, "--questions")
        chosen = _field(fields, (name,) if name else columns.QUESTION, source, "--field")
        for row in rows:
            if text := _text(row, chosen):
                texts.setdefault(str(row.get(identity)), text)
    return texts
