"""Questions, rated questions and preference pairs from files of any usual kind, or from a data set of the hub.

Reads ``.jsonl``, ``.json``, ``.csv`` and ``.txt`` (a question a line), each also with ``.gz``, and ``.parquet`` and
``hf:NAME``. Which field holds what is guessed from its name, and told; rows without it are counted. Knows no model.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeVar

from store.errors import InputError

HUB = "hf:"
QUESTION = ("query", "problem", "question", "instruction", "prompt")
"""Names of the field with the question, in the order in which they are tried."""
IDENTITY = ("query_id", "question_id", "id")
_PEEK = 100
Row = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Questions:
    """``files``: what was read, for the record: ``{"file", "field", "rows", "used"}`` each."""

    texts: list[str]
    files: list[Row] = field(default_factory=list)


def read_questions(sources: Sequence[str], name: str | None = None) -> Questions:
    """All questions of these files, in order. InputError for a file that is missing, unreadable, empty, or without
    the field ``name`` (guessed where None)."""
    texts: list[str] = []
    files = []
    for source in sources:
        rows, fields = _opened(source, "--questions")
        chosen = _field(fields, (name,) if name else QUESTION, source, "--field")
        read, before = 0, len(texts)
        for row in rows:
            read += 1
            if text := _text(row, chosen):
                texts.append(text)
        files.append({"file": source, "field": chosen, "rows": read, "used": len(texts) - before})
    if not texts:
        raise InputError("--questions", ", ".join(sources), "holds no question", "check the file and its --field")
    return Questions(texts, files)


@dataclass(frozen=True, slots=True)
class Rated:
    """(question, fail rate in [0, 1]) each; ``files`` as of ``Questions``."""

    rows: list[tuple[str, float]]
    files: list[Row] = field(default_factory=list)


def read_rates(source: str, questions: Sequence[str] = (), name: str | None = None) -> Rated:
    """Rated questions: fail rate = incorrect / n (paper 2.3), from a field ``fail_rate``, ``pass_rate``, or counts of
    samples and of right ones. Where the file has no question, it is looked up in ``questions`` by a shared id (as
    in DART-Math's query-info and pool). Rows without both are counted."""
    rows, fields = _opened(source, "--rates")
    rate = _rate_fields(fields, source)
    texts: dict[str, str] = {}
    if questions:
        identity = _field(fields, IDENTITY, source, "an id field of --rates")
        texts = _by_identity(questions, identity, name)
        chosen = f"{identity} -> question"
    else:
        chosen = _field(fields, (name,) if name else QUESTION, source, "--field")
    read, rated = 0, []
    for row in rows:
        read += 1
        text = texts.get(str(row.get(identity)), "") if questions else _text(row, chosen)
        value = _fail_rate(row, rate)
        if text and value is not None:
            rated.append((text, value))
    if not rated:
        raise InputError("--rates", source, "holds no question with a rate", "check the file and its fields")
    return Rated(rated, [{"file": source, "field": chosen, "rate": " / ".join(rate), "rows": read, "used": len(rated)}])


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
    rows = _hub(source, flag) if source.startswith(HUB) else _file(Path(source).expanduser(), flag)
    try:
        first = list(islice(rows, _PEEK))
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(flag, source, f"cannot be read ({_said(error)})", "restore the file") from error
    if not first:
        raise InputError(flag, source, "is empty", "give a file with at least one row")
    return chain(first, rows), list(dict.fromkeys(key for row in first for key in row))


def _file(path: Path, flag: str) -> Iterator[Row]:
    if not path.is_file():
        raise InputError(flag, str(path), "does not exist", "check the path; a data set of the hub is written hf:NAME")
    name = path.name.removesuffix(".gz")
    kind = name.rpartition(".")[2].lower()
    if kind not in _READERS:
        known = ", ".join(f".{ending}" for ending in _READERS)
        raise InputError(flag, str(path), "is of no kind that can be read", f"use one of {known}")
    return _READERS[kind](path)


def _lines(path: Path) -> Iterator[str]:
    with ExitStack() as stack:
        file: Any = stack.enter_context(path.open("rb"))
        file = stack.enter_context(gzip.open(file)) if path.suffix == ".gz" else file
        yield from stack.enter_context(io.TextIOWrapper(file, encoding="utf-8-sig"))


def _jsonl(path: Path) -> Iterator[Row]:
    for number, line in enumerate(_lines(path), 1):
        if line.strip():
            yield _object(line, path, number)


def _object(line: str, path: Path, number: int) -> Row:
    try:
        row = json.loads(line)
    except ValueError:
        row = None
    if not isinstance(row, dict):
        raise InputError(f"line {number} of", str(path), "is not a JSON object", "correct that line, or remove it")
    return row


def _json(path: Path) -> Iterator[Row]:
    try:
        rows = json.loads("".join(_lines(path)))
    except ValueError as error:
        raise InputError("file", str(path), f"is not JSON ({_said(error)})", "correct it") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError("file", str(path), "is not a list of objects", "write it as [{...}, ...], or as .jsonl")
    yield from rows


def _csv(path: Path) -> Iterator[Row]:
    csv.field_size_limit(1 << 30)
    yield from csv.DictReader(_lines(path))


def _txt(path: Path) -> Iterator[Row]:
    yield from ({"question": line.strip()} for line in _lines(path) if line.strip())


def _parquet(path: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(1024):
                yield from batch.to_pylist()
    except pa.ArrowException as error:
        raise InputError("file", str(path), f"is not Parquet ({_said(error)})", "restore the file") from error


_READERS = {"jsonl": _jsonl, "json": _json, "parquet": _parquet, "csv": _csv, "txt": _txt}


def _hub(source: str, flag: str) -> Iterator[Row]:
    """The train split of a data set of the hub: ``hf:NAME``, or ``hf:NAME@REVISION``."""
    name, _, revision = source.removeprefix(HUB).partition("@")
    try:
        import datasets
    except ImportError:
        problem, remedy = "the package datasets is not installed", "pip install -e '.[train]', or give a file"
        raise InputError(flag, source, problem, remedy) from None
    try:
        found = datasets.load_dataset(name, revision=revision or None, streaming=True)
        split = found["train"] if "train" in found else next(iter(found.values()))
        yield from split
    except Exception as error:
        raise InputError(
            flag, source, f"cannot be loaded ({_said(error)})", "check the name and the network"
        ) from error


def _field(fields: Sequence[str], wanted: Sequence[str], source: str, flag: str) -> str:
    """The first of the wanted fields that is there."""
    found = next((name for name in wanted if name in fields), None)
    if found is None:
        has = ", ".join(fields[:12])
        raise InputError(flag, " or ".join(wanted), f"'{source}' has no such field", f"it has {has}")
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


_RATES: tuple[tuple[str, ...], ...] = (
    ("fail_rate",),
    ("pass_rate",),
    ("tot_n_corrects", "tot_n_samples"),
    ("n_correct", "n_samples"),
    ("correct", "n"),
)


def _rate_fields(fields: Sequence[str], source: str) -> tuple[str, ...]:
    for names in _RATES:
        if all(name in fields for name in names):
            return names
    wanted = "; ".join(" and ".join(names) for names in _RATES)
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
        chosen = _field(fields, (name,) if name else QUESTION, source, "--field")
        for row in rows:
            if text := _text(row, chosen):
                texts.setdefault(str(row.get(identity)), text)
    return texts


def _said(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")[:200]
