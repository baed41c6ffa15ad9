"""The workspace's preference pairs: from reviewers' decisions, and all of them as training data."""

from typing import Any

from store.database.workspace import Workspace
from store.errors import InputError
from store.records import Preference
from store.review import preferences
from store.review.preferences import ReviewedQuestion


def from_reviews(workspace: Workspace) -> int:
    """Make pairs from reviewers' decisions; returns how many are new. An edit is preferred to the original, an accepted
    question to a rejected one of the same generator, each used once (with a constant prompt any two can be paired).
    Pairs of decisions that were undone, or whose texts have changed, are removed.
    """
    made, gone = _due(workspace)
    preferences.replace(workspace, gone, made)
    return len(made)


def possible(workspace: Workspace) -> int:
    """How many pairs ``from_reviews`` would make now."""
    return len(_due(workspace)[0])


def _due(workspace: Workspace) -> tuple[list[Preference], list[str]]:
    """The pairs to make, and the ids of pairs that are no longer valid. Valid pairs stay as they are."""
    with workspace.cursor() as cursor:
        reviews, known = preferences.reviewed_questions(cursor), preferences.reviewer_pairs(cursor)
    of = {review.question_id: review for review in reviews}
    valid = {name for name, texts in known.items() if _texts(name, of) == texts}
    used = {question for name in valid if name.startswith("verdict:") for question in name.split(":")[1:]}
    names = [f"edit:{key}" for key in of]
    for generator in sorted({review.generator for review in reviews}):
        free = [r for r in reviews if r.generator == generator and r.question_id not in used]
        good, bad = ([r.question_id for r in free if r.status == status] for status in ("accepted", "rejected"))
        names += [f"verdict:{better}:{worse}" for better, worse in zip(good, bad, strict=False)]
    made = []
    for name in names:
        if name not in valid and (texts := _texts(name, of)) is not None:
            # reviewers judge whether a question is solvable
            made.append(Preference(name, *texts, "solvable", "reviewer", name.split(":")[-1]))
    return made, sorted(set(known) - valid)


def _texts(name: str, of: dict[str, ReviewedQuestion]) -> tuple[str, str] | None:
    """(chosen, rejected) of the pair of this name by the current reviews; None where they do not make it."""
    kind, *questions = name.split(":")
    found = [of.get(question) for question in questions]
    if kind == "edit" and len(found) == 1 and (edit := found[0]) is not None:
        return (edit.query, edit.text) if edit.query != edit.text and edit.status != "rejected" else None
    if kind == "verdict" and len(found) == 2 and (better := found[0]) is not None and (worse := found[1]) is not None:
        sides = (better.status, worse.status, better.generator)
        return (better.query, worse.text) if sides == ("accepted", "rejected", worse.generator) else None
    return None


def stored(workspace: Workspace) -> tuple[list[tuple[str, str]], list[dict[str, Any]]]:
    """The workspace's pairs as training data, and facts on them. InputError where there are none."""
    with workspace.cursor() as cursor:
        pairs = [(chosen, rejected) for _, chosen, rejected in preferences.pairs(cursor)]
    if not pairs:
        remedy = "make some by `scalequest train build-pairs`, or give a file by --pairs"
        raise InputError("--workspace", str(workspace.path), "holds no preference pair", remedy)
    fact = {"file": str(workspace.path), "field": "preferences", "rows": len(pairs), "used": len(pairs)}
    return pairs, [fact]
