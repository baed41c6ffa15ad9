"""The near-duplicates of a question, and the benchmark question that it overlaps, as texts in pieces.

A text is shown on one line and without formulas, so that it can be compared word by word.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from engine.stages.contamination import GRAM, ITEM, shared
from engine.stages.duplicate import JUDGE, LABEL, similarity
from ui.tabs.row.stages import Story, percent, source_name
from ui.web.escape import visible

Pieces = list[tuple[str, str]]
"""``same``, ``only here`` (struck through) or ``strong`` (bold), each with its text."""
_LONGEST = 1_500  # words of a text that is compared word by word: the cost is quadratic


def named(story: Story) -> list[str]:
    """The ids of the questions that this one is nearly the same as."""
    return list(dict.fromkeys(label["value"] for label in story["labels"] if label["key"] == LABEL))


def near_duplicates(story: Story, texts: Mapping[str, str]) -> list[dict[str, Any]]:
    """Each with its similarity and its text, the most similar first; ``texts``: of those that still exist, by id."""
    own = story["question"]["text"]
    by = {label["value"]: label["model"] for label in story["labels"] if label["key"] == LABEL}
    alike = sorted(((similarity(own, texts[key]), key) for key in named(story) if key in texts), key=lambda f: -f[0])
    found: list[dict[str, Any]] = []
    for likeness, key in alike:
        marked = "" if by[key] == JUDGE else f"; marked by {visible(by[key])}"
        about = f"similarity {likeness:.2f} (of words and word pairs, without numbers){marked}"
        found.append({"id": key, "about": about, "pieces": difference(own, texts[key])})
    gone = [key for key in named(story) if key not in texts]
    return found + [{"id": key, "about": "no longer in the workspace", "pieces": [], "gone": True} for key in gone]


def benchmark(story: Story) -> dict[str, Any] | None:
    """The benchmark question that was matched, next to this one; None where none was."""
    verdict = next((v for v in story["verdicts"] if v["stage"] == "contamination" and not v["kept"]), None)
    if verdict is None:
        return None
    source = visible(source_name(str(verdict["raw"] or "an unnamed benchmark")))
    text = next((label["value"] for label in story["labels"] if label["key"] == ITEM), None)
    if text is None:
        about = f"It overlaps with {source}. Its text is not stored; check contamination again to store it."
        return {"about": about}
    mine, theirs = _line(story["question"]["text"]), _line(text)
    score = verdict["score"]
    share = "Its words in bold" if score is None else f"{percent(score)} of its {GRAM}-word sequences (bold)"
    return {
        "about": f"{share} also occur in {source}.",
        "source": source,
        "theirs": _marked(theirs, shared(theirs, mine)),
        "mine": _marked(mine, shared(mine, theirs)),
    }


def difference(own: str, other: str) -> Pieces:
    """The other text on one line: words that are only there are strong, words that are only in ``own`` struck."""
    a, b = own.split(), other.split()
    if max(len(a), len(b)) > _LONGEST:
        return [("same", visible(" ".join(b)))]
    return list(_pieces(a, b))


def _pieces(a: Sequence[str], b: Sequence[str]) -> Iterator[tuple[str, str]]:
    for kind, low, high, first, last in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if kind == "equal":
            yield "same", visible(" ".join(a[low:high]))
            continue
        if high > low:
            yield "only here", visible(" ".join(a[low:high]))
        if last > first:
            yield "strong", visible(" ".join(b[first:last]))


def _marked(text: str, spans: Iterable[tuple[int, int]]) -> Pieces:
    parts: Pieces = []
    at = 0
    for start, end in spans:
        parts += [("same", visible(text[at:start])), ("strong", visible(text[start:end]))]
        at = end
    return [piece for piece in (*parts, ("same", visible(text[at:]))) if piece[1]]


def _line(text: str) -> str:
    return " ".join(text.split())
