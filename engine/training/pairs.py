"""The workspace's preference pairs: those that reviewers' decisions make, and all of them as a training takes them.

Knows the store's verbs; knows no model.
"""

from __future__ import annotations

from typing import Any

from store import preferences
from store.errors import InputError
from store.records import Preference
from store.workspace import Workspace


def from_reviews(workspace: Workspace) -> int:
    """Pairs from what reviewers decided; gives how many are new. An edit is preferred to what it edits; an accepted
    question to a rejected one of the same generator, each used once (with a constant prompt any two can be paired)."""
    with workspace.cursor() as cursor:
        reviews, known = preferences.reviews(cursor), {pair for pair, _, _ in preferences.pairs(cursor)}
    used = {question for pair in known if pair.startswith("verdict:") for question in pair.split(":")[1:]}
    made: list[Preference] = []
    for review in reviews:
        if review.query != review.text and review.status != "rejected":
            made.append(_reviewed(f"edit:{review.question_id}", review.query, review.text, review.question_id))
    for generator in sorted({review.generator for review in reviews}):
        free = [r for r in reviews if r.generator == generator and r.question_id not in used]
        good, bad = ([r for r in free if r.status == status] for status in ("accepted", "rejected"))
        for better, worse in zip(good, bad, strict=False):
            name = f"verdict:{better.question_id}:{worse.question_id}"
            made.append(_reviewed(name, better.query, worse.text, worse.question_id))
    fresh = [pair for pair in made if pair.pair_id not in known]
    workspace.writer.put(fresh)
    workspace.writer.flush()
    return len(fresh)


def stored(workspace: Workspace) -> tuple[list[tuple[str, str]], list[dict[str, Any]]]:
    """The workspace's pairs as a training takes them, and what to say of them. InputError where there are none."""
    with workspace.cursor() as cursor:
        pairs = [(chosen, rejected) for _, chosen, rejected in preferences.pairs(cursor)]
    if not pairs:
        remedy = "make some by `scalequest train build-pairs`, or give a file by --pairs"
        raise InputError("--workspace", str(workspace.path), "holds no preference pair", remedy)
    fact = {"file": str(workspace.path), "field": "preferences", "rows": len(pairs), "used": len(pairs)}
    return pairs, [fact]


def _reviewed(pair_id: str, chosen: str, rejected: str, question_id: str) -> Preference:
    """Reviewers judge whether a question is sound: that direction."""
    return Preference(pair_id, chosen, rejected, "solvable", "reviewer", question_id)
