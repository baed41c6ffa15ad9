"""The near-duplicates of a question and the benchmark question that it overlaps, as Markdown in its story.

Texts are shown on one line and without formulas, so that they can be compared word by word.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from engine.stages.contamination import GRAM, ITEM, shared
from engine.stages.duplicate import JUDGE, LABEL, similarity
from ui.web.escape import inert
from ui.web.latex import quoted

Story = Mapping[str, Any]  # all that is stored of a question, as store.database.question.read_question returns it
_LONGEST = 1_500  # words of a text that is compared word by word: the cost is quadratic
_LINKED = re.compile(r"[A-Za-z0-9_-]+")


def named(story: Story) -> list[str]:
    """The ids of the questions that this one is nearly the same as."""
    return list(dict.fromkeys(label["value"] for label in story["labels"] if label["key"] == LABEL))


def near_duplicates(story: Story, texts: Mapping[str, str]) -> list[str]:
    """Each with its similarity and its text; ``texts``: of the questions that still exist, by id."""
    keys = named(story)
    if not keys:
        return []
    own = story["question"]["text"]
    by = {label["value"]: label["model"] for label in story["labels"] if label["key"] == LABEL}
    parts = ["### Near-duplicates", "Bold words are only in the other question, struck-through words only in this one."]
    by_likeness = sorted(((similarity(own, texts[key]), key) for key in keys if key in texts), key=lambda f: -f[0])
    for likeness, key in by_likeness:
        marked = "" if by[key] == JUDGE else f"; marked by {inert(by[key])}"
        parts.append(f"**{linked(key)}**, similarity {likeness:.2f} (of words and word pairs, without numbers){marked}")
        parts.append(quoted(difference(own, texts[key])))
    parts += [f"{inert(key)} is no longer in the workspace." for key in keys if key not in texts]
    return parts


def benchmark(story: Story) -> list[str]:
    """The benchmark question that was matched, next to this one; empty where none was."""
    verdict = next((v for v in story["verdicts"] if v["stage"] == "contamination" and not v["kept"]), None)
    if verdict is None:
        return []
    source = inert(" ".join(str(verdict["raw"] or "an unnamed benchmark").split()))
    parts = ["### In a benchmark"]
    text = next((label["value"] for label in story["labels"] if label["key"] == ITEM), None)
    if text is None:
        return [*parts, f"It overlaps with {source}. Its text is not stored; check contamination again to store it."]
    share = f", {verdict['score']:.0%} of its {GRAM}-word sequences" if verdict["score"] is not None else ""
    mine, theirs = _line(story["question"]["text"]), _line(text)
    return [
        *parts,
        f"The bold words of this question{share} are also in **{source}**:",
        quoted(_marked(theirs, shared(theirs, mine))),
        "This question:",
        quoted(_marked(mine, shared(mine, theirs))),
    ]


def difference(own: str, other: str) -> str:
    """The other text on one line: words that are only there in bold, words that are only in ``own`` struck through."""
    a, b = own.split(), other.split()
    if max(len(a), len(b)) > _LONGEST:
        return inert(" ".join(b))
    return " ".join(_pieces(a, b))


def _pieces(a: Sequence[str], b: Sequence[str]) -> Iterator[str]:
    for kind, low, high, first, last in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if kind == "equal":
            yield inert(" ".join(a[low:high]))
            continue
        if high > low:
            yield f"~~{inert(' '.join(a[low:high]))}~~"
        if last > first:
            yield f"**{inert(' '.join(b[first:last]))}**"


def _marked(text: str, spans: Iterable[tuple[int, int]]) -> str:
    parts, at = [], 0
    for start, end in spans:
        parts += [inert(text[at:start]), f"**{inert(text[start:end])}**"]
        at = end
    return "".join([*parts, inert(text[at:])])


def _line(text: str) -> str:
    return " ".join(text.split())


def linked(key: str) -> str:
    """A question's id, as a link to its story."""
    return f"[{inert(key)}](/?row={key})" if _LINKED.fullmatch(key) else inert(key)
