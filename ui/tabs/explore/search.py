"""What Explore says of a search: how far it came, how it may be ordered, and where in a text it was found.

Knows neither SQL nor Gradio.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from store.database.sources import Source
from store.filters import search_syntax
from store.filters.filter import Filter
from store.frame.frame import Array, Frame
from store.search import search

_CUT = 220
"""Characters of a question that the table shows."""
_BEFORE = 60
"""Of them before the first that was found, where that is further on."""
_SOON = 20_000
"""So few questions that are not in the index yet are read in no time: nothing is said of them."""
_CALLED = {"text": "text", "words": "words", "regex": "regular expression"}


@dataclass(frozen=True, slots=True)
class Told:
    """``least``: counts are of what was searched so far. ``best``: the positions of what was found, best first, where
    that can be told. ``again``: there will be more in a moment.
    """

    notes: list[str]
    least: bool
    best: Array | None
    again: bool


def told(source: Source, frame: Frame, asked: Filter, *, ranked: bool) -> Told:
    """Of a filter's searches, which have been asked already."""
    searches = search.of(source)
    partial, state, notes = searches.partial(frame, asked), searches.state(frame), []
    for part in partial:
        notes.append(
            f"The search by {_CALLED[part.name]} has read {part.searched:,} of {part.total:,} questions in "
            f"{part.seconds:.0f} s: counts are of these, at least. It goes on."
        )
    behind = state.total - state.indexed
    if state.problem is not None:
        notes += [state.problem] if asked.words else []
    elif behind > _SOON:
        notes.append(f"Searches become faster: indexed {state.indexed:,} of {state.total:,} questions.")
    best = searches.best(source, frame, asked.words) if ranked and asked.words else None
    return Told(notes, bool(partial), best, bool(partial) or (behind > _SOON and state.problem is None))


def marked(texts: list[str], asked: Filter) -> list[list[str]]:
    """Texts as the table shows them, in pieces: what was not found and what was take turns."""
    pattern = _pattern(asked)
    exact = search_syntax.matches(asked.regex, texts) if asked.regex else [[] for _ in texts]
    found = []
    for text, parts in zip(texts, exact, strict=True):
        spans = [match.span() for match in pattern.finditer(text)] if pattern else []
        found.append(_pieces(text, sorted(spans + _places(text, parts))))
    return found


def _pattern(asked: Filter) -> re.Pattern[str] | None:
    """What is to be marked of words and a text; near enough to how they are found."""
    parts = [re.escape(asked.text)] if asked.text else []
    for term in search_syntax.words(asked.words).wanted if asked.words else ():
        phrase = r"[\W_]+".join(map(re.escape, term.words))
        parts.append(rf"(?<![^\W_]){phrase}" + (r"[^\W_]*" if term.prefix else r"(?![^\W_])"))
    return re.compile("|".join(parts), re.IGNORECASE) if parts else None


def _places(text: str, parts: list[str]) -> list[tuple[int, int]]:
    """Where the parts stand, one after the other."""
    spans, start = [], 0
    for part in parts:
        at = text.find(part, start) if part else -1
        if at >= 0:
            start = at + len(part)
            spans.append((at, start))
    return spans


def _pieces(text: str, spans: list[tuple[int, int]]) -> list[str]:
    first = spans[0][0] if spans else 0
    # a match that would not be seen moves the text
    start = max(first - _BEFORE, 0) if len(text) > _CUT and first > _CUT - _BEFORE else 0
    end = start + _CUT
    pieces, at = [], start
    for low, high in spans:
        low, high = max(low, at), min(high, end)
        if low < high:
            pieces += [text[at:low], text[low:high]]
            at = high
    pieces.append(text[at:end] + ("…" if len(text) > end else ""))
    if start:
        pieces[0] = "…" + pieces[0]
    return pieces
