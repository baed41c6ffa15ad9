"""Turns rows of a file into columns of questions and samples; refuses a row with its reason.

A value may be a text, a chat or a list (several samples). Reasoning is taken out of responses, and chat templates out
of questions. What no field takes, or takes only a part of, stays in ``extra`` as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from engine.data.rows import Refused, Row
from engine.imports import chats, options, rates, samples, values
from engine.imports.guess import OWN_FIELDS
from engine.imports.mapping import Mapping
from engine.imports.part import Part, to_json
from engine.imports.paths import Columns, columns_of
from engine.imports.samples import Sample
from engine.imports.values import is_null, parsed
from engine.text.answers import extract

ROWS = 8192
"""Imported rows of a part."""
LONGEST_RAW = 10_000
"""Characters that are kept of a refused row."""
_NO_QUERY = Refused("no query", "")
_MARKS = ("####", "\\boxed", "\\fbox")
"""What a worked reference marks its final answer with."""
_LONGEST_NULL = 8
"""Characters of the longest text that may stand for no value."""


@dataclass(slots=True)
class _Asked:
    """A row's question. ``taken``: columns that are wholly in it; ``answer``: the response of a chat that is in the
    same text."""

    text: str
    context: str = ""
    taken: list[str] = field(default_factory=list)
    answer: Sample | None = None


class Reader:
    """Reads rows by a mapping."""

    def __init__(self, mapping: Mapping, columns: Iterable[str]) -> None:
        known = list(columns)
        fields = {
            name: columns_of(spec, known)
            for name, spec in mapping.columns.items()
            if name not in ("difficulty", "pass_rate") and name not in OWN_FIELDS
        }
        self._query = fields.get("query") or columns_of("", known)
        self._response, self._rejected = fields.get("response"), fields.get("rejected")
        self._reasoning, self._answer, self._verdict = (fields.get(name) for name in ("reasoning", "answer", "verdict"))
        self._topic, self._level, self._reward = (fields.get(name) for name in ("topic", "level", "reward"))
        self._finish, self._solver = fields.get("finish_reason"), fields.get("solver")
        self._generator, self._id = fields.get("generator"), fields.get("id")
        self._difficulty = rates.share_of(spec, known) if (spec := mapping["difficulty"]) else None
        self._rates = rates.shares_of(spec, known) if (spec := mapping["pass_rate"]) else []
        self._exported = {name: column for name in OWN_FIELDS if (column := mapping[name]) is not None}
        self._same = self._response is not None and mapping["response"] == mapping["query"]
        self._plain = self._query.plain or "", (None if self._response is None else self._response.plain) or ""
        self._more_samples = [one for one in (self._reasoning, self._finish, self._solver, self._verdict) if one]
        self._one_by_one = self._rejected is not None or self._same or "" in self._plain or bool(self._more_samples)
        self._several = any(one in mapping.columns for one in ("answer", "topic", "level", "generator", "id", "reward"))
        self._several |= bool(self._rates or self._exported) or self._difficulty is not None
        self._grouped = mapping.grouped

    def parts(self, rows: Iterable[tuple[int, Row | Refused]]) -> Iterator[Part]:
        """All rows, ``ROWS`` imported ones a part (the last has what is left)."""
        if self._grouped:
            from engine.imports.grouping import parts

            yield from parts(self, rows)
            return
        part, add = Part(), self._add
        for place, row in rows:
            part.read += 1
            if row.__class__ is Refused:
                self._refuse(part, place, row, None)
            elif (reason := add(part, row)) is not None:  # type: ignore[arg-type]
                self._refuse(part, place, row, reason)
            if len(part.texts) == ROWS:
                yield part
                part = Part()
        if part.read:
            yield part

    def read(self, part: Part, place: int, row: Row | Refused) -> bool:
        """Adds a row to the part, as a question or as refused; returns which."""
        reason = None if isinstance(row, Refused) else self._add(part, row)
        if isinstance(row, Refused) or reason is not None:
            self._refuse(part, place, row, reason)
            return False
        return True

    @staticmethod
    def _refuse(part: Part, place: int, row: Row | Refused, reason: str | None) -> None:
        if isinstance(row, Refused):
            part.refused.append((place, row.reason, row.raw[:LONGEST_RAW]))
        else:
            part.refused.append((place, reason or "", to_json(row)[:LONGEST_RAW]))

    def _add(self, part: Part, row: Row) -> str | None:
        """Adds the row as a question; if it can't be one, returns the reason and leaves the part as it was."""
        if not self._one_by_one:  # the usual case: two texts as they are
            query, response = self._plain
            text, answer = row.get(query), row.get(response)
            if (
                text.__class__ is str
                and answer.__class__ is str
                and len(text) > _LONGEST_NULL
                and len(answer) > _LONGEST_NULL
                and not ("think" in answer or "thought|" in answer or answer[0] in "[<")
                and not (text[0] in "[{" or chats.may_be_transcript(text))
                and not (text.isspace() or answer.isspace())
            ):
                if self._several:
                    taken = [query, response]
                    self._more(part, row, [Sample(answer)], taken)
                    self._finish_row(part, row, text, [answer], taken)
                    return None
                part.texts.append(text)
                part.samples.append([answer])
                del row[query], row[response]
                part.extra.append(to_json(row) if row else "{}")
                return None
        return self._add_any(part, row)

    def _finish_row(self, part: Part, row: Row, text: str, texts: list[str], taken: list[Any]) -> None:
        part.texts.append(text)
        part.samples.append(texts)
        given = None
        if self._id is not None:
            path, given = self._id.values(row)[0]
            if path.flat and ("id" not in row or path.column == "id"):
                taken.append(path.column)
            given = None if "id" in row else given
        for name in taken:
            row.pop(name, None)
        if self._exported:
            values.unpack_own(row)
        if given is not None:
            row["id"] = given
        part.extra.append(to_json(row) if row else "{}")

    def _add_any(self, part: Part, row: Row) -> str | None:
        self._options = 0
        asked = self._question(row)
        if isinstance(asked, Refused):
            return asked.reason
        taken = asked.taken
        found = self._samples(row, asked, taken)
        if found is None:
            return "response is not text"
        rejected = None
        if self._rejected is not None and found:
            more = self._responses(self._rejected, row, taken)
            there = [one for one in more.found if one is not None] if more is not None else []
            rejected = len(found) if there else None
            found += there
        place = len(part.texts)
        found = self._with_columns(part, row, found, taken)
        self._more(part, row, found, taken)
        part_of = (("reasoning", part.reasoning), ("cut", part.cut), ("solver", part.solvers))
        for name, column in part_of:
            several = [getattr(one, name) for one in found]
            if any(one is not None for one in several):
                column[place] = several
        if place not in part.rewards and any(one.reward is not None for one in found):
            part.rewards[place] = [one.reward for one in found]
        if rejected is not None:
            part.rejected[place] = rejected
        if asked.context:
            part.contexts[place] = asked.context
        self._finish_row(part, row, asked.text, [one.text for one in found], taken)
        self._aligned = None
        return None

    def _question(self, row: Row) -> _Asked | Refused:
        """The text of the question: of a text, a chat or a template, and of several columns that are joined."""
        text, context, taken, answer = "", "", [], None
        for place, (path, value) in enumerate(self._query.values(row)):
            if is_null(value):
                taken += [path.column] if path.flat and value in (None, "") else []
                continue
            if place and (letter := options.letter_of(path.column)) is not None:
                text = f"{text}\n({letter}) {value}"
                taken += [path.column] if path.flat and isinstance(value, str) else []
                continue
            written = isinstance(value, str)
            if not written or value[:1] in "[{" or chats.may_be_transcript(value):
                turns = chats.turns_of(value)
                if turns is None and written:
                    turns = chats.transcript(value)
                if turns is not None:
                    chat = chats.exchange(turns, self._same or (written and self._response is None))
                    if chat.query is None:
                        continue
                    answer = samples.joined(chat.response) if chat.response is not None else answer
                    context = chat.context
                    text = f"{text}\n\n{chat.query}" if text else chat.query
                    taken += [path.column] if path.flat and chat.whole and not written else []
                    continue
            if written and not (place and value[:1] in "[{"):
                text = f"{text}\n\n{value}" if text else value
                taken += [path.column] if path.flat else []
            elif place and (lines := options.lines_of(value, label=self._names_option(row, value))):
                text = f"{text}\n" + "\n".join(lines) if text else "\n".join(lines)
            else:
                return Refused("query is not text", "")
        return _Asked(text, context, taken, answer) if text and not text.isspace() else _NO_QUERY

    def _names_option(self, row: Row, value: Any) -> bool:
        """Whether the gold answer names an option by its letter, or by its place in a list of texts."""
        golds = [gold for _, gold in self._answer.values(row)] if self._answer is not None else []
        self._options = options.places(value)
        return any(options.is_letter(gold) or options.letter_at(gold, self._options) for gold in golds)

    def _samples(self, row: Row, asked: _Asked, taken: list[str]) -> list[Sample] | None:
        """The responses to the question; None for a value that is none."""
        if self._same:
            value = self._query.values(row)[0][1]
            whole = isinstance(value, str) and asked.answer is None and chats.turns_of(value) is None
            return None if whole else [] if asked.answer is None else [asked.answer]
        if self._response is None:
            return [] if asked.answer is None else [asked.answer]
        found = self._responses(self._response, row, taken)
        if found is None:
            return None
        there = [one for one in found.found if one is not None]
        if len(there) < len(found.found) and there:
            self._aligned = [place for place, one in enumerate(found.found) if one is not None]
        else:
            self._aligned = None
        return there

    _options = 0
    """Of the row at hand: how many options, all texts, its question has."""
    _aligned: list[int] | None = None
    """Of the row at hand: the places of its samples, where some have no text."""

    @staticmethod
    def _responses(columns: Columns, row: Row, taken: list[str]) -> samples.Samples | None:
        """The responses of a column, or of several. What is left of an object goes back into the row."""
        found: list[Sample | None] = []
        for path, value in columns.values(row):
            if path.several:
                one = samples.of([None if is_null(each) else each for each in value])
                one = samples.Samples([each for each in one.found if each is not None], one.left) if one else None
            else:
                transcript = isinstance(value, str) and chats.may_be_transcript(value)
                turns = chats.transcript(value) if transcript else None
                if turns is not None and turns[-1].role == chats.ASSISTANT:
                    found.append(samples.joined(turns[-1]))
                    continue
                one = samples.of(value)
            if one is None:
                return None
            found += one.found
            if path.flat and one.left is not None and not isinstance(one.left, str):
                row[path.column] = one.left
            elif path.several and one.left is None:
                taken += path.several
            elif path.flat and one.left is None and (one.found or value in (None, "", [])):
                taken.append(path.column)
        return samples.Samples(found)

    def _with_columns(self, part: Part, row: Row, found: list[Sample], taken: list[str]) -> list[Sample]:
        """The samples with what other columns say of each: reasoning, finish reason, solver, verdict."""
        if not found:
            return found
        if self._reasoning is not None:
            found = self._reasoned(part, row, found, taken)
        if self._solver is not None:
            names = self._per_sample(self._solver, row, len(found))
            found = [replace(s, solver=s.solver or values.name(n)) for s, n in zip(found, names, strict=True)]
            for path, value in self._solver.values(row):
                taken += [path.column] if path.flat and all(one.solver == value for one in found) else []
        if self._finish is not None:
            for path, value in self._finish.values(row):
                ends = [values.is_cut(one) for one in self._spread(value, len(found))]
                found = [
                    s if end is None else replace(s, cut=end or s.cut is True)
                    for s, end in zip(found, ends, strict=True)
                ]
                taken += [path.column] if path.flat and value in ("stop", "length") else []
        if self._verdict is not None:
            said = self._per_sample(self._verdict, row, len(found))
            if any(isinstance(one, bool) for one in said):
                part.verdicts[len(part.texts)] = [one if isinstance(one, bool) else None for one in said]
            elif not all(is_null(one) for one in said):
                part.unread["verdict"] += 1
        return found

    def _reasoned(self, part: Part, row: Row, found: list[Sample], taken: list[str]) -> list[Sample]:
        assert self._reasoning is not None
        path, value = self._reasoning.values(row)[0]
        thoughts = self._spread(value, len(found))
        if not all(isinstance(one, str) or one is None for one in thoughts):
            part.unread["reasoning"] += 1
            return found
        if path.flat and (isinstance(value, str) or any(thoughts)) and all(s.reasoning is None for s in found):
            taken.append(path.column)
        return [
            replace(s, reasoning=thought) if thought and s.reasoning is None else s
            for s, thought in zip(found, thoughts, strict=True)
        ]

    def _per_sample(self, columns: Columns, row: Row, size: int) -> list[Any]:
        return self._spread(columns.values(row)[0][1], size)

    def _spread(self, value: Any, size: int) -> list[Any]:
        """One value a sample: of a list as long, else the same for all."""
        value = parsed(value)
        if not isinstance(value, list):
            return [value] * size
        if self._aligned is not None and len(value) > self._aligned[-1]:
            value = [value[place] for place in self._aligned]
        return value if len(value) == size else [None] * size

    def _more(self, part: Part, row: Row, found: list[Sample], taken: list[Any]) -> None:
        """What is mapped of a question besides its text; a value that its field cannot hold stays in ``extra``."""
        if self._answer is not None:
            part.references.append(self._reference(part, row, taken))
        if self._topic is not None:
            part.topics.append(self._mapped(part, row, "topic", self._topic, taken))
        if self._level is not None:
            part.levels.append(self._mapped(part, row, "level", self._level, []))  # the value stays in ``extra`` too
        if self._difficulty is not None:
            part.difficulties.append(self._share(part, row, taken))
        if self._generator is not None:
            path, value = self._generator.values(row)[0]
            part.generators.append(values.name(value))
            taken += [path.column] if path.flat and part.generators[-1] == (value or None) else []
        if self._reward is not None and found:
            self._rewards(part, row, len(found), taken)
        if self._rates:
            several, whole = rates.rates(self._rates, row)
            if several:
                part.rates[len(part.texts)] = several
            part.unread["pass_rate"] += not whole
        if self._exported:
            part.exported[len(part.texts)] = {name: row.get(column) for name, column in self._exported.items()}
            taken += self._exported.values()

    def _reference(self, part: Part, row: Row, taken: list[Any]) -> str | None:
        """The reference answer: the value itself, the text after the ``####`` of a worked solution, or its box."""
        assert self._answer is not None
        found: list[str] = []
        for path, value in self._answer.values(row):
            if (letter := options.letter_at(value, self._options)) is not None:
                found.append(letter)
                continue
            own = isinstance(value, str) and self._response is not None and path.column == self._response.plain
            if own and "####" not in value:
                continue  # the response itself, which states no reference
            if (one := values.answer(value)) is not None:
                found.append(_final(one))
                if path.flat and not isinstance(value, (list, dict)) and found[-1] == str(value).strip():
                    taken.append(path.column)
            elif not is_null(value):
                part.unread["answer"] += 1
            elif path.flat and value in (None, ""):
                taken.append(path.column)
        return ", ".join(found) or None

    def _rewards(self, part: Part, row: Row, size: int, taken: list[Any]) -> None:
        """One for each sample from the first on, from a number or a list of them."""
        assert self._reward is not None
        several = self._reward.values(row)
        value = parsed(several[0][1]) if len(several) == 1 else [one for _, one in several]
        if is_null(value) or value == []:
            return
        given = value
        if isinstance(value, list) and self._aligned is not None and len(value) > self._aligned[-1]:
            value = [value[place] for place in self._aligned]
        found = values.rewards(value)
        if found is None or (isinstance(value, list) and len(found) != size):
            part.unread["reward"] += 1
            return
        part.rewards[len(part.texts)] = found + [None] * (size - len(found))
        if value is given and all(_exact(one) for one in (value if isinstance(value, list) else [value])):
            taken += [path.column for path, one in several if path.flat and not isinstance(one, str)]

    def _share(self, part: Part, row: Row, taken: list[Any]) -> float | None:
        assert self._difficulty is not None
        value, found = self._difficulty.path.of(row), self._difficulty.of(row)
        if found is None and not is_null(value):
            part.unread["difficulty"] += 1
        elif self._difficulty.path.flat and found == value:
            taken.append(self._difficulty.path.column)
        return found

    @staticmethod
    def _mapped(part: Part, row: Row, name: str, columns: Columns, taken: list[Any]) -> Any:
        """The value that the field can hold; any other stays in ``extra``."""
        path, value = columns.values(row)[0]
        found = (values.topic if name == "topic" else values.level)(parsed(value) if name == "topic" else value)
        if found is None and not is_null(value):
            part.unread[name] += 1
        elif path.flat and (found == value or value in (None, "")):
            taken.append(path.column)
        return found


def _exact(value: Any) -> bool:
    """Whether a number is stored as it is."""
    return isinstance(value, float) or (isinstance(value, int) and abs(value) <= 1 << 53) or value is None


def _final(text: str) -> str:
    """The final answer of a reference that states it after ``####`` or in a box; any other as it is."""
    return (extract(text) or text) if any(mark in text for mark in _MARKS) else text
