"""The duplicate stage: has this question been asked before, in the same or nearly the same words?

Exact after normalising, else near: MinHash candidates, confirmed by exact Jaccard over words and word pairs with
numbers masked. A near-duplicate with other numbers, operators or telling words (at least, area) is another question in
the same clothes: marked, not dropped.
Questions are judged in idx order by the caller, which alone makes the lowest idx win. Nothing here knows the store.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise

from rensa import RMinHash, RMinHashLSH
from xxhash import xxh3_64_intdigest

from store.records import Label, Question, Verdict

JUDGE = "minhash"
LABEL = "near_duplicate"
_PERMUTATIONS, _BANDS, _SEED = 96, 16, 7
"""6 rows a band: a pair of Jaccard 0.8 becomes a candidate with probability 0.99, one of 0.5 with 0.22."""
_MOST_LABELS, _MOST_CHECKS = 8, 64
"""Generators that repeat one template crowd a neighbourhood: the oldest wordings there are enough to look at."""

_REST = r"|\d+(?:,\d{3})*(?:\.\d+)?|[-+*/^=<>%()!|]|[^\x00-\x7f]"
_TOKEN, _ASCII_TOKEN = re.compile(r"[^\W\d_]+(?:['’][a-z]+)?" + _REST), re.compile(r"[A-Za-z]+(?:'[a-z]+)?" + _REST)
_MASK = "0"
_NUMBERS = frozenset(
    """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million half third quarter
    double twice triple""".split()  # noqa: SIM905
)
_CONTRASTS = frozenset(
    """not no without least most exactly more less fewer greater smaller same different and or each every either both
    neither first last next odd even positive negative greatest smallest largest maximum minimum total sum difference
    product quotient ratio average mean median mode area perimeter circumference volume surface radius diameter length
    width height angle boys girls men women left right north south east west before after increase decrease buys sells
    consecutive distinct distinguishable indistinguishable with red blue green white black""".split()  # noqa: SIM905
)
"""Words that turn one question into another. Numbers, operators, one-letter names and words in capitals do so too."""


@dataclass(slots=True)
class _Wording:
    """Questions that are the same but for their numbers: the masked text, how many features it has, the first such
    question, and the first one of each content."""

    masked: str
    size: int
    first: str
    by_content: dict[int, str] = field(default_factory=dict)


class Index:
    """What has been kept so far. Not safe to share between threads.

    ``threshold``: Jaccard from which two wordings are near. ``mark_only``: drop nothing (live runs). ``across_runs``:
    also drop what duplicates a question of another run; otherwise such matches are only marked.
    Memory: about 2.4 kB a wording (of 250 characters), most of it the bands'; little more for each question of it.
    """

    def __init__(self, *, threshold: float = 0.8, mark_only: bool = False, across_runs: bool = False) -> None:
        self._threshold, self._mark_only, self._across_runs = threshold, mark_only, across_runs
        self._exact: dict[int, str] = {}
        self._wordings: list[_Wording] = []
        self._by_mask: dict[int, int] = {}
        self._lsh = RMinHashLSH(threshold, _PERMUTATIONS, _BANDS)

    def judge(self, question: Question) -> tuple[Verdict, list[Label]]:
        """Verdict of stage ``duplicate`` (raw: the question it repeats; score: the Jaccard with that one, else the
        highest found) and the labels ``near_duplicate``, one for each near wording. What is kept is remembered."""
        look = _Look(question.text)
        same = self._exact.get(look.exact)
        score: float | None
        near: list[tuple[float, _Wording]] = []
        if same is not None:
            reason, score = "exact_duplicate", 1.0
        else:
            near = self._near(look)
            alike = ((shared, wording.by_content.get(look.content)) for shared, wording in near)
            highest = near[0][0] if near else None
            score, same = next((pair for pair in alike if pair[1] is not None), (highest, None))
            reason = "near_duplicate"
        verdict = self._verdict(question, reason, score, same)
        found = dict.fromkeys([same, *(wording.first for _, wording in near)])
        labels = [_label(question, other) for other in found if other is not None]
        if verdict.kept:
            self._add(question, look)
        return verdict, labels[:_MOST_LABELS]

    def remember(self, question: Question) -> None:
        """Take in a question that this stage kept earlier (resume), or one of another run to compare with; other runs
        first, then this run's in idx order."""
        self._add(question, _Look(question.text))

    def _verdict(self, question: Question, reason: str, score: float | None, other: str | None) -> Verdict:
        """Dropped where ``other``, the question that this one repeats, is not None and may be dropped for."""
        drop = other is not None and not self._mark_only and (self._across_runs or _run(other) == question.run_id)
        return Verdict(
            question.question_id, "duplicate", JUDGE, not drop, score=score, reason=reason if drop else None, raw=other
        )

    def _near(self, look: _Look) -> list[tuple[float, _Wording]]:
        """The wordings at or above the threshold, nearest first, then oldest."""
        known = self._by_mask.get(look.mask)
        candidates = set(sorted(self._lsh.query(look.minhash))[:_MOST_CHECKS])
        if known is not None:
            candidates.add(known)
        found = []
        for key in candidates:
            wording = self._wordings[key]
            small, large = sorted((wording.size, len(look.features)))
            if small < self._threshold * large:  # no two sets so unlike in size can reach it
                continue
            shared = 1.0 if key == known else _jaccard(look.features, _features(wording.masked.split(" ")))
            if shared >= self._threshold:
                found.append((shared, key))
        found.sort(key=lambda pair: (-pair[0], pair[1]))
        return [(shared, self._wordings[key]) for shared, key in found]

    def _add(self, question: Question, look: _Look) -> None:
        _claim(self._exact, look.exact, question)
        key = self._by_mask.get(look.mask)
        if key is None:
            key = len(self._wordings)
            self._by_mask[look.mask] = key
            self._wordings.append(_Wording(look.masked, len(look.features), question.question_id))
            self._lsh.insert(key, look.minhash)
        _claim(self._wordings[key].by_content, look.content, question)


def similarity(one: str, other: str) -> float:
    """The Jaccard of two texts as the index measures it: words and word pairs, numbers masked; 1.0 for none at all."""
    a, b = _Look(one).features, _Look(other).features
    return _jaccard(a, b) if a or b else 1.0


class _Look:
    """One text as the index sees it."""

    __slots__ = ("content", "exact", "features", "mask", "masked", "minhash")

    def __init__(self, text: str) -> None:
        given = _tokens(text)
        kinds = [_KINDS[token] for token in given]
        words = [word for word, _ in kinds if word]
        content = [telling for _, telling in kinds if telling]
        self.exact = _exact(given)
        self.content = _hash(" ".join(content))
        self.masked = " ".join(words)
        self.mask = _hash(self.masked)
        self.features = _features(words)
        self.minhash = RMinHash(_PERMUTATIONS, _SEED)
        self.minhash.update(list(self.features))


def exact(text: str) -> int:
    """Equal for texts that are the same after normalising."""
    return _exact(_tokens(text))


def _tokens(text: str) -> list[str]:
    return (_ASCII_TOKEN if text.isascii() else _TOKEN).findall(text)


def _exact(given: list[str]) -> int:
    return _hash(" ".join(given).casefold())


def _run(question_id: str) -> str:
    return question_id.rsplit("-", 1)[0]


def _claim(table: dict[int, str], key: int, question: Question) -> None:
    """The first question of a run stands for its likes, and before one of another run, which may not be dropped for."""
    known = table.get(key)
    if known is None or _run(known) != question.run_id:
        table[key] = question.question_id


class _Kinds(dict[str, tuple[str, str]]):
    """Token as given -> (its word with numbers masked, or ""; what it tells, or ""). Remembers: tokens repeat a lot."""

    def __missing__(self, given: str) -> tuple[str, str]:
        if len(self) > 100_000:
            self.clear()
        token = given.casefold()
        number = token[0].isdigit() or token in _NUMBERS
        capital = (given.isupper() or len(token) == 1) and token not in "ai"
        tells = number or capital or token in _CONTRASTS or not token[0].isalpha()
        kind = (_MASK if number else token if token[0].isalnum() else "", token.replace(",", "") if tells else "")
        self[given] = kind
        return kind


_KINDS = _Kinds()


def _hash(text: str) -> int:
    return xxh3_64_intdigest(text.encode())


def _features(words: list[str]) -> set[str]:
    return {*words, *[f"{first} {second}" for first, second in pairwise(words)]}


def _jaccard(a: set[str], b: set[str]) -> float:
    shared = len(a & b)
    return shared / (len(a) + len(b) - shared)


def _label(question: Question, other: str) -> Label:
    return Label(question.question_id, LABEL, other, JUDGE)
