"""A pipeline run without a database, for the tests: the rows it put, by kind."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from engine.config.run_config import RunConfig, load_run_config
from engine.jobs.control import Control
from engine.models.roles import Models
from engine.pipeline.pipeline import Pipeline
from engine.pipeline.types import Outcome, Tools
from engine.stages.contamination import Benchmark
from engine.stages.duplicate import Index
from engine.text import answers
from store.database.resume import Stored
from store.records import ErrorRow, Label, Question, Record, Reward, Solution, Verdict
from tests.engine.pipeline.instant import InstantScore, InstantText


class PlainGrouper:
    """Answers grouped without Math-Verify."""

    def group(self, items: Any) -> list[int | None]:
        return answers.group(items)


def config(**options: Any) -> RunConfig:
    return load_run_config("nano", **({"questions": 40} if "accepted" not in options else {}) | options)


def models(**changed: Any) -> Models:
    made = Models(
        (InstantText("question"), InstantText("question")),
        InstantScore("judge"),
        InstantScore("difficulty"),
        InstantText("solution", window=40),
        InstantScore("reward", window=40),
    )
    return replace(made, **changed)


class Ran:
    """What a run put, and how it ended."""

    def __init__(self, chunks: list[list[Record]], outcome: Outcome, events: list[dict[str, Any]]) -> None:
        self.chunks, self.outcome, self.events = chunks, outcome, events
        by_kind: dict[type, list[Any]] = defaultdict(list)
        for row in (row for chunk in chunks for row in chunk):
            by_kind[type(row)].append(row)
        self.questions: list[Question] = by_kind[Question]
        self.verdicts: list[Verdict] = by_kind[Verdict]
        self.solutions: list[Solution] = by_kind[Solution]
        self.rewards: list[Reward] = by_kind[Reward]
        self.labels: list[Label] = by_kind[Label]
        self.errors: list[ErrorRow] = by_kind[ErrorRow]

    @property
    def pairs(self) -> list[str]:
        return sorted(v.question_id for v in self.verdicts if v.stage == "pair" and v.kept)

    @property
    def content(self) -> dict[Any, Any]:
        """Everything that has to be the same in another run of the same seed."""
        out: dict[Any, Any] = {q.question_id: (q.text, q.generator, q.seed) for q in self.questions}
        out |= {(v.question_id, v.stage): (v.kept, v.reason, v.score, v.raw) for v in self.verdicts}
        out |= {s.solution_id: (s.text, s.answer, s.seed) for s in self.solutions}
        out |= {(r.solution_id, "reward"): r.reward for r in self.rewards}
        out |= {(la.question_id, la.key, la.value): la.model for la in self.labels}
        return out

    def known(self) -> list[Stored]:
        """What a store would give back for a resume."""
        known = {q.question_id: Stored(q) for q in sorted(self.questions, key=lambda q: q.idx)}
        for verdict in self.verdicts:
            known[verdict.question_id].verdicts[verdict.stage] = verdict
        for solution in self.solutions:
            known[solution.question_id].solutions.append(solution)
        return list(known.values())

    def plus(self, later: Ran) -> Ran:
        return Ran(self.chunks + later.chunks, later.outcome, self.events + later.events)


def run(
    cfg: RunConfig,
    live: Models | None = None,
    *,
    known: list[Stored] | None = None,
    control: Control | None = None,
    on_event: Callable[[dict[str, Any]], None] | None = None,
    put: Callable[[list[Record]], None] | None = None,
    benchmark: Benchmark | None = None,
) -> Ran:
    live = live or models()
    chunks: list[list[Record]] = []
    events: list[dict[str, Any]] = []

    def record(rows: list[Record]) -> None:
        if put is not None:
            put(rows)
        chunks.append(rows)

    def event(what: dict[str, Any]) -> None:
        events.append(what)
        if on_event is not None:
            on_event(what)

    tools = Tools(
        lambda texts: ["Arithmetic"] * len(texts),
        "fixed",
        PlainGrouper(),
        benchmark or Benchmark(),
        Index(threshold=cfg.duplicate_threshold),
    )
    pipeline = Pipeline(cfg, "r1", live, record, tools, known=known or (), control=control, on_event=event)
    watchdog = threading.Timer(60, (control or pipeline.control).cancel)
    watchdog.start()
    try:
        outcome = pipeline.run()
    finally:
        watchdog.cancel()
        for model in live.distinct:
            model.close()
    return Ran(chunks, outcome, events)
