"""Synthetic workspaces of any size, for measuring: texts of real words and real lengths, scores that vary.

Words come from the bundled topic model's vocabulary, drawn as words are (Zipf's law), in sentences from a pool; each
question carries a number that few others have, so that there are rare words too. Nothing in it makes sense, and no
figure about quality may come from here. Questions go through the stages as a run's do; those that reach the solver have
four to seven solutions, 5.2 a question over all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.text.linear_classifier import TOPIC_DIR, VOCABULARY
from store.database import ids
from store.database.workspace import Workspace
from store.records import STAGES, Run

TOPICS = (
    "Algebra",
    "Counting & Probability",
    "Geometry",
    "Intermediate Algebra",
    "Number Theory",
    "Prealgebra",
    "Precalculus",
    "Arithmetic",
)
_DROPPED = {"language": 0.005, "duplicate": 0.01, "contamination": 0.002, "solvability": 0.04, "solution": 0.004}
_REASONS = {
    "language": "non_english",
    "duplicate": "near_duplicate",
    "contamination": "benchmark_overlap",
    "solvability": "not_solvable",
    "solution": "no_answer",
}
_RUNS, _CHUNK, _POOL = 4, 50_000, 60_000


def fill(workspace: Workspace, rows: int, seed: int = 0) -> None:
    """Store ``rows`` questions, in four runs that are done."""
    chance = np.random.default_rng(seed)
    pool = sentences(_POOL, chance)
    for number in range(_RUNS):
        run_id = f"made-{number + 1}"
        workspace.create_run(Run(run_id, f"made {number + 1}", "generate", {"profile": "made"}, "-", seed, "done"))
        for first in range(0, rows // _RUNS, _CHUNK):
            count = min(_CHUNK, rows // _RUNS - first)
            made = _Made(run_id, first, count, pool, chance)
            workspace.writer.call(lambda cursor, made=made: made.store(cursor))  # type: ignore[misc]
        workspace.writer.call(lambda _, run_id=run_id: workspace.writer.forget_run(run_id))  # type: ignore[misc]


def sentences(count: int, chance: np.random.Generator, least: int = 6, most: int = 15) -> pa.Array:
    """So many sentences of ``least`` to ``most - 1`` words."""
    lines = (TOPIC_DIR / VOCABULARY).read_text(encoding="utf-8").splitlines()
    words = pa.array(np.random.default_rng(0).permutation([line for line in lines if re.fullmatch("[a-z]{2,}", line)]))
    share = 1 / np.arange(1, len(words) + 1) ** 0.9
    return _joined(words, chance.integers(least, most, count), chance, share / share.sum(), " ", ".")


def _joined(
    parts: pa.Array,
    lengths: np.ndarray[Any, Any],
    chance: np.random.Generator,
    share: np.ndarray[Any, Any] | None,
    between: str,
    end: str,
) -> pa.Array:
    """Texts of so many parts each, drawn by their share or evenly."""
    total = int(lengths.sum())
    drawn = chance.integers(0, len(parts), total) if share is None else chance.choice(len(parts), total, p=share)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    lists = pa.ListArray.from_arrays(pa.array(offsets), parts.take(pa.array(drawn)))
    return pc.binary_join_element_wise(pc.binary_join(lists, between), pa.scalar(end), "")


def _made(count: int) -> np.ndarray[Any, Any]:
    return np.full(count, np.datetime64("2026-01-01T00:00:00", "us"))


class _Made:
    """A chunk of one run's questions and all that belongs to them."""

    def __init__(self, run_id: str, first: int, count: int, pool: pa.Array, chance: np.random.Generator) -> None:
        self.run_id, self.chance, self.pool = run_id, chance, pool
        self.idx = np.arange(first, first + count)
        self.ids = np.array([f"{run_id}-{i:08d}" for i in self.idx])
        fate = chance.random((count, len(STAGES))) < [_DROPPED.get(stage, 0.0) for stage in STAGES]
        self.dropped = np.where(fate.any(axis=1), fate.argmax(axis=1), len(STAGES))

    def store(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Insert it, within the transaction that is open."""
        number = ids.numbered(cursor, self.run_id)
        self.q = (np.int64(number) << ids.IDX_BITS) | self.idx
        for table, data in self._tables():
            names = ", ".join(data.column_names)
            cursor.register("made", data)
            cursor.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM made")
            cursor.unregister("made")

    def _tables(self) -> Iterator[tuple[str, pa.Table]]:
        chance, count = self.chance, len(self.idx)
        numbers = pa.array(chance.integers(1, 10**6, count)).cast(pa.string())
        texts = _joined(self.pool, chance.integers(2, 5, count), chance, None, " ", " What is the value of x if n = ")
        texts = pc.binary_join_element_wise(texts, numbers, pa.scalar("?"), "")
        yield (
            "question_rows",
            self._rows(
                np.arange(count),
                idx=self.idx,
                generator=np.array(["first", "second"])[chance.integers(0, 2, count)],
                template_id=np.full(count, "made"),
                params=np.full(count, "{}"),
                seed=chance.integers(0, 2**62, count),
                tokens=chance.poisson(60, count),
                finish_reason=np.full(count, "stop"),
                seconds=np.zeros(count),
                chars=pc.utf8_length(texts).cast(pa.int64()),
                created_at=_made(count),
            ),
        )
        yield "question_text", self._rows(np.arange(count), text=texts, extra=np.full(count, "{}"))
        topics = np.array(TOPICS)[np.minimum(chance.geometric(0.25, count) - 1, len(TOPICS) - 1)]
        yield "label_rows", self._labels(np.arange(count), "topic", topics)
        near = np.flatnonzero(chance.random(count) < 0.05)
        yield "label_rows", self._labels(near, "near_duplicate", self.ids[near // 2])
        best = np.full(count, np.nan)
        yield from self._solved(np.flatnonzero(self.dropped > STAGES.index("difficulty")), best)
        yield from self._judged(best)

    def _solved(self, at: Any, best: Any) -> Iterator[tuple[str, pa.Table]]:
        chance = self.chance
        each = chance.integers(4, 8, len(at))
        of, starts = np.repeat(np.arange(len(at)), each), np.cumsum(each) - each
        sample = np.arange(len(of)) - starts[of]
        answers = chance.integers(0, 400, len(at))[of] + (chance.random(len(of)) < 0.25) * chance.integers(
            1, 9, len(of)
        )
        said = pa.array(answers).cast(pa.string())
        texts = _joined(self.pool, chance.integers(6, 15, len(of)), chance, None, " ", " The answer is \\boxed{")
        texts = pc.binary_join_element_wise(texts, said, pa.scalar("}."), "")
        rows = at[of]
        yield (
            "solution_rows",
            self._rows(
                rows,
                sample=sample,
                answer=said,
                solver=np.full(len(of), "solver"),
                seed=chance.integers(0, 2**62, len(of)),
                tokens=chance.poisson(180, len(of)),
                seconds=np.zeros(len(of)),
                finish_reason=np.full(len(of), "stop"),
                chars=pc.utf8_length(texts).cast(pa.int64()),
                created_at=_made(len(of)),
            ),
        )
        yield "solution_text", self._rows(rows, sample=sample, text=texts)
        rewards = np.round(chance.normal(chance.normal(0, 1, len(at))[of], 0.7), 4)
        yield (
            "reward_rows",
            self._rows(
                rows,
                sample=sample,
                reward_model=np.full(len(of), "reward"),
                reward=rewards,
                seconds=np.zeros(len(of)),
                leads=np.full(len(of), True),
            ),
        )
        order = np.lexsort((sample, -rewards, of))
        chosen = order[np.concatenate([[True], np.diff(of[order]) > 0])]
        best[at] = rewards[chosen]
        yield "label_rows", self._labels(at, "chosen", sample[chosen].astype(str))
        same = np.add.reduceat(answers == answers[chosen][of], starts) / each
        yield "label_rows", self._labels(at, "agreement", np.char.mod("%.4f", same))
        yield "label_rows", self._labels(at, "majority_answer", answers[chosen].astype(str))

    def _judged(self, best: Any) -> Iterator[tuple[str, pa.Table]]:
        hard = np.round(self.chance.beta(1.2, 3.0, len(self.idx)), 4)
        for position, stage in enumerate(STAGES):
            at = np.flatnonzero(self.dropped >= position)
            kept = self.dropped[at] > position
            score = {"difficulty": hard, "pair": best}.get(stage, np.ones(len(self.idx)))[at]
            yield (
                "verdict_rows",
                self._rows(
                    at,
                    stage=np.full(len(at), stage),
                    judge=np.full(len(at), "made"),
                    kept=kept,
                    score=score,
                    reason=pa.array([None if passed else _REASONS.get(stage) for passed in kept.tolist()], pa.string()),
                    tokens=np.zeros(len(at), np.int64),
                    created_at=_made(len(at)),
                    seconds=np.zeros(len(at)),
                ),
            )

    def _labels(self, at: Any, key: str, values: Any) -> pa.Table:
        return self._rows(at, key=np.full(len(at), key), value=values, model=np.full(len(at), "made"))

    def _rows(self, at: Any, **columns: Any) -> pa.Table:
        given = {name: c if isinstance(c, (pa.Array, pa.ChunkedArray)) else pa.array(c) for name, c in columns.items()}
        return pa.table(
            {
                "question_id": pa.array(self.ids[at]),
                "run_id": pa.array(np.full(len(at), self.run_id)),
                "q": pa.array(self.q[at]),
                **given,
            }
        )


def make(folder: Path, rows: int) -> None:
    """A new workspace in ``folder``."""
    with Workspace.open(folder) as workspace:
        fill(workspace, rows)
