"""Turns parts and their scores into columns of the store, with the verdict of every stage up to the first drop.

A stage that isn't run keeps the question, and its judge is ``import``. Unlike a generated run, an import looks only for
exact duplicates and drops nothing for its difficulty. A column with one value is made as a constant, which halves the
time of an import of a million rows.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from engine.imports.mapping import Mapping
from engine.imports.rows import Part
from engine.imports.scores import Scores, topic_model
from engine.stages import language
from engine.text.answers import settle
from engine.text.linear_classifier import LEVEL_BASED
from store.database import bulk_insert
from store.database.arrow import as_json
from store.records import STAGES, question_id

Keys = tuple[pa.Array, pa.Array]
"""question_id and idx of a part's questions."""
Answers = list[list[str | None]]
CAME = "import"
_STAGE = {stage: position for position, stage in enumerate(STAGES, 1)}
_KEPT = len(STAGES) + 1
_NO_MORE = (None,) * 6


def judges(mapping: Mapping, scored: bool) -> dict[str, str]:
    """By stage, who judges an import."""
    by = dict.fromkeys(STAGES, CAME)
    if scored:
        by |= {"language": language.JUDGE, "duplicate": "exact"}
        if mapping["difficulty"] is None:
            by["difficulty"] = LEVEL_BASED
    return by


class Tables:
    """Collects parts into chunks for the store. The idx of a question is its number among the imported rows."""

    def __init__(self, run_id: str, generator: str, mapping: Mapping, scored: bool) -> None:
        self._run_id, self._generator, self._mapping = run_id, generator, mapping
        self._judges = judges(mapping, scored)
        self._topic_model = topic_model() if scored else None
        self._next = 0
        self._first: dict[int, int] = {}
        self._waiting: list[tuple[pa.Table, ...]] = []
        self.rows = 0
        """Questions collected and not yet taken."""

    def add(self, part: Part, scores: Scores | None) -> None:
        ids = [question_id(self._run_id, idx) for idx in range(self._next, self._next + len(part))]
        answers = self._answers(part, scores)
        keys = (pa.array(ids, pa.string()), pa.array(np.arange(self._next, self._next + len(part))))
        questions = self._questions(part, scores, ids, keys, answers)
        solutions = self._solutions(part, keys, answers)
        refused = _table(bulk_insert.REFUSED, list(zip(*part.refused, strict=True)), len(part.refused))
        rates = bulk_insert.RATES.empty_table()
        self._waiting.append((questions, solutions, rates, refused, self._decisions(part, ids)))
        self._next += len(part)
        self.rows += len(part)

    def take(self) -> bulk_insert.Chunk:
        """All that was collected."""
        parts, self._waiting, self.rows = self._waiting, [], 0
        questions, solutions, rates, refused, decisions = (
            bulk_insert.pieces(pa.concat_tables(tables)) for tables in zip(*parts, strict=True)
        )
        return bulk_insert.Chunk(questions, solutions, rates, refused, decisions, self._judges)

    def _answers(self, part: Part, scores: Scores | None) -> Answers | None:
        """Final answers by question and sample; None where they weren't extracted."""
        if not part.exported:
            return scores.answers if scores is not None else None
        found: Answers = scores.answers if scores is not None else [[None] * len(several) for several in part.samples]
        for place, fields in part.exported.items():
            if fields.get("stated") and found[place]:
                found[place][0] = str(fields["stated"])
        return found

    def _questions(
        self, part: Part, scores: Scores | None, ids: list[str], keys: Keys, answers: Answers | None
    ) -> pa.Table:
        drop_at, drop_reason, repeats = self._drops(part, scores, ids)
        difficulty, remark = self._difficulty(part, scores)
        topics, models = self._topics(part, scores)
        columns = (
            *keys,
            part.texts,
            part.extra,
            [name or self._generator for name in part.generators] if self._mapping["generator"] else self._generator,
            part.references if self._mapping["answer"] else None,
            drop_at,
            None,
            drop_reason,
            repeats,
            difficulty,
            remark,
            None if scores is None or answers is None else [_share(several) for several in answers],
            topics,
            models,
            self._chosen(part, answers),
            _exported(part, "agreement", _number_text),
            _exported(part, "majority_answer", str),
            part.levels if self._mapping["level"] else None,
            None,
            None,
        )
        return _table(bulk_insert.QUESTIONS, columns, len(part))

    def _topics(self, part: Part, scores: Scores | None) -> tuple[Any, Any]:
        """The file's own topic where it has one, else the model's; and the model of each."""
        if self._mapping["topic"] is None:
            return (None, None) if scores is None else (scores.topics, self._topic_model)
        found = [mine or (scores.topics[i] if scores is not None else None) for i, mine in enumerate(part.topics)]
        return found, [CAME if mine else self._topic_model for mine in part.topics]

    def _chosen(self, part: Part, answers: Answers | None) -> Any:
        """By question the sample that makes the pair: the first that states the reference answer, else the first."""
        if answers is not None and self._mapping["answer"] is not None and self._mapping["rejected"] is None:
            return [_chosen(*row) for row in zip(part.samples, answers, part.references, strict=True)]
        return "0" if all(part.samples) else ["0" if several else None for several in part.samples]

    def _drops(self, part: Part, scores: Scores | None, ids: list[str]) -> tuple[Any, Any, Any]:
        """By question: position of the stage that drops it, why, and the question that it repeats."""
        rows: list[tuple[int, str | None, str | None]]
        if scores is None:
            if all(part.samples):
                return _KEPT, None, None
            none = (_STAGE["solution"], "no_answer", None)
            rows = [(_KEPT, None, None) if several else none for several in part.samples]
        else:
            rows = [self._drop(i, scores, ids) for i in range(len(part))]
        return tuple(zip(*rows, strict=True)) if rows else ([], [], [])  # type: ignore[return-value]

    def _drop(self, place: int, scores: Scores, ids: list[str]) -> tuple[int, str | None, str | None]:
        if scores.reasons[place] is not None:
            return _STAGE["language"], scores.reasons[place], None
        first = self._first.setdefault(scores.exact[place], self._next + place)
        if first != self._next + place:
            return _STAGE["duplicate"], "exact_duplicate", question_id(self._run_id, first)
        if all(answer is None for answer in scores.answers[place]):
            return _STAGE["solution"], "no_answer", None
        return _KEPT, None, None

    def _difficulty(self, part: Part, scores: Scores | None) -> tuple[Any, Any]:
        """The file's own where it is mapped, else the level model's, with a remark on texts outside its domain."""
        if self._mapping["difficulty"] is not None:
            return part.difficulties, None
        if scores is None:
            return None, None
        return scores.levels, ["outside_domain" if level is None else None for level in scores.levels]

    def _solutions(self, part: Part, keys: Keys, answers: Answers | None) -> pa.Table:
        if all(len(several) == 1 for several in part.samples):  # the usual case, in whole columns
            found = [one[0] for one in answers] if answers is not None else None
            rewards = [part.rewards.get(i, [None])[0] for i in range(len(part))] if part.rewards else None
            texts = [several[0] for several in part.samples]
            return _table(bulk_insert.SOLUTIONS, (*keys, 0, texts, found, rewards, *_NO_MORE), len(part))
        rows = [
            (i, sample, text, answers[i][sample] if answers is not None else None, _at(part.rewards.get(i, []), sample))
            for i, several in enumerate(part.samples)
            for sample, text in enumerate(several)
        ]
        places, *columns = zip(*rows, strict=True) if rows else [()] * 5
        ids, idx = (key.take(pa.array(places, pa.int64())) for key in keys)
        return _table(bulk_insert.SOLUTIONS, (ids, idx, *columns, *_NO_MORE), len(rows))

    def _decisions(self, part: Part, ids: list[str]) -> pa.Table:
        """The decisions in our own export, so that the review continues from there."""
        rows: list[tuple[str, str, int, str, str]] = []
        for i, fields in part.exported.items():
            events: list[tuple[str, dict[str, Any]]] = []
            if fields.get("edited") is True and part.samples[i]:  # the file has only the texts after the edit
                answer = {"answer": fields["stated"]} if fields.get("stated") else {}
                events.append(("edit", {"query": part.texts[i], "response": part.samples[i][0], **answer}))
            verb = {"accepted": "accept", "rejected": "reject", "skipped": "skip"}.get(str(fields.get("status")))
            if verb is not None:
                events.append((verb, {}))
            events += [("tag", {"tag": str(tag)}) for tag in fields.get("tags") or ()]
            rows += [
                (f"{ids[i]}-{CAME}-{k}", ids[i], self._next + i, action, as_json(payload))
                for k, (action, payload) in enumerate(events)
            ]
        return _table(bulk_insert.DECISIONS, list(zip(*rows, strict=True)), len(rows))


def _share(answers: list[str | None]) -> float:
    return sum(answer is not None for answer in answers) / len(answers) if answers else 0.0


def _chosen(samples: list[str], answers: list[str | None], reference: str | None) -> str | None:
    if len(samples) > 1 and reference is not None:
        for sample, answer in enumerate(answers):
            if answer is not None and settle(answer, reference):
                return str(sample)
    return "0" if samples else None


def _exported(part: Part, name: str, shown: Callable[[Any], str | None]) -> list[str | None] | None:
    if not part.exported:
        return None
    values = [part.exported.get(i, {}).get(name) for i in range(len(part))]
    return [None if value is None else shown(value) for value in values]


def _number_text(value: Any) -> str | None:
    return str(value) if isinstance(value, (int, float)) and value == value else None


def _at(values: list[float | None], place: int) -> float | None:
    return values[place] if place < len(values) else None


def _table(schema: pa.Schema, columns: Sequence[Any], n: int) -> pa.Table:
    """``n`` rows; a column is its values, one value for all rows, or None for no value in any."""
    if not n:
        return schema.empty_table()
    return pa.table(
        [_column(values, kind.type, n) for values, kind in zip(columns, schema, strict=True)], schema=schema
    )


def _column(values: Any, kind: pa.DataType, n: int) -> pa.Array:
    if values is None:
        return pa.nulls(n, kind)
    if isinstance(values, (str, int)):
        return pa.repeat(pa.scalar(values, kind), n)
    # The system's own allocator grows a buffer in place; Arrow's copies it, which costs three times the time.
    return values if isinstance(values, pa.Array) else pa.array(values, kind, memory_pool=pa.system_memory_pool())
