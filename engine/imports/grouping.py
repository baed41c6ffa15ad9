"""Long format: one row a sample. Rows of one question become one question with several samples.

Rows of a question are joined where they are in the same part of the file, so that memory stays bounded; usually they
follow one another. A later row of a question is a question again, which the duplicate stage finds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from engine.data.rows import Refused, Row
from engine.imports.mapping import Mapping
from engine.imports.part import Part, merged_extra, to_json
from engine.imports.rows import ROWS, Reader
from store.errors import InputError

QUESTION, NONE, AUTO = "question", "none", "auto"
CHOICES = (AUTO, QUESTION, NONE)
"""How rows of one question are read: as its samples, as questions of their own, or as the first rows suggest."""
_MOST_SAMPLES = 8 * ROWS
"""Samples of a part."""
_OF_QUESTION = {"generator": "generators", "topic": "topics", "difficulty": "difficulties"}
"""Fields of a question that are not in ``extra`` -> their columns; a later row of it may say something else."""
_Key = tuple[str, str, str | None]


def decided(mapping: Mapping, columns: Sequence[str], rows: Sequence[Row], group: str) -> Mapping:
    """The mapping with ``grouped`` as asked, or as the first rows suggest: some question with different responses.

    Rows that only repeat each other are duplicates; rows with a rejected response and rows of our own exports stay
    pairs. InputError for another ``group``.
    """
    if group not in CHOICES:
        raise InputError("--group", group, "is not a way to read rows", f"use one of {', '.join(CHOICES)}")
    alone = mapping["response"] is None or mapping["query"] is None
    if group != AUTO or alone or mapping["rejected"] is not None or mapping["stated"] is not None:
        return replace(mapping, grouped=group == QUESTION)
    found = Part()
    reader = Reader(replace(mapping, grouped=False), columns)
    for place, row in enumerate(rows, 1):
        reader.read(found, place, {**row})
    responses: dict[_Key, set[str]] = {}
    for place, samples in enumerate(found.samples):
        thoughts = [thought or "" for thought in found.reasoning.get(place, ())]
        if samples:
            responses.setdefault(_key(found, place), set()).add("\0".join([*samples, *thoughts]))
    return replace(mapping, grouped=any(len(several) > 1 for several in responses.values()))


def _key(part: Part, place: int) -> _Key:
    return part.texts[place], part.contexts.get(place, ""), part.references[place] if part.references else None


def parts(reader: Reader, rows: Iterable[tuple[int, Row | Refused]]) -> Iterator[Part]:
    """As ``Reader.parts``; a question that has begun gets all rows that follow it directly."""
    part, seen, extras = Part(), dict[_Key, int](), dict[int, list[tuple[str, int]]]()
    size = 0
    for place, row in rows:
        one = Part()
        if not reader.read(one, place, row):
            part.read += 1
            part.refused += one.refused
            continue
        key = _key(one, 0)
        if key not in seen and (len(part) >= ROWS or size >= _MOST_SAMPLES):
            yield _whole(part, extras)
            part, seen, extras, size = Part(), {}, {}, 0
        part.read += 1
        size += len(one.samples[0])
        mine = seen.setdefault(key, len(part))
        extras.setdefault(mine, []).append((_extra(part, mine, one), len(one.samples[0])))
        if mine == len(part):
            part.append(one)
        else:
            part.join(mine, one)
    if part.read:
        yield _whole(part, extras)


def _extra(part: Part, mine: int, one: Part) -> str:
    """The extra of a row, with what it says of its question otherwise than the question's first row."""
    other = {
        name: getattr(one, column)[0]
        for name, column in _OF_QUESTION.items()
        if mine < len(part)
        and getattr(one, column)
        and getattr(one, column)[0] not in (None, getattr(part, column)[mine])
    }
    return to_json({**other, **json.loads(one.extra[0])}) if other else one.extra[0]


def _whole(part: Part, extras: dict[int, list[tuple[str, int]]]) -> Part:
    for place, several in extras.items():
        if len(several) > 1:
            part.extra[place] = merged_extra([extra for extra, _ in several], [size for _, size in several])
    return part
