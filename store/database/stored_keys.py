"""The keys of stored rows, so that no row is stored twice.

The tables have no primary keys; the writer checks here instead. For one run, each kind of row (a question, a verdict of
one stage, the solution with one sample number ...) has one byte per question index: a million questions with all their
rows take about twenty megabytes. A run's keys are read from the database before the first write to it. Of a label that
a question may carry several times, only the question is marked: its values are looked up in the rare case that more
come in a later batch.
"""

from __future__ import annotations

from collections.abc import Hashable

import duckdb
import numpy as np

from store.database.ids import IDX_BITS
from store.records import Label, Question, QuestionSignature, Rate, Record, Reward, Solution, Verdict

MANY_VALUED = "near_duplicate"
"""The label key that a question may carry several times, once per value."""

_IDX = f"(q & {2**IDX_BITS - 1})"
_LOADS: tuple[tuple[str, str, str, str], ...] = (
    ("question", "question_rows", "", "idx"),
    ("verdict", "verdict_rows", "stage", _IDX),
    ("solution", "solution_rows", "sample", _IDX),
    ("reward", "reward_rows", "reward_model, sample", _IDX),
    ("scored", "reward_rows", "sample", _IDX),
    ("label", "label_rows", "key", _IDX),
    ("rate", "rate_rows", "model", _IDX),
    ("signature", "signature_rows", "", _IDX),
)


class StoredKeys:
    """The keys of one run."""

    def __init__(self) -> None:
        self._marks: dict[Hashable, bytearray] = {}
        self._batch: dict[int, set[str]] = {}
        """The values of ``MANY_VALUED`` in this batch, of questions that had none before."""

    @classmethod
    def load(cls, con: duckdb.DuckDBPyConnection, run_id: str) -> StoredKeys:
        """Read the keys that the database holds of this run."""
        stored = cls()
        for kind, table, parts, idx in _LOADS:
            keys = (
                con.execute(f"SELECT DISTINCT {parts} FROM {table} WHERE run_id = ?", [run_id]).fetchall()
                if parts
                else [()]
            )
            match = "".join(f" AND {part} = ?" for part in parts.split(", ") if part)
            for key in keys:
                query = f"SELECT {idx} AS idx FROM {table} WHERE run_id = ?{match}"
                found = con.execute(query, [run_id, *key]).fetchnumpy()["idx"]
                if len(found):
                    marks = np.zeros(int(found.max()) + 1, dtype=np.uint8)
                    marks[np.asarray(found)] = 1
                    stored._marks[(kind, *key)] = bytearray(marks.tobytes())
        return stored

    def add(self, record: Record, idx: int, sample: int) -> bool:
        """Mark this row as stored; False if it was already. ``sample`` is used for rewards only. For a label of which
        ``has_earlier_values`` is true, True says only that it may be new."""
        key: Hashable
        match record:
            case Verdict():
                key = ("verdict", record.stage)
            case Question():
                key = ("question",)
            case Solution():
                key = ("solution", record.sample)
            case Reward():
                key = ("reward", record.reward_model, sample)
            case Rate():
                key = ("rate", record.model)
            case Label():
                key = ("label", record.key)
                if record.key == MANY_VALUED:
                    if self._mark(key, idx):
                        self._batch[idx] = set()
                    values = self._batch.get(idx)
                    if values is not None:
                        new = record.value not in values
                        values.add(record.value)
                        return new
                    return True
            case QuestionSignature():
                key = ("signature",)
            case _:
                return True
        return self._mark(key, idx)

    def is_first_reward(self, idx: int, sample: int) -> bool:
        """Whether the reward just added is the first of its solution by any model: the views show that one."""
        return self._mark(("scored", sample), idx)

    def has_earlier_values(self, idx: int) -> bool:
        """Whether the question just labelled had labels ``MANY_VALUED`` before this batch."""
        return idx not in self._batch

    def end_batch(self) -> None:
        """Call when a batch has been written."""
        self._batch.clear()

    def _mark(self, key: Hashable, idx: int) -> bool:
        """Set this byte; False if it was set."""
        marks = self._marks.get(key)
        if marks is None:
            marks = self._marks[key] = bytearray(1024)
        if idx >= len(marks):
            marks.extend(bytes(max(idx + 1, 2 * len(marks)) - len(marks)))
        if marks[idx]:
            return False
        marks[idx] = 1
        return True
