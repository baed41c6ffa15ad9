"""The duplicate stage drops questions that repeat an earlier one, exactly or nearly.

Exact duplicates are equal after normalising. Near duplicates are MinHash candidates, confirmed by the Jaccard
similarity of words and word pairs with numbers masked. One that differs in numbers, operators or contrasting words (at
least, area) is another question of the same wording: it is labelled, not dropped. The caller judges questions in idx
order, so that the lowest idx wins.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from itertools import pairwise

from rensa import RMinHash, RMinHashLSH
from xxhash import xxh3_64_intdigest

from engine.paths import ASSETS
from store.records import Label, Question, Verdict

JUDGE = "minhash"
LABEL = "near_duplicate"
_PERMUTATIONS, _BANDS, _SEED = 96, 16, 7
"""6 rows a band: a pair with Jaccard 0.8 becomes a candidate with probability 0.99, one with 0.5 with 0.22."""
_MOST_LABELS, _MOST_CHECKS = 8, 64
"""Generators that repeat one template make crowded neighbourhoods, of which the oldest wordings are enough."""

_REST = r"|\d+(?:,\d{3})*(?:\.\d+)?|[-+*/^=<>%()!|]|[^\x00-\x7f]"
_TOKEN, _ASCII_TOKEN = re.compile(r"[^\W\d_]+(?:['’][a-z]+)?" + _REST), re.compile(r"[A-Za-z]+(?:'[a-z]+)?" + _REST)
_MASK = "0"
_WORDS = tomllib.loads((ASSETS / "text" / "words.toml").read_text(encoding="utf-8"))["duplicate"]
_NUMBERS, _CONTRASTS = frozenset(_WORDS["numbers"].split()), frozenset(_WORDS["contrasts"].split())
"""Words that make another question, like numbers, operators, one-letter names and words in capitals."""


@dataclass(slots=True)
class _Wording:
    """Questions that differ only in their numbers: the masked text, its number of features, the first such question,
    and the first one of each content."""

    masked: str
    size: int
    first: str
    by_content: dict[int, str] = field(default_factory=dict)


class Index:
    """The questions kept so far. For one thread at a time.

    ``threshold``: Jaccard from which two wordings are near. ``mark_only``: drop nothing (live runs). ``across_runs``:
    also drop duplicates of other runs' questions, which are otherwise only labelled. Memory: about 2.4 kB a wording of
    250 characters, mostly bands; little more for each further question.
    """

    def __init__(self, *, threshold: float = 0.8, mark_only: bool = False, across_runs: bool = False) -> None:
        self._threshold, self._mark_only, self._across_runs = threshold, mark_only, across_runs
        self._exact: dict[int, str] = {}
        self._wordings: list[_Wording] = []
        self._by_mask: dict[int, int] = {}
        self._lsh = RMinHashLSH(threshold, _PERMUTATIONS, _BANDS)

    def judge(self, question: Question) -> tuple[Verdict, list[Label]]:
        """Verdict of stage ``duplicate`` (raw: the question it repeats; score: the Jaccard with that one, else the
        highest) and the labels ``near_duplicate``, one for each near wording. A kept question is added."""
        look = _Features(question.text)
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
        labels = [Label(question.question_id, LABEL, other, JUDGE) for other in found if other is not None]
        if verdict.kept:
            self._add(question, look)
        return verdict, labels[:_MOST_LABELS]

    def remember(self, question: Question) -> None:
        """Add a question that this stage kept earlier (resume), or one of another run; other runs first, then this run
        in idx order."""
        self._add(question, _Features(question.text))

    def _verdict(self, question: Question, reason: str, score: float | None, other: str | None) -> Verdict:
        """Dropped where it repeats a question, ``other``, that may drop it."""
        drop = other is not None and not self._mark_only and (self._across_runs or _run(other) == question.run_id)
        return Verdict(
            question.question_id, "duplicate", JUDGE, not drop, score=score, reason=reason if drop else None, raw=other
        )

    def _near(self, look: _Features) -> list[tuple[float, _Wording]]:
        """The wordings at or above the threshold, nearest first, then oldest."""
        known = self._by_mask.get(look.mask)
        candidates = set(sorted(self._lsh.query(look.minhash))[:_MOST_CHECKS])
        if known is not None:
            candidates.add(known)
        found = []
        for key in candidates:
            wording = self._wordings[key]
            small, large = sorted((wording.size, len(look.features)))
            if small < self._threshold * large:  # sets that differ this much in size cannot reach the threshold
                continue
            shared = 1.0 if key == known else _jaccard(look.features, _features(wording.masked.split(" ")))
            if shared >= self._threshold:
                found.append((shared, key))
        found.sort(key=lambda pair: (-pair[0], pair[1]))
        return [(shared, self._wordings[key]) for shared, key in found]

    def _add(self, question: Question, look: _Features) -> None:
        _claim(self._exact, look.exact, question)
        key = self._by_mask.get(look.mask)
        if key is None:
            key = len(self._wordings)
            self._by_mask[look.mask] = key
            self._wordings.append(_Wording(look.masked, len(look.features), question.question_id))
            self._lsh.insert(key, look.minhash)
        _claim(self._wordings[key].by_content, look.content, question)


def similarity(one: str, other: str) -> float:
    """The Jaccard of two texts as the index measures it: words and word pairs, numbers masked; 1.0 for two empty
    ones."""
    a, b = _Features(one).features, _Features(other).features
    return _jaccard(a, b) if a or b else 1.0


class _Features:
    """The hashes and features of one text."""

    __slots__ = ("content", "exact", "features", "mask", "masked", "minhash")

    def __init__(self, text: str) -> None:
        given = _tokens(text)
        kinds = [_KINDS[token] for token in given]
        words = [word for word, _ in kinds if word]
        content = [contrast for _, contrast in kinds if contrast]
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
    """Keep the first question of this run, which replaces one of another run."""
    known = table.get(key)
    if known is None or _run(known) != question.run_id:
        table[key] = question.question_id


class _Kinds(dict[str, tuple[str, str]]):
    """Token -> (its word with numbers masked, or ""; its contrasting content, or ""), cached since tokens repeat."""

    def __missing__(self, given: str) -> tuple[str, str]:
        if len(self) > 100_000:
            self.clear()
        token = given.casefold()
        number = token[0].isdigit() or token in _NUMBERS
        capital = (given.isupper() or len(token) == 1) and token not in "ai"
        contrasts = number or capital or token in _CONTRASTS or not token[0].isalpha()
        kind = (_MASK if number else token if token[0].isalnum() else "", token.replace(",", "") if contrasts else "")
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
