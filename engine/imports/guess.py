"""Which column holds what, guessed from the usual names (``engine.data.columns``) and from the values under them.

A column of a usual name counts if most of its values are of the kind that the field takes. Objects and JSON text are
looked into where no column has such a name itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Mapping as AnyMapping
from statistics import median
from typing import Any

from engine.data import columns as usual
from engine.data.rows import Row
from engine.imports import chats, options, samples, values
from engine.imports.paths import NUMBERS, columns_of
from engine.imports.rates import is_rate_name
from engine.imports.values import is_null, parsed

OWN = ("query", "response", "answer", "reference_answer", "majority_answer", "n_solutions", "status", "tags", "edited")
"""Columns by which our own full export is known: its ``answer`` is what the response states."""
OWN_FIELDS = ("stated", "agreement", "majority_answer", "status", "tags", "edited")
_LONG = 80
"""Characters of an ``answer``, from which on it is a worked solution."""
_DEEPEST, _MOST_PATHS = 3, 300
_ABOUT = frozenset(usual.key(name) for name in ("extra_info", "metadata", "meta", "info", "extra", "arguments", "args"))
"""Objects with facts about a row, in which no question or response is looked for."""
_CALLED = ("text", "transcript", "prompt", "formatted_prompt", "content")
"""Columns that may hold a chat as text."""
_NUMBERED = re.compile(r"(.*?[a-z])(_?)(\d+)", re.IGNORECASE)
_RESPONSE_WORDS = (
    "solution",
    "response",
    "generation",
    "completion",
    "output",
    "sample",
    "rollout",
    "attempt",
    "answer",
)


class Seen:
    """The first rows by path: columns, and the fields of objects in them."""

    def __init__(self, rows: Sequence[Row], columns: Sequence[str]) -> None:
        self.rows, self.columns = rows, columns
        self._values: dict[str, list[Any]] = {}
        self.nested = self._paths()

    def _paths(self) -> list[str]:
        found: dict[str, None] = {}

        def walk(value: Any, path: str, depth: int) -> None:
            value = parsed(value)
            if isinstance(value, list) and any(
                isinstance(one, dict) and ("role" in one or "from" in one) for one in value
            ):
                for message in value:
                    walk(message, path, depth)
                return
            if not isinstance(value, dict) or depth > _DEEPEST or len(found) > _MOST_PATHS:
                return
            for name, one in value.items():
                if isinstance(name, str) and name and "." not in name and "+" not in name and "|" not in name:
                    found[f"{path}.{name}"] = None
                    walk(one, f"{path}.{name}", depth + 1)

        for row in self.rows[:20]:
            for name, value in row.items():
                walk(value, name, 1)
        return sorted(found, key=lambda path: path.count("."))

    def values(self, path: str) -> list[Any]:
        """The values that are not null."""
        if path not in self._values:
            where = columns_of(path, self.columns).choices[0][0]
            self._values[path] = [value for row in self.rows if not is_null(value := where.of(row))]
        return self._values[path]

    def mostly(self, path: str, kind: Callable[[Any], object]) -> bool:
        """Whether there are values, and more than half are of the kind."""
        found = self.values(path)
        return sum(bool(kind(value)) for value in found) * 2 > len(found)

    def none_or_mostly(self, path: str, kind: Callable[[Any], object]) -> bool:
        return not self.values(path) or self.mostly(path, kind)

    def find(self, names: Sequence[str], kind: Callable[[Any], object], *, nested: bool = False) -> str | None:
        """The first name under which such values are, among the columns, else inside objects."""
        by_key: dict[str, list[str]] = {}
        for column in self.columns:
            by_key.setdefault(usual.key(column), []).append(column)
        for name in names:
            alike = sorted(by_key.get(usual.key(name), ()), key=lambda column: column != name)
            for column in alike:
                if self.mostly(column, kind):
                    return column
        return self._inside(names, kind) if nested else None

    def _inside(self, names: Sequence[str], kind: Callable[[Any], object]) -> str | None:
        keys = [usual.key(name) for name in names]
        there = [path for path in self.nested if usual.key(path.rpartition(".")[2]) in keys]
        there.sort(key=lambda path: (_is_about(path), keys.index(usual.key(path.rpartition(".")[2])), path.count(".")))
        return next((path for path in there if self.mostly(path, kind)), None)


def _is_about(path: str) -> bool:
    return any(usual.key(step) in _ABOUT for step in path.split(".")[:-1])


def fields(seen: Seen, given: AnyMapping[str, str]) -> dict[str, str]:
    """Field -> columns. A field that is given is taken as it is."""
    found: dict[str, str] = {}
    own = all(name in seen.columns for name in OWN)
    if own:
        found = {name: name for name in OWN_FIELDS[1:] if name in seen.columns} | {"stated": "answer"}
    query = given.get("query") or _query(seen)
    if query is not None:
        found["query"] = query
    pairs = seen.find(usual.CHOSEN, _is_response), seen.find(usual.REJECTED, _is_response)
    if None not in pairs and "response" not in given:
        found["response"], found["rejected"] = str(pairs[0]), str(pairs[1])
    else:
        response = given.get("response", _response(seen, found.get("query", "")))
        if response:
            found["response"] = response
    answer = given.get("answer") or _answer(seen, found, own)
    if answer is None and "response" not in given and _is_gold(seen, found):
        answer = found.pop("response")
    if answer is not None:
        found["answer"] = answer
        if "response" not in given and _is_same(seen, found):
            del found["response"]
    return found | _further(seen, {**found, **given}, own)


def _query(seen: Seen) -> str | None:
    found = seen.find(usual.QUESTION, _is_question) or seen.find((*usual.CHAT, *usual.STORY), chats.turns_of)
    if found is None:
        inside = [path for path in seen.nested if not _is_about(path)]
        found = next(
            (
                path
                for name in (*usual.QUESTION, *usual.CHAT)
                for path in inside
                if usual.key(path.rpartition(".")[2]) == usual.key(name) and seen.mostly(path, _is_question)
            ),
            None,
        )
    if found is None:
        found = seen.find(("chosen", *_CALLED), _is_whole_chat)
    if found is None and (named := usual.find(usual.QUESTION, seen.columns)) is not None and not seen.values(named):
        return named  # without a value in the first rows
    return None if found is None else _joined(seen, found)


def _joined(seen: Seen, query: str) -> str:
    """With the columns that belong to the question: its input, its story, its options."""
    key = usual.key(query)
    more = usual.find(("input",), seen.columns)
    if key == "instruction" and more is not None and seen.none_or_mostly(more, _is_text):
        return f"{query}+{more}"
    if key == "instruction" and (story := seen.find(("context",), _is_text)) is not None:
        return query if _contains(seen, query, story) else f"{query}+{story}"
    if key in ("question", "query", "problem") and seen.mostly(query, _is_text):
        story = seen.find(usual.STORY, _is_text)
        if story is not None and story != query and not _contains(seen, query, story):
            query = f"{story}+{query}"
    listed = seen.find(usual.OPTIONS, options.are_options, nested=key not in ("instruction",))
    if listed is not None and not _is_about(listed) and "+" not in listed and not _contains(seen, query, listed):
        return f"{query}+{listed}"
    if listed is None:
        return "+".join([query, *options.lettered(seen.columns)])
    return query


def _contains(seen: Seen, query: str, column: str) -> bool:
    """Whether the question has the other column's texts already."""
    asked, more = columns_of(query, seen.columns), columns_of(column, seen.columns).choices[0][0]
    inside = total = 0
    for row in seen.rows:
        text = " ".join(str(value) for _, value in asked.values(row))
        lines = options.lines_of(more.of(row))
        total += bool(lines)
        inside += bool(lines) and all(line in text for line in lines)
    return inside * 2 > total


def _response(seen: Seen, query: str) -> str | None:
    asked = {path.column for paths in columns_of(query, seen.columns).choices for path in paths} if query else set()
    names = [name for name in usual.RESPONSE if name not in asked]
    first = seen.find(names, _is_response)
    if first is not None and first in asked:
        first = None
    several = _numbered(seen)
    if several is not None and (first is None or usual.key(first) in ("solution", "output", "answer")):
        return several
    if first is not None:
        return first
    named = seen.find(("answers",), _of_models)
    if named is not None:
        return named
    chat = seen.find(usual.CHAT, chats.turns_of)
    if chat is not None and seen.mostly(chat, _has_response):
        return chat
    if query in _columns_like(seen, (*_CALLED, "query", "question")) and seen.mostly(query, _is_whole_chat):
        return query
    worked = next((name for name in _columns_like(seen, usual.ANSWER) if _worked(seen, name)), None)
    if worked is not None or chat is not None:
        return worked or chat
    thought = seen.find(usual.REASONING, _is_reasoning)
    return thought if thought is not None and thought not in asked else None


def _columns_like(seen: Seen, names: Iterable[str]) -> list[str]:
    keys = {usual.key(name) for name in names}
    return [column for column in seen.columns if usual.key(column) in keys]


def _numbered(seen: Seen) -> str | None:
    """``r1_solution_*`` for columns of responses that end in 1 to n."""
    families: dict[str, int] = {}
    for column in seen.columns:
        match = _NUMBERED.fullmatch(column)
        if match and any(word in match[1].casefold() for word in _RESPONSE_WORDS) and seen.mostly(column, _is_response):
            family = f"{match[1]}{match[2]}{NUMBERS}"
            families[family] = families.get(family, 0) + len(seen.values(column))
    several = {family: n for family, n in families.items() if n}
    return max(several, key=lambda family: several[family]) if several else None


def _answer(seen: Seen, found: AnyMapping[str, str], own: bool) -> str | None:
    if own:
        return "reference_answer" if "reference_answer" in seen.columns else None
    names = [
        name for name in usual.ANSWER if name not in (found.get("query"), name == "answers" and found.get("response"))
    ]
    answer = seen.find(names, values.answer, nested=True)
    if answer is not None and answer != found.get("query"):
        return answer  # the response itself, where that is `answer`: the text after its ####
    for name in ("correct", "correct_option", "label", "output"):
        candidate = seen.find((name,), lambda value: not isinstance(value, (bool, list, dict)))
        known = (found.get("response"), found.get("query"))
        if candidate is not None and candidate not in known and not (name == "label" and _worked(seen, candidate)):
            return candidate if name != "label" or not found.get("response") else None
    return None


def _is_gold(seen: Seen, found: AnyMapping[str, str]) -> bool:
    """Whether the solutions beside prompts of messages are gold answers, as TRL's trainers read them."""
    query, response = found.get("query", ""), found.get("response", "")
    if usual.key(response) != "solution" or not seen.mostly(query, chats.turns_of):
        return False
    texts = [value for value in seen.values(response) if isinstance(value, str)]
    return bool(texts) and median(map(len, texts)) <= _LONG / 2 and not any("\n" in text for text in texts)


def _is_same(seen: Seen, found: AnyMapping[str, str]) -> bool:
    """Whether the column ``solution`` only repeats the gold answer (DAPO-Math-17k-Processed)."""
    response = found.get("response", "")
    if usual.key(response) != "solution" or found["answer"] == response:
        return False
    solution, gold = (columns_of(path, seen.columns).choices[0][0] for path in (response, found["answer"]))
    pairs = [(values.answer(solution.of(row)), values.answer(gold.of(row))) for row in seen.rows]
    return sum(one is not None and one == other for one, other in pairs) * 2 > len(pairs)


def _worked(seen: Seen, column: str) -> bool:
    """Whether a column of answers holds worked solutions (GSM8K) and not final answers (MATH)."""
    texts = [value for value in seen.values(column) if isinstance(value, str)]
    return bool(texts) and (any("####" in text for text in texts) or median(map(len, texts)) > _LONG)


def _further(seen: Seen, found: AnyMapping[str, str], own: bool) -> dict[str, str]:
    """What is known besides question, response and answer."""
    more: dict[str, str | None] = {}
    response = found.get("response")
    free = [*usual.REASONING] if response else []
    more["reasoning"] = seen.find(free, _is_reasoning)
    if more["reasoning"] in (response, found.get("query")):
        more["reasoning"] = None
    if response and "rejected" not in found:
        more["verdict"] = seen.find(("label", "verdict", "desirable", "is_desirable"), lambda v: isinstance(v, bool))
    more["topic"] = _topic(seen, own)
    more["level"] = seen.find(("level",), values.level) or _level(seen)
    more["difficulty"] = _difficulty(seen, own)
    more["pass_rate"] = "rates" if own and "rates" in seen.columns else _rates(seen, found)
    if response:
        more["reward"] = _reward(seen, found)
        more["finish_reason"] = "+".join(_finish(seen)) or None
        more["solver"] = seen.find(usual.SOLVER, lambda value: values.name(value) or isinstance(value, list))
    generator = seen.find(("generator",), values.name)
    more["generator"] = generator
    return {name: spec for name, spec in more.items() if spec}


def _topic(seen: Seen, own: bool) -> str | None:
    if own and "topic" in seen.columns:
        return "topic"
    return seen.find(usual.TOPIC, values.topic)


def _level(seen: Seen) -> str | None:
    """A difficulty on another scale than a fail rate is a level."""
    column = seen.find(("difficulty", "difficulty_level"), values.level)
    if column is None or (usual.key(column) == "difficulty" and values.are_shares(seen.values(column))):
        return None
    return column


def _difficulty(seen: Seen, own: bool) -> str | None:
    column = seen.find(("difficulty",), values.share)
    if column is None:
        return "difficulty" if own and "difficulty" in seen.columns else None
    return column if values.are_shares(seen.values(column)) else None


def _rates(seen: Seen, found: AnyMapping[str, str]) -> str | None:
    """Measured pass rates, by the columns' names."""
    rates: list[str] = []
    for path in [*seen.columns, *seen.nested]:
        name = path.rpartition(".")[2] if path in seen.nested else path
        if is_rate_name(name) and seen.mostly(path, _is_rate):
            rates.append(path)
    if not rates and (column := seen.find(("fail_rate",), values.share)) is not None:
        rates.append(f"1-{column}")
    for right, of in (("tot_n_corrects", "tot_n_samples"), ("n_correct", "n_samples")):
        if not rates and right in seen.columns and of in seen.columns and seen.mostly(right, _is_number):
            rates.append(f"{right}/{of}")
    return "+".join(rates) or None


def _is_rate(value: Any) -> bool:
    value = parsed(value)
    if isinstance(value, dict):
        return bool(value) and all(is_null(one) or values.share(one) is not None for one in value.values())
    return values.share(value) is not None or values.number(value) == -1  # not measured


def _is_number(value: Any) -> bool:
    return values.number(value) is not None


def _reward(seen: Seen, found: AnyMapping[str, str]) -> str | None:
    if "rejected" in found:
        for name in ("score", "rating", "reward"):
            for one, other in ((f"{name}_chosen", f"{name}_rejected"), (f"chosen_{name}", f"rejected_{name}")):
                if one in seen.columns and other in seen.columns:
                    return f"{one}+{other}"
        return None  # a list of ratings may be in any order (distilabel's is that of its ``generations``)
    return seen.find(usual.REWARD, values.rewards)


def _finish(seen: Seen) -> list[str]:
    def kind(value: Any) -> bool:
        return any(values.is_cut(one) is not None for one in (value if isinstance(value, list) else [value]))

    several = [seen.find((name,), kind) for name in usual.FINISH]
    return list(dict.fromkeys(one for one in several if one is not None))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_reasoning(value: Any) -> bool:
    """A text, or a list of one a sample; not a switch ("on")."""
    return isinstance(value, list) or (isinstance(value, str) and len(value.split()) > 1)


def _is_question(value: Any) -> bool:
    if isinstance(value, str):
        return True
    turns = chats.turns_of(value) if isinstance(value, (list, dict)) else None
    return turns is not None and any(turn.role == chats.USER for turn in turns)


def _is_whole_chat(value: Any) -> bool:
    if isinstance(value, str):
        turns = chats.transcript(value) if chats.may_be_transcript(value) else None
    else:
        turns = chats.turns_of(value)
    return turns is not None and _is_answered(turns)


def _is_answered(turns: list[chats.Turn]) -> bool:
    found = chats.exchange(turns)
    return found.query is not None and found.response is not None


def _has_response(value: Any) -> bool:
    turns = chats.turns_of(value)
    return turns is not None and _is_answered(turns)


def _is_response(value: Any) -> bool:
    found = samples.of(value)
    return found is not None and any(one is not None for one in found.found)


def _of_models(value: Any) -> bool:
    found = samples.of(value)
    return found is not None and any(one is not None and one.solver is not None for one in found.found)
