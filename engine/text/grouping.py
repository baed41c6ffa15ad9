"""Groups of equal answers that don't depend on the order in which the answers come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from engine.text.equality import settle
from engine.text.layout import normalise


def group(answers: Sequence[str | None], same: Callable[[str, str], bool] | None = None) -> list[int | None]:
    """For every answer the index of the first one of its group (possibly its own); None without an answer.

    Equality of answers is not transitive: 25% is 25 and 0.25, "5" is "5 m" and "5 cm". So the texts are taken in an
    order of their own, the most frequent first; each joins the first group where it equals one member and surely
    differs from none. ``same`` decides where ``settle`` cannot; without it such answers stay apart. What is undecided
    never joins.
    """
    texts = [None if answer is None else normalise(answer) for answer in answers]
    counts = Counter(text for text in texts if text is not None)
    groups: list[list[str]] = []
    of: dict[str, int] = {}
    for text in sorted(counts, key=lambda one: (-counts[one], len(one), one)):
        at = next((i for i, members in enumerate(groups) if _joins(text, members, same)), len(groups))
        if at == len(groups):
            groups.append([])
        groups[at].append(text)
        of[text] = at
    firsts: dict[int, int] = {}
    return [None if text is None else firsts.setdefault(of[text], i) for i, text in enumerate(texts)]


def _joins(text: str, members: list[str], same: Callable[[str, str], bool] | None) -> bool:
    settled = [settle(text, member) for member in members]
    if False in settled:
        return False
    if True in settled:
        return True
    return same is not None and any(same(text, member) for member in members)
