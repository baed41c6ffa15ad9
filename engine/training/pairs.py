"""The workspace's preference pairs: those that reviewers' decisions make, and all of them as a training takes them.

Knows the store's verbs; knows no model.
"""

from __future__ import annotations

from typing import Any

from store.database.workspace import Workspace
from store.errors import InputError
from store.records import Preference
from store.review import preferences
from store.review.preferences import ReviewedQuestion


def from_reviews(workspace: Workspace) -> int:
    """Pairs from what reviewers decided; gives how many are new. An edit is preferred to what it edits; an accepted
    question to a rejected one of the same generator, each used once (with a constant prompt any two can be paired).
    Pairs of decisions that were taken back, or that read otherwise now, go.
    """
    made, gone = _due(workspace)
    preferences.replace(workspace, gone, made)
    return len(made)


def possible(workspace: Workspace) -> int:
    """How many pairs ``from_reviews`` would make now."""
    return len(_due(workspace)[0])


def _due(workspace: Workspace) -> tuple[list[Preference], list[str]]:
    """The pairs to make, and the ids of those that hold no more. What holds stays as it was paired."""
    with workspace.cursor() as cursor:
        reviews, known = preferences.reviewed_questions(cursor), preferences.reviewer_pairs(cursor)
    of = {review.question_id: review for review in reviews}
    hold = {name for name, texts in known.items() if _texts(name, of) == texts}
    used = {question for name in hold if name.startswith("verdict:") for question in name.split(":")[1:]}
    names = [f"edit:{key}" for key in of]
    for generator in sorted({review.generator for review in reviews}):
        free = [r for r in reviews if r.generator == generator and r.question_id not in used]
        good, bad = ([r.question_id for r in free if r.status == status] for status in ("accepted", "rejected"))
        names += [f"verdict:{better}:{worse}" for better, worse in zip(good, bad, strict=False)]
    made = []
    for name in names:
        if name not in hold and (texts := _texts(name, of)) is not None:
            # reviewers judge whether a question is sound: that direction
            made.append(Preference(name, *texts, "solvable", "reviewer", name.split(":")[-1]))
    return made, sorted(set(known) - hold)


def _texts(name: str, of: dict[str, ReviewedQuestion]) -> tuple[str, str] | None:
    """(chosen, rejected) of the pair of this name as reviews have it now; None where they do not make it."""
    kind, *questions = name.split(":")
    found = [of.get(question) for question in questions]
    if kind == "edit" and len(found) == 1 and (edit := found[0]) is not None:
        return (edit.query, edit.text) if edit.query != edit.text and edit.status != "rejected" else None
    if kind == "verdict" and len(found) == 2 and (better := found[0]) is not None and (worse := found[1]) is not None:
        sides = (better.status, worse.status, better.generator)
        return (better.query, worse.text) if sides == ("accepted", "rejected", worse.generator) else None
    return None


def stored(workspace: Workspace) -> tuple[list[tuple[str, str]], list[dict[str, Any]]]:
    """The workspace's pairs as a training takes them, and what to say of them. InputError where there are none."""
    with workspace.cursor() as cursor:
        pairs = [(chosen, rejected) for _, chosen, rejected in preferences.pairs(cursor)]
    if not pairs:
        remedy = "make some by `scalequest train build-pairs`, or give a file by --pairs"
        raise InputError("--workspace", str(workspace.path), "holds no preference pair", remedy)
    fact = {"file": str(workspace.path), "field": "preferences", "rows": len(pairs), "used": len(pairs)}
    return pairs, [fact]
