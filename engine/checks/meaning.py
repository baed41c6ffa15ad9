"""Near-duplicates by meaning: the cosine of sentence embeddings with every earlier question of the run."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.checks.judges import Judge
from engine.checks.vectors import Floats, StoredVectors
from engine.duplicates.numbers import numbers
from engine.duplicates.signature import exact, signature, similarity
from engine.stages.duplicate import LABEL
from store.database.replace_verdicts import Findings, StageInput
from store.records import Label, Run, Verdict, question_id

_MOST = 8
"""Labels of a question, as by wording."""
_BLOCK = 4_096
"""Earlier questions that are compared at once: limits the memory of a comparison."""
_LIKE = 0.5
"""Jaccard of words and word pairs from which other operators or contrasting words make another question."""


class Near(NamedTuple):
    """An earlier question; ``same``: it states the same numbers."""

    cosine: float
    idx: int
    same: bool
    text: str


class Earlier:
    """The questions so far. Memory of each: 2 bytes a dimension, 16 more and its text, 110 MB for 100,000 of MiniLM."""

    def __init__(self) -> None:
        self._vectors: list[NDArray[np.float16]] = []
        self._idx, self._numbers, self._texts = array("q"), array("Q"), list[str]()

    def add(self, idx: int, vector: Floats, content: int, text: str) -> None:
        """``content``: the hash of its numbers."""
        row = len(self._idx) % _BLOCK
        if not row:
            self._vectors.append(np.zeros((_BLOCK, len(vector)), np.float16))
        self._vectors[-1][row] = vector
        self._idx.append(idx)
        self._numbers.append(content)
        self._texts.append(text)

    def near(self, vectors: Floats, contents: NDArray[np.uint64], threshold: float) -> list[list[Near]]:
        """For each vector the earlier questions at or above the threshold: of each block the nearest ones, and the
        nearest ones with the same numbers."""
        found: list[list[Near]] = [[] for _ in vectors]
        for number, block in enumerate(self._vectors):
            first = number * _BLOCK
            idx = np.array(self._idx[first : first + _BLOCK])
            known = np.array(self._numbers[first : first + _BLOCK], np.uint64)
            cosines = vectors @ block[: len(idx)].astype(np.float32).T  # (vectors, earlier)
            for place in np.flatnonzero((cosines >= threshold).any(axis=1)):
                same = known == contents[place]
                for row in _best(cosines[place], idx, same, threshold):
                    cosine = round(float(cosines[place, row]), 4)
                    found[place].append(Near(cosine, int(idx[row]), bool(same[row]), self._texts[first + row]))
        return found


def _best(cosines: Floats, idx: NDArray[np.int64], same: NDArray[np.bool_], threshold: float) -> list[int]:
    rows = np.flatnonzero(cosines >= threshold)
    rows = rows[np.lexsort((idx[rows], -cosines[rows]))]
    return list(dict.fromkeys([*rows[:_MOST].tolist(), *rows[same[rows]][:_MOST].tolist()]))


def _asks_the_same(text: str, other: Near) -> bool:
    """As far as numbers and wording can tell: as by wording, near wordings with other operators or contrasting words
    (sum, product) are two questions."""
    if not other.same:
        return False
    return similarity(text, other.text) < _LIKE or signature(text).content == signature(other.text).content


class Meaning(Judge):
    """As ``NearDuplicates``, by the cosine of vectors. All near questions are marked; on request one is dropped that
    also states the same numbers and, where its wording is near too, has the same operators and contrasting words:
    embeddings hardly tell those apart."""

    stretch = 128

    def __init__(
        self, run: Run, judge: str, vectors: StoredVectors, threshold: float, drop: bool, stopped: Callable[[], bool]
    ) -> None:
        """``judge``: its name in verdicts and labels; ``threshold``: a cosine."""
        self._run, self._judge, self._vectors = run, judge, vectors
        self._threshold, self._drop, self._stopped = threshold, drop, stopped
        self._earlier = Earlier()
        self._exact: dict[int, int] = {}

    def remember(self, some: Sequence[StageInput]) -> None:
        kept = [one for one in some if one.reason is None]
        for first in range(0, len(kept), self.stretch):
            if self._stopped():  # their vectors may have to be made again
                return
            part = kept[first : first + self.stretch]
            for one, vector in zip(part, self._vectors.of([one.question.text for one in part]), strict=True):
                self._add(one, exact(one.question.text), vector, numbers(one.question.text), self._earlier)

    def judge(self, some: Sequence[StageInput]) -> tuple[Findings, int]:
        vectors = self._vectors.of([one.question.text for one in some])
        contents = np.array([numbers(one.question.text) for one in some], np.uint64)
        near = self._earlier.near(vectors, contents, self._threshold)
        within = Earlier()  # questions of this stretch that are kept
        found = Findings(replaces=(LABEL,))
        for place, one in enumerate(some):
            vector, content = vectors[place], contents[place : place + 1]
            nearest = near[place] + within.near(vector[None], content, self._threshold)[0]
            nearest.sort(key=lambda other: (-other.cosine, other.idx))
            hashed = exact(one.question.text)
            again = self._exact.get(hashed)
            verdict = self._verdict(one, nearest, again)
            if verdict is None:
                continue
            found.verdicts.append(verdict)
            found.labels += self._labels(one, nearest, again)
            if verdict.kept:
                self._add(one, hashed, vector, int(content[0]), self._earlier, within)
        return found, len(some)

    def _add(self, one: StageInput, hashed: int, vector: Floats, content: int, *to: Earlier) -> None:
        """Exact duplicates count once: the first one."""
        if hashed in self._exact:
            return
        self._exact[hashed] = one.question.idx
        for questions in to:
            questions.add(one.question.idx, vector, content, one.question.text)

    def _verdict(self, one: StageInput, nearest: Sequence[Near], again: int | None) -> Verdict | None:
        """``again``: the question with the same text. None leaves a question as it is: a generated run dropped it for
        one of higher idx, or of another run."""
        text = one.question.text
        same = None if again is not None else next((near for near in nearest if _asks_the_same(text, near)), None)
        repeated = again if again is not None else same.idx if same is not None else None
        if repeated is None and one.reason is not None and self._run.kind == "generate":
            return None
        closest = same or (nearest[0] if nearest else None)
        score = 1.0 if again is not None else closest.cosine if closest is not None else None
        raw = None if repeated is None else question_id(self._run.run_id, repeated)
        verdict = Verdict(one.question.question_id, "duplicate", self._judge, True, score=score, raw=raw)
        reason = "near_duplicate" if again is None else "exact_duplicate"
        if repeated is not None and (self._drop or one.reason == reason == "exact_duplicate"):
            return replace(verdict, kept=False, reason=reason)
        return verdict

    def _labels(self, one: StageInput, nearest: Sequence[Near], again: int | None) -> list[Label]:
        others = dict.fromkeys([*([again] if again is not None else ()), *(other.idx for other in nearest)])
        keys = [question_id(self._run.run_id, idx) for idx in list(others)[:_MOST]]
        return [Label(one.question.question_id, LABEL, key, self._judge) for key in keys]
