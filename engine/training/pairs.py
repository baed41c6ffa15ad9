"""The workspace's preference pairs: from reviewers' decisions, and all of them as training data."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.training import json_lines
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


def stored(workspace: Workspace, base: str | None = None) -> tuple[list[tuple[str, str]], list[dict[str, Any]]]:
    """The workspace's pairs as training data, and facts on them: with ``base``, a folder or hub id, only those made of
    this model's samples. InputError where there are none.

    The rejected side of a pair is to be what the trained model itself writes (paper, section 2.2).
    """
    with workspace.cursor() as cursor:
        found = preferences.pairs(cursor)
        reviewed = preferences.reviewed_generators(cursor)
    if not found:
        remedy = "make some by `scalequest train build-pairs`, or give a file by --pairs"
        raise InputError("--workspace", str(workspace.path), "holds no preference pair", remedy)
    own = found
    if base is not None:
        origins = _origins(workspace, [pair_id for pair_id, *_ in found], reviewed)
        own = [pair for pair in found if _same_model(origins[pair[0]], base)]
        if not own:
            names = sorted({origin for origin in origins.values() if origin}) or ["an unknown generator"]
            problem = f"is not the generator of the workspace's {len(found)} pairs, which are of {', '.join(names)}"
            remedy = "make its own by `scalequest train build-pairs`, or use these by --any-generator"
            raise InputError("--base", base, problem, remedy)
    fact = {"file": str(workspace.path), "field": "preferences", "rows": len(found), "used": len(own)}
    return [(chosen, rejected) for _, chosen, rejected in own], [fact]


def _origins(
    workspace: Workspace, pair_ids: Sequence[str], reviewed: dict[str, tuple[str, str]]
) -> dict[str, str | None]:
    """The generator of each pair, as a folder or hub id: of reviewed questions by their run, of rewritten samples by
    the file of samples in ``logs``, and where that is missing, by the pairs' own name, which is the model's unless
    --name was given. None where nothing tells."""
    models = {pair_id: _model_in(config, name) for pair_id, (name, config) in reviewed.items()}
    sets = {pair_id.rpartition("-")[0] for pair_id in pair_ids} - {""}
    made_of: dict[str, str | None] = {name: samples_of(workspace, name) or name for name in sets}
    return {pair_id: models.get(pair_id) or made_of.get(pair_id.rpartition("-")[0]) for pair_id in pair_ids}


def samples_of(workspace: Workspace, name: str) -> str | None:
    """The generator of the samples behind the pairs of this name."""
    rows = json_lines.read(workspace.path / "logs" / f"pairs-{name}-samples.jsonl")
    return str(rows[0]["generator"]) if rows and "generator" in rows[0] else None


def _model_in(config: str, name: str) -> str | None:
    """The model of the generator of this name in a run's config."""
    try:
        generators = json.loads(config)["profile"]["generators"]
        return next((str(one["model"]) for one in generators if one["name"] == name), None)
    except (ValueError, KeyError, TypeError):  # an import's
        return None


def _same_model(origin: str | None, base: str) -> bool:
    """Whether the two name one model; a folder that is gone is one that has moved, and its name counts."""
    if origin is None or origin == base:
        return origin == base
    return Path(origin).name == Path(base).name and not (Path(origin).is_absolute() and Path(origin).exists())
