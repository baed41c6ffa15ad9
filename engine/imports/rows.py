"""Turns rows of a file into columns of questions and samples; refuses a row with its reason.

A value may be a text, a chat (its first user message and the answer to it) or a list of texts (several samples). Values
that no field takes stay in ``extra`` as JSON.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from engine.data.rows import Refused, Row
from engine.imports.mapping import OWN_FIELDS, Mapping, level, number, parts, share, topic
from store.database.arrow import as_json

ROWS = 8192
"""Imported rows of a part."""
LONGEST_RAW = 10_000
"""Characters that are kept of a refused row."""
_NO_QUERY = Refused("no query", "")
_USER_ROLES = ("user", "human")
_ASSISTANT_ROLES = ("assistant", "gpt", "model", "bot", "chatgpt")


@dataclass(slots=True)
class Part:
    """Columns of some thousand questions, in the file's order, and the rows refused among them.

    ``samples``: the texts of each question; ``rewards``: by question, where any sample has one. ``exported``: further
    fields of our own exports, by question. The columns from ``generators`` to ``difficulties`` stay empty where no
    column of the file is mapped to them.
    """

    read: int = 0
    texts: list[str] = field(default_factory=list)
    samples: list[list[str]] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    generators: list[str | None] = field(default_factory=list)
    references: list[str | None] = field(default_factory=list)
    topics: list[str | None] = field(default_factory=list)
    levels: list[str | None] = field(default_factory=list)
    difficulties: list[float | None] = field(default_factory=list)
    rewards: dict[int, list[float | None]] = field(default_factory=dict)
    exported: dict[int, Row] = field(default_factory=dict)
    refused: list[tuple[int, str, str]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.texts)


class Reader:
    """Reads rows by a mapping."""

    def __init__(self, mapping: Mapping, columns: Iterable[str]) -> None:
        known = list(columns)
        self._query = parts(mapping["query"] or "", known)
        self._response, self._rejected = mapping["response"], mapping["rejected"]
        self._answer, self._topic, self._level = mapping["answer"], mapping["topic"], mapping["level"]
        self._difficulty, self._reward = mapping["difficulty"], mapping["reward"]
        self._generator, self._id = mapping["generator"], mapping["id"]
        self._exported = {name: column for name in OWN_FIELDS if (column := mapping[name]) is not None}
        whole = (*self._query, self._response, self._rejected, self._generator, self._id)
        self._taken = tuple(dict.fromkeys(name for name in (*whole, *self._exported.values()) if name is not None))

    def parts(self, rows: Iterable[tuple[int, Row | Refused]]) -> Iterator[Part]:
        """All rows, ``ROWS`` imported ones a part (the last has what is left)."""
        part = Part()
        for place, row in rows:
            part.read += 1
            if isinstance(row, Refused):
                part.refused.append((place, row.reason, row.raw[:LONGEST_RAW]))
            elif (reason := self._add(part, row)) is not None:
                part.refused.append((place, reason, _json(row)[:LONGEST_RAW]))
            if len(part.texts) == ROWS:
                yield part
                part = Part()
        if part.read:
            yield part

    def _add(self, part: Part, row: Row) -> str | None:
        """Adds the row as a question; if it can't be one, returns the reason and leaves the part as it was."""
        text = self._question(row)
        if isinstance(text, Refused):
            return text.reason
        samples: list[str] | None = [] if self._response is None else _samples(row.get(self._response))
        if samples is None:
            return "response is not text"
        if self._rejected is not None:
            samples += _samples(row.get(self._rejected)) or []
        taken = [name for name in self._taken if (value := row.get(name)).__class__ is str or not _keeps(value)]
        self._more(part, row, len(samples), taken)
        part.texts.append(text)
        part.samples.append(samples)
        given = None if self._id is None else row.get(self._id)
        for name in taken:
            row.pop(name, None)
        if given is not None:
            row["id"] = given
        part.extra.append(_json(row) if row else "{}")
        return None

    def _more(self, part: Part, row: Row, samples: int, taken: list[str]) -> None:
        """What is mapped besides question and response; a value that its field cannot hold stays in ``extra``."""
        if self._answer is not None:
            part.references.append(self._reference(row, self._answer, taken))
        if self._topic is not None:
            part.topics.append(self._mapped(row, self._topic, topic, taken))
        if self._level is not None:
            part.levels.append(level(row.get(self._level)))  # the value stays in ``extra`` too
        if self._difficulty is not None:
            part.difficulties.append(self._mapped(row, self._difficulty, share, taken))
        if self._generator is not None:
            part.generators.append(_named(row.get(self._generator)))
        if self._reward is not None and (rewards := self._rewards(row, self._reward, samples, taken)) is not None:
            part.rewards[len(part.texts)] = rewards
        if self._exported:
            part.exported[len(part.texts)] = {name: row.get(column) for name, column in self._exported.items()}

    def _question(self, row: Row) -> str | Refused:
        value = row.get(self._query[0])
        if value.__class__ is str and len(self._query) == 1:
            return value if value and not value.isspace() else _NO_QUERY
        text = value if isinstance(value, str) else _first_message(value, _USER_ROLES)
        if text is None and value is not None:
            return Refused("query is not text", "")
        for name in self._query[1:]:
            more = row.get(name)
            if isinstance(more, str) and more.strip():
                text = f"{text}\n\n{more}" if text else more
        return text if text and text.strip() else _NO_QUERY

    def _reference(self, row: Row, column: str, taken: list[str]) -> str | None:
        """The reference answer: the value itself, or the text after the ``####`` of a worked solution."""
        value = row.get(column)
        if isinstance(value, str):
            marked = stated(value)
            if marked is not None or column == self._response:
                return marked  # the rest stays, unless it is the response
            taken.append(column)
            return value.strip() or None
        if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)):
            taken.append(column)
        return None if value is None or column not in taken else str(value)

    @staticmethod
    def _rewards(row: Row, column: str, samples: int, taken: list[str]) -> list[float | None] | None:
        """One for each sample from the first on, from a number or a list of them."""
        if not samples:
            return None
        value = row.get(column)
        found = [number(one) for one in (value if isinstance(value, list) else [value])]
        if (isinstance(value, list) and len(found) != samples) or all(one is None for one in found):
            return None
        taken.append(column)
        return found

    @staticmethod
    def _mapped(row: Row, column: str, known: Any, taken: list[str]) -> Any:
        """The value that the column's field can hold; any other stays in ``extra``."""
        value = row.get(column)
        found = known(value)
        if found is not None or value in (None, ""):
            taken.append(column)
        return found


def _keeps(value: Any) -> bool:
    """Whether the value holds more than a field takes: a chat with further turns, or an object."""
    if value.__class__ is str:
        return False
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return len(value) > 2
    return isinstance(value, dict)


def stated(text: str) -> str | None:
    """The text after ``####`` in the last line of a worked solution (GSM8K); elsewhere ``####`` is a heading."""
    _, marked, rest = text.rstrip().rpartition("####")
    return rest.strip() or None if marked and "\n" not in rest else None


def _samples(value: Any) -> list[str] | None:
    """The texts of the samples; None for a value without text."""
    if isinstance(value, str):
        return [value] if value.strip() else []
    if value is None:
        return []
    if not isinstance(value, list):
        return None
    if all(isinstance(one, str) for one in value):
        return [one for one in value if one.strip()]
    answer = _first_message(value, _ASSISTANT_ROLES)
    return None if answer is None else [answer] if answer.strip() else []


def _first_message(chat: Any, roles: tuple[str, ...]) -> str | None:
    """The first message by one of these roles; empty where the chat has none, None if it isn't a chat."""
    if not isinstance(chat, list):
        return None
    for message in chat:
        if not isinstance(message, dict):
            return None
        if (message.get("role") or message.get("from")) in roles:
            content = message.get("content", message.get("value"))
            if isinstance(content, list):  # parts: texts, pictures ...
                content = "".join(str(one.get("text") or "") for one in content if isinstance(one, dict))
            return content if isinstance(content, str) else None
    return ""


def _named(value: Any) -> str | None:
    return str(value) if value not in (None, "") else None


def _json(row: Row) -> str:
    try:
        return orjson.dumps(row, default=str).decode()
    except TypeError:  # a whole number of more than 64 bits, half a surrogate pair
        return as_json(row).encode("utf-8", "replace").decode()
