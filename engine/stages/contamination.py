"""The contamination stage drops questions that share 13 consecutive words with a question of the user's benchmarks.

A benchmark question of fewer than 13 words is compared whole. ``raw`` names the file and row that matched, and a label
keeps the text of that row, so that the match can be reviewed without the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from engine.data import columns
from engine.data.reader import Source
from store.errors import InputError
from store.records import Label, Question, Verdict

GRAM = 13
JUDGE = "13-gram"
ITEM = "benchmark_item"
"""The label's key; its value is the text of the matched benchmark question."""
FIELD = "--benchmark"

_NO_CONTENT = re.compile(
    r"""\[asy\].*?\[/asy\]                                      # drawings
    | \\[A-Za-z]+                                               # LaTeX commands: layout, mostly
    | \([A-Z][^()]*[.!]\)                                       # (Two seatings are the same if ...)
    | \b(?:express|write|enter|give|leave|round|put)\s+(?:your|the)\s+(?:final\s+)?
      (?:answers?|letters?|ordered\s+pairs?|solutions?)\b[^.?!]*
    | \b(?:in|as|of)\s+the\s+form\b[^.?!]{0,60}\bwhere\b[^.?!]*\bintegers\b[^.?!]*
    | \bwhere\b[^.?!]{0,40}\bare\s+(?:relatively\s+prime|coprime)\s+positive\s+integers\b
      (?:[.,]\s*(?:find|compute|what\s+is)[^.?!]*)?
    """,
    re.DOTALL | re.VERBOSE | re.IGNORECASE,
)
"""Instructions on how to write the answer, which many different questions share word for word."""
_WORD = re.compile(r"[^\W_]+")
_LAYOUT = re.compile(r"[\s$]+")


class Benchmark:
    """The 13-grams of benchmark files; ``rows``: how many questions they hold."""

    def __init__(self) -> None:
        self.rows = 0
        self._sources: list[str] = []
        self._texts: dict[str, str] = {}
        self._grams: dict[int, int] = {}
        self._whole: dict[str, int] = {}

    @classmethod
    def load(cls, paths: Iterable[str | Path]) -> Benchmark:
        """Index the question column of each file (``engine.data.columns.QUESTION``).

        InputError for a file that is missing, unreadable, of another format or without such a column.
        """
        benchmark = cls()
        for path in map(str, paths):
            for row, text in enumerate(_questions(path), start=1):
                benchmark._add(f"{Path(path).name} row {row}", text)
        return benchmark

    def judge(self, question: Question) -> Verdict:
        """Verdict of stage ``contamination``. Reason ``benchmark_overlap``; score: the share of the question's 13-grams
        that match (1.0 for a whole match, None without a benchmark); raw: the file and row that matched first."""
        score, source = self._overlap(question.text)
        found = source is not None
        return Verdict(
            question.question_id,
            "contamination",
            JUDGE,
            kept=not found,
            score=score,
            reason="benchmark_overlap" if found else None,
            raw=source,
        )

    def labels(self, verdict: Verdict) -> list[Label]:
        """The label ``benchmark_item`` of a question that this verdict dropped."""
        text = self._texts.get(verdict.raw or "")
        return [] if verdict.kept or text is None else [Label(verdict.question_id, ITEM, text, JUDGE)]

    def _add(self, source: str, text: str) -> None:
        number = len(self._sources)
        self._sources.append(source)
        self._texts[source] = text
        self.rows += 1
        self._whole.setdefault(_squeezed(text), number)
        for gram in _grams(text):
            self._grams.setdefault(gram, number)

    def _overlap(self, text: str) -> tuple[float | None, str | None]:
        if not self.rows:
            return None, None
        whole = self._whole.get(_squeezed(text))
        if whole is not None:
            return 1.0, self._sources[whole]
        grams = _grams(text)
        hits = [number for gram in grams if (number := self._grams.get(gram)) is not None]
        return (len(hits) / len(grams), self._sources[hits[0]]) if hits else (0.0, None)


def shared(text: str, other: str) -> list[tuple[int, int]]:
    """``(start, end)`` of each stretch of ``text`` that consists of 13-grams of ``other``; all of it where the two
    differ only in layout."""
    if _squeezed(text) == _squeezed(other):
        return [(0, len(text))] if text else []
    # blanked out at the same length, so that positions stay valid
    words = list(_WORD.finditer(_NO_CONTENT.sub(lambda match: " " * len(match.group()), text)))
    grams, theirs = _hashed([word.group().lower() for word in words]), set(_grams(other))
    found: list[tuple[int, int]] = []
    for at, gram in enumerate(grams):
        if gram in theirs:
            start, end = words[at].start(), words[at + GRAM - 1].end()
            if found and start <= found[-1][1]:
                found[-1] = (found[-1][0], end)
            else:
                found.append((start, end))
    return found


def _squeezed(text: str) -> str:
    """For whole comparison: without layout and the final full stop, but with operators, so that 2 + 3 is not 2 - 3."""
    return _LAYOUT.sub("", text).casefold().rstrip(".?!")


def _grams(text: str) -> list[int]:
    return _hashed(_WORD.findall(_NO_CONTENT.sub(" ", text).lower()))


def _hashed(words: list[str]) -> list[int]:
    return [hash(tuple(words[i : i + GRAM])) for i in range(len(words) - GRAM + 1)]


def _questions(path: str) -> Iterator[str]:
    found, rows = Source.of(path, FIELD).columns_and_rows()
    column = columns.find(columns.QUESTION, found)
    some = False
    texts = (row.get(column) for row in rows) if column is not None else ()
    for text in texts:
        if isinstance(text, str) and text.strip():
            some = True
            yield text
    if not some:
        problem = f"has no question column (found: {', '.join(found) or 'none'})"
        raise InputError(FIELD, path, problem, f"name the column one of {', '.join(columns.QUESTION)}")
