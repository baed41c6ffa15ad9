"""The duplicate stage drops questions that repeat an earlier one, exactly or nearly.

Exact duplicates are equal after normalising. Near duplicates are MinHash candidates, confirmed by the Jaccard
similarity of words and word pairs with numbers masked. One that differs in numbers, operators or contrasting words (at
least, area) is another question of the same wording: it is labelled, not dropped. The caller judges questions in idx
order, so that the lowest idx wins.
"""

from __future__ import annotations

import struct
from array import array
from typing import NamedTuple

import numpy as np

from engine.duplicates.buckets import Array, Buckets
from engine.duplicates.signature import (
    BANDS,
    Signature,
    exact,
    features,
    jaccard,
    signature,
    similarity,
)
from store.records import Label, Question, Verdict, question_id

__all__ = ["JUDGE", "LABEL", "Index", "SignatureBlock", "exact", "similarity"]

JUDGE = "minhash"
LABEL = "near_duplicate"
_MOST_LABELS, _MOST_CHECKS = 8, 64
"""Generators that repeat one template make crowded neighbourhoods, of which the oldest wordings are enough. The oldest
64 of several buckets are among the oldest 64 of each, so a bucket takes no more: a query never grows with their number.
"""
_IDX_BITS = 32
_UNPACK_BANDS = struct.Struct(f"<{BANDS}I").unpack
_ODD, _WHOLE = 0x9E3779B97F4A7C15, (1 << 64) - 1


class SignatureBlock(NamedTuple):
    """The signatures of n questions of one run: ``idx`` (n,), the fields of ``Signature`` as arrays (n,), ``bands``
    (n, BANDS) uint32, ``lengths`` (n,) in words, and all ``words`` one after another (uint32)."""

    idx: Array
    exact: Array
    content: Array
    mask: Array
    size: Array
    bands: Array
    lengths: Array
    words: Array


class Index:
    """The questions kept so far. For one thread at a time.

    ``threshold``: Jaccard from which two wordings are near. ``mark_only``: drop nothing (live runs). ``across_runs``:
    also drop duplicates of other runs' questions, which are otherwise only labelled. ``expected``: questions to make
    space for. Memory: about 450 bytes a wording of 250 characters, and 50 for each further question of that wording,
    all of it in arrays.
    """

    def __init__(
        self, *, threshold: float = 0.8, mark_only: bool = False, across_runs: bool = False, expected: int = 0
    ) -> None:
        self._threshold, self._mark_only, self._across_runs = threshold, mark_only, across_runs
        self._runs: list[str] = []
        self._numbers: dict[str, int] = {}
        self._refs = array("q")
        """Of each question: its run's number and its idx."""
        self._questions = Buckets(2, 64, expected=expected)
        """By ``exact``, and by wording and content. Of a bucket the last one counts: the first question of the last
        run that has any."""
        self._masks = Buckets(1, 64, 1, expected=expected)
        self._bands = Buckets(BANDS, 32, _MOST_CHECKS, expected=expected)
        """Wordings: questions that differ only in their numbers."""
        self._mask_of, self._first = array("Q"), array("q")
        self._sizes, self._starts, self._lengths = array("I"), array("q"), array("I")
        self._words = array("I")
        self._known: Array | None = None
        """All masks, sorted, while blocks are added."""

    @property
    def size(self) -> int:
        """How many questions it holds."""
        return len(self._refs)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        tables = self._questions.nbytes + self._masks.nbytes + self._bands.nbytes
        columns = (self._refs, self._mask_of, self._first, self._sizes, self._starts, self._lengths, self._words)
        return tables + sum(len(column) * column.itemsize for column in columns)

    def judge(self, question: Question, look: Signature | None = None) -> tuple[Verdict, list[Label]]:
        """Verdict of stage ``duplicate`` (raw: the question it repeats; score: the Jaccard with that one, else the
        highest) and the labels ``near_duplicate``, one for each near wording. A kept question is added. ``look``: its
        signature, where the caller has it."""
        look = look or signature(question.text)
        verdict, labels = self.compare(question, look)
        if verdict.kept:
            self._add(question, look)
        return verdict, labels

    def compare(self, question: Question, look: Signature) -> tuple[Verdict, list[Label]]:
        """As ``judge``, without adding the question."""
        same = self._name(self._questions.last(0, look.exact))
        score: float | None
        near: list[tuple[float, int]] = []
        if same is not None:
            reason, score = "exact_duplicate", 1.0
        else:
            near = self._near(look)
            alike = ((shared, self._of_content(wording, look.content)) for shared, wording in near)
            highest = near[0][0] if near else None
            score, same = next((pair for pair in alike if pair[1] is not None), (highest, None))
            reason = "near_duplicate"
        verdict = self._verdict(question, reason, score, same)
        found = dict.fromkeys([same, *(self._ref_name(self._first[wording]) for _, wording in near)])
        labels = [Label(question.question_id, LABEL, other, JUDGE) for other in found if other is not None]
        return verdict, labels[:_MOST_LABELS]

    def remember(self, question: Question, look: Signature | None = None) -> None:
        """Add a question that this stage kept earlier (resume), or one of another run, in the order of judging. One
        that is there already changes nothing that is found."""
        self._add(question, look or signature(question.text))

    def extend(self, run_id: str, block: SignatureBlock) -> None:
        """``remember`` for many questions of one run by their signatures. Call ``build`` after the last block."""
        number = self._number(run_id)
        refs = block.idx.astype(np.int64) | np.int64(number << _IDX_BITS)
        self._refs.frombytes(refs.tobytes())
        both = np.stack([block.exact, block.content ^ block.mask * np.uint64(_ODD)], axis=1)
        self._questions.extend(both, number)
        _, first = np.unique(block.mask, return_index=True)
        first.sort()
        first = first[self._are_new(block.mask[first])]
        self._masks.extend(block.mask[first, None])
        self._bands.extend(block.bands[first])
        lengths = block.lengths.astype(np.int64)
        new = np.zeros(len(lengths), bool)
        new[first] = True
        starts = len(self._words) + np.cumsum(lengths[first]) - lengths[first]
        for column, values in (
            (self._mask_of, block.mask[first].astype(np.uint64)),
            (self._first, refs[first]),
            (self._sizes, block.size[first].astype(np.uint32)),
            (self._starts, starts),
            (self._lengths, lengths[first].astype(np.uint32)),
            (self._words, block.words[np.repeat(new, lengths)]),
        ):
            column.frombytes(np.ascontiguousarray(values).tobytes())

    def _are_new(self, masks: Array) -> Array:
        """Which of these are not known yet; from now on they are."""
        known = np.sort(self._masks.keys()) if self._known is None else self._known
        places = np.searchsorted(known, masks)
        new: Array = np.ones(len(masks), bool)
        inside = places < len(known)
        new[inside] = known[places[inside]] != masks[inside]
        self._known = np.concatenate([known, masks[new]])
        self._known.sort()
        return new

    def build(self) -> None:
        """Make what ``extend`` has added findable."""
        self._known = None
        for table in (self._questions, self._masks, self._bands):
            table.build()

    def _verdict(self, question: Question, reason: str, score: float | None, other: str | None) -> Verdict:
        """Dropped where it repeats a question, ``other``, that may drop it."""
        drop = other is not None and not self._mark_only and (self._across_runs or _run(other) == question.run_id)
        return Verdict(
            question.question_id, "duplicate", JUDGE, not drop, score=score, reason=reason if drop else None, raw=other
        )

    def _near(self, look: Signature) -> list[tuple[float, int]]:
        """The wordings at or above the threshold, nearest first, then oldest."""
        known = self._masks.last(0, look.mask)
        candidates = set(sorted(set(self._bands.find(_UNPACK_BANDS(look.bands))))[:_MOST_CHECKS])
        if known is not None:
            candidates.add(known)
        own: set[int] | None = None
        found = []
        for wording in candidates:
            small, large = sorted((self._sizes[wording], look.size))
            if small < self._threshold * large:  # sets that differ this much in size cannot reach the threshold
                continue
            if wording == known:
                shared = 1.0
            else:
                own = features(_unpacked(look.words)) if own is None else own
                start = self._starts[wording]
                words = self._words[start : start + self._lengths[wording]].tolist()
                shared = jaccard(own, features(words))
            if shared >= self._threshold:
                found.append((shared, wording))
        found.sort(key=lambda pair: (-pair[0], pair[1]))
        return found

    def _add(self, question: Question, look: Signature) -> None:
        number = self._number(question.run_id)
        ref = number << _IDX_BITS | question.idx
        self._refs.append(ref)
        self._questions.add((look.exact, _mixed(look.mask, look.content)), number)
        if self._masks.last(0, look.mask) is None:
            self._masks.add((look.mask,))
            self._bands.add(_UNPACK_BANDS(look.bands))
            self._mask_of.append(look.mask)
            self._first.append(ref)
            self._sizes.append(look.size)
            self._starts.append(len(self._words))
            self._lengths.append(len(look.words) // self._words.itemsize)
            self._words.frombytes(look.words)

    def _of_content(self, wording: int, content: int) -> str | None:
        """The question of this wording and content."""
        return self._name(self._questions.last(1, _mixed(self._mask_of[wording], content)))

    def _name(self, row: int | None) -> str | None:
        return None if row is None else self._ref_name(self._refs[row])

    def _ref_name(self, ref: int) -> str:
        return question_id(self._runs[ref >> _IDX_BITS], ref & (1 << _IDX_BITS) - 1)

    def _number(self, run_id: str) -> int:
        number = self._numbers.get(run_id)
        if number is None:
            number = self._numbers[run_id] = len(self._runs)
            self._runs.append(run_id)
        return number


def _mixed(mask: int, content: int) -> int:
    return content ^ mask * _ODD & _WHOLE


def _unpacked(words: bytes) -> list[int]:
    return list(struct.unpack(f"<{len(words) // 4}I", words))


def _run(question: str) -> str:
    return question.rsplit("-", 1)[0]
