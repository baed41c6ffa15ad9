"""What Explore says about a search: its progress, the order of its matches, and where in a text they are."""

import re
from dataclasses import dataclass

from store.database.sources import Source
from store.filters import search_syntax
from store.filters.filter import Filter
from store.frame.frame import Array, Frame
from store.search import search

_LONGEST = 220  # characters of a question that the table shows
_CONTEXT = 60  # of them before the first match, where that is further on
_NOT_WORTH_A_NOTE = 20_000  # so few questions that are not indexed yet are scanned quickly: no note mentions them
_NAMES = {"text": "text", "words": "words", "regex": "regular expression", "solution_text": "text of solutions"}


@dataclass(frozen=True, slots=True)
class State:
    """``least``: counts are of what was searched so far. ``best``: the positions of the matches, best first, where they
    can be ranked. ``again``: there will be more in a moment.
    """

    notes: list[str]
    least: bool
    best: Array | None
    again: bool


def state(source: Source, frame: Frame, filter: Filter, *, ranked: bool) -> State:
    """The state of a filter's searches, which have been started already."""
    searches = search.of(source)
    partial, index, notes = searches.partial(frame, filter), searches.state(frame), []
    for part in partial:
        notes.append(
            f"The search by {_NAMES[part.name]} has scanned {part.searched:,} of {part.total:,} questions in "
            f"{part.seconds:.0f} s and goes on: counts are lower bounds."
        )
    behind = index.total - index.indexed
    if index.problem is not None:
        notes += [index.problem] if filter.words else []
    elif behind > _NOT_WORTH_A_NOTE:
        notes.append(f"Indexing for faster searches: {index.indexed:,} of {index.total:,} questions.")
    best = searches.best(source, frame, filter.words) if ranked and filter.words else None
    again = bool(partial) or (behind > _NOT_WORTH_A_NOTE and index.problem is None)
    return State(notes, bool(partial), best, again)


def marked(texts: list[str], filter: Filter) -> list[list[str]]:
    """Texts as the table shows them, in pieces: every second one is a match."""
    pattern = _pattern(filter)
    exact = search_syntax.matches(filter.regex, texts) if filter.regex else [[] for _ in texts]
    marked_texts = []
    for text, parts in zip(texts, exact, strict=True):
        spans = [match.span() for match in pattern.finditer(text)] if pattern else []
        marked_texts.append(_pieces(text, sorted(spans + _places(text, parts))))
    return marked_texts


def _pattern(filter: Filter) -> re.Pattern[str] | None:
    """A pattern for the words and the text of a filter, close to how the search finds them."""
    parts = [re.escape(filter.text)] if filter.text else []
    for term in search_syntax.words(filter.words).wanted if filter.words else ():
        phrase = r"[\W_]+".join(map(re.escape, term.words))
        parts.append(rf"(?<![^\W_]){phrase}" + (r"[^\W_]*" if term.prefix else r"(?![^\W_])"))
    return re.compile("|".join(parts), re.IGNORECASE) if parts else None


def _places(text: str, parts: list[str]) -> list[tuple[int, int]]:
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
    start = max(first - _CONTEXT, 0) if len(text) > _LONGEST and first > _LONGEST - _CONTEXT else 0
    end = start + _LONGEST
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
