"""Turns parts and their scores into columns of the store, with the verdict of every stage up to the first drop.

A stage that isn't run keeps the question, and its judge is ``import``. Unlike a generated run, an import looks only for
exact duplicates and drops nothing for its difficulty. A column with one value is made as a constant, which halves the
time of an import of a million rows.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from engine.imports.choice import Choice, choose
from engine.imports.mapping import Mapping
from engine.imports.part import Part
from engine.imports.scores import Scores, rewards_of, stated_in, topic_model
from engine.stages import language
from engine.text.answers import against_gold
from engine.text.linear_classifier import LEVEL_BASED
from store.database import bulk_insert
from store.database.arrow import as_json
from store.records import STAGES, question_id

Keys = tuple[pa.Array, pa.Array]
"""question_id and idx of a part's questions."""
Answers = list[list[str | None]]
CAME = "import"
_Drop = tuple[int, int | None, str | None, str | None]
_FOREIGN = "non_english"
_ONE = (None,)
_STAGE = {stage: position for position, stage in enumerate(STAGES, 1)}
_KEPT = len(STAGES) + 1
BAD_LABEL = "bad_label"
"""Why a question is dropped whose responses the file itself labels as unwanted."""


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

    def __init__(
        self, run_id: str, generator: str, mapping: Mapping, scored: bool, *, drop_languages: bool = False
    ) -> None:
        self._run_id, self._generator, self._mapping = run_id, generator, mapping
        self._drop_languages = drop_languages
        self._judges = judges(mapping, scored)
        self._topic_model = topic_model() if scored else None
        self._next = 0
        self._first: dict[int, int] = {}
        self._waiting: list[tuple[pa.Table, ...]] = []
        self.rows = 0
        """Questions collected and not yet taken."""

    def add(self, part: Part, scores: Scores | None) -> None:
        ids = [question_id(self._run_id, idx) for idx in range(self._next, self._next + len(part))]
        answers, correct = self._answers(part, scores)
        keys = (pa.array(ids, pa.string()), pa.array(np.arange(self._next, self._next + len(part))))
        questions = self._questions(part, scores, ids, keys, answers)
        solutions = self._solutions(part, keys, answers, correct)
        rates = self._rates(part, keys)
        refused = _table(bulk_insert.REFUSED, list(zip(*part.refused, strict=True)), len(part.refused))
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

    @staticmethod
    def _answers(part: Part, scores: Scores | None) -> tuple[Answers | None, Answers | None]:
        """Final answers by question and sample, and how they compare with the reference; None where not known."""
        if scores is not None:
            return scores.answers, scores.correct
        if not part.exported:
            return None, None
        found: Answers = [[None] * len(several) for several in part.samples]
        for place, answer in stated_in(part).items():
            if found[place]:
                found[place][0] = answer
        if not part.references:
            return found, None
        pairs = zip(found, part.references, strict=True)
        return found, [[against_gold(one, gold, None) for one in several] for several, gold in pairs]

    def _questions(
        self, part: Part, scores: Scores | None, ids: list[str], keys: Keys, answers: Answers | None
    ) -> pa.Table:
        drop_at, pending_at, drop_reason, repeats = self._drops(part, scores, ids)
        difficulty, remark = self._difficulty(part, scores)
        topics, models = self._topics(part, scores)
        choices = self._choices(part, scores)
        columns = (
            *keys,
            part.texts,
            part.extra,
            [name or self._generator for name in part.generators] if self._mapping["generator"] else self._generator,
            part.references if self._mapping["answer"] else None,
            drop_at,
            pending_at,
            drop_reason,
            repeats,
            difficulty,
            remark,
            None if scores is None or answers is None else [_share(several) for several in answers],
            topics,
            models,
            self._chosen(part, choices),
            _labelled(part, "agreement", _number_text, {i: one.agreement for i, one in choices.items()}),
            _labelled(part, "majority_answer", str, {i: one.majority for i, one in choices.items()}),
            part.levels if self._mapping["level"] else None,
            None if scores is None else scores.checkable,
            [_shown(part.rejected.get(i)) for i in range(len(part))] if part.rejected else None,
            self._foreign(scores),
            [scores.repetitions.get(i) for i in range(len(part))]
            if scores is not None and scores.repetitions
            else None,
        )
        return _table(bulk_insert.QUESTIONS, columns, len(part))

    def _foreign(self, scores: Scores | None) -> list[str | None] | None:
        """The language stage's remark on questions that it keeps although they are in another language."""
        if scores is None or self._drop_languages or _FOREIGN not in scores.reasons:
            return None
        return [reason if reason == _FOREIGN else None for reason in scores.reasons]

    def _topics(self, part: Part, scores: Scores | None) -> tuple[Any, Any]:
        """The file's own topic where it has one, else the model's; and the model of each."""
        if self._mapping["topic"] is None:
            return (None, None) if scores is None else (scores.topics, self._topic_model)
        found = [mine or (scores.topics[i] if scores is not None else None) for i, mine in enumerate(part.topics)]
        return found, [CAME if mine else self._topic_model for mine in part.topics]

    def _choices(self, part: Part, scores: Scores | None) -> dict[int, Choice]:
        """By question with several samples the chosen one, unless the file says it."""
        if scores is not None:
            return scores.choices
        found = {}
        for place, several in enumerate(part.samples):
            if len(several) > 1 and place not in part.rejected:
                none = [None] * len(several)
                cut = part.cut.get(place, none)
                found[place] = choose(none, none, none, rewards_of(part, place), cut)
        return found

    @staticmethod
    def _chosen(part: Part, choices: dict[int, Choice]) -> Any:
        """By question the sample that makes the pair."""
        if not choices:
            return "0" if all(part.samples) else ["0" if several else None for several in part.samples]
        return [
            str(choices[place].chosen) if place in choices else "0" if several else None
            for place, several in enumerate(part.samples)
        ]

    def _drops(self, part: Part, scores: Scores | None, ids: list[str]) -> tuple[Any, Any, Any, Any]:
        """By question: position of the stage that drops it, of the one that it waits for, why it is dropped, and the
        question that it repeats."""
        if scores is None and all(part.samples) and not part.verdicts:
            return _KEPT, None, None, None
        rows = [self._drop(part, i, scores, ids) for i in range(len(part))]
        return tuple(zip(*rows, strict=True)) if rows else ([], [], [], [])  # type: ignore[return-value]

    def _drop(self, part: Part, place: int, scores: Scores | None, ids: list[str]) -> _Drop:
        gold = part.references[place] if part.references else None
        if scores is not None:
            reason = scores.reasons[place]
            if reason is not None and (reason != _FOREIGN or self._drop_languages):
                return _STAGE["language"], None, reason, None
            first = self._first.setdefault(scores.exact[place], self._next + place)
            if first != self._next + place:
                return _STAGE["duplicate"], None, "exact_duplicate", question_id(self._run_id, first)
        if not part.samples[place]:
            return _KEPT, _STAGE["solution"], None, None
        stated = scores is None or any(answer is not None for answer in scores.answers[place])
        if gold is None and not stated:
            return _STAGE["solution"], None, "no_answer", None
        verdicts = part.verdicts.get(place, ())
        if verdicts and True not in verdicts and None not in verdicts:
            return _STAGE["pair"], None, BAD_LABEL, None
        return _KEPT, None, None, None

    def _difficulty(self, part: Part, scores: Scores | None) -> tuple[Any, Any]:
        """The file's own where it is mapped, else the level model's, with a remark on texts outside its domain."""
        if self._mapping["difficulty"] is not None:
            return part.difficulties, None
        if scores is None:
            return None, None
        return scores.levels, ["outside_domain" if level is None else None for level in scores.levels]

    def _solutions(self, part: Part, keys: Keys, answers: Answers | None, correct: Answers | None) -> pa.Table:
        if all(len(several) == 1 for several in part.samples):  # the usual case, in whole columns
            n = range(len(part))
            columns: list[Any] = [
                *keys,
                0,
                [several[0] for several in part.samples],
                [one[0] for one in answers] if answers is not None else None,
                [part.rewards.get(i, _ONE)[0] for i in n] if part.rewards else None,
                [part.reasoning.get(i, _ONE)[0] for i in n] if part.reasoning else None,
                [one[0] for one in correct] if correct is not None else None,
                [_finish(part.cut.get(i, _ONE)[0]) for i in n] if part.cut else None,
                [part.solvers.get(i, _ONE)[0] for i in n] if part.solvers else None,
                None,
                None,
            ]
            return _table(bulk_insert.SOLUTIONS, columns, len(part))
        rows = [
            (
                i,
                sample,
                text,
                answers[i][sample] if answers is not None else None,
                _at(part.rewards.get(i, ()), sample),
                _at(part.reasoning.get(i, ()), sample),
                correct[i][sample] if correct is not None else None,
                _finish(_at(part.cut.get(i, ()), sample)),
                _at(part.solvers.get(i, ()), sample),
            )
            for i, several in enumerate(part.samples)
            for sample, text in enumerate(several)
        ]
        places, *more = zip(*rows, strict=True) if rows else [()] * 9
        ids, idx = (key.take(pa.array(places, pa.int64())) for key in keys)
        return _table(bulk_insert.SOLUTIONS, (ids, idx, *more, None, None), len(rows))

    @staticmethod
    def _rates(part: Part, keys: Keys) -> pa.Table:
        rows = [(i, *rate) for i, several in part.rates.items() for rate in several]
        if not rows:
            return bulk_insert.RATES.empty_table()
        places, *columns = zip(*rows, strict=True)
        ids, idx = (key.take(pa.array(places, pa.int64())) for key in keys)
        return _table(bulk_insert.RATES, (ids, idx, *columns), len(rows))

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


def _finish(cut: bool | None) -> str | None:
    return None if cut is None else "length" if cut else "stop"


def _shown(value: int | None) -> str | None:
    return None if value is None else str(value)


def _labelled(
    part: Part, name: str, shown: Callable[[Any], str | None], computed: dict[int, str | None]
) -> list[str | None] | None:
    """By question what our own export says, else what was computed."""
    if not part.exported and not computed:
        return None
    values = [part.exported.get(i, {}).get(name) for i in range(len(part))]
    return [computed.get(i) if value is None else shown(value) for i, value in enumerate(values)]


def _number_text(value: Any) -> str | None:
    return str(value) if isinstance(value, (int, float)) and value == value else None


def _at(values: Sequence[Any], place: int) -> Any:
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
