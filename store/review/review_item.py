"""One question as a reviewer reads it: what stands now, what it was, its solutions by answer, how its scores lie.

Plain dicts, ready for a page. Knows what a blind reviewer must not see; nothing of how a card is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from store.database import label_texts
from store.database.question import Row, tell
from store.database.review_state import ReviewState, replay_events
from store.database.sources import Source
from store.frame.cache import asking
from store.frame.frame import NUMBERS, Frame
from store.review.reviewers import entry_of

NEAR = 5
"""Near-duplicates whose texts are shown."""
Grouping = Callable[[Sequence[str | None]], list[int | None]]
"""For every answer the index of the first equivalent one, None for no answer."""


def card(source: Source, frame: Frame, question_id: str, *, group: Grouping | None = None) -> Row:
    """All that a reviewer may want of one question. InputError where it is not there (any more).

    ``query``, ``response`` and ``answer`` as they stand, the last two None where no solution is chosen; ``original``:
    what was edited, as it was. ``groups``: samples by answer, the largest first, those without one last. ``scores``:
    with ``percentile`` 0 to 100, the share of all of the frame that has less, and half of what has the same.
    ``decisions``: all events, newest first. ``group``: which answers are the same; by default the same texts are.
    """
    with asking(source) as cursor:
        told = tell(cursor, question_id)
        labels = {label["key"]: label["value"] for label in told["labels"]}
        near = [label["value"] for label in told["labels"] if label["key"] == "near_duplicate"]
        texts = label_texts.texts(cursor, near[:NEAR])
    now = replay_events(told["decisions"])
    chosen = now.sample if now.sample is not None else _whole(labels.get("chosen"))
    solutions = [_solution(solution, chosen) for solution in told["solutions"]]
    dropped = next((verdict for verdict in told["verdicts"] if not verdict["kept"]), None)
    entries = [entry_of(event) for event in reversed(told["decisions"])]
    return {
        "question_id": question_id,
        "run": {name: told["run"][name] for name in ("run_id", "name")},
        "generator": told["question"]["generator"],
        "topic": labels.get("topic"),
        **_texts(told, now, next((s for s in solutions if s["chosen"]), None)),
        "chosen": chosen if any(s["chosen"] for s in solutions) else None,
        "reference_answer": told["question"]["reference_answer"],
        "majority_answer": labels.get("majority_answer"),
        "solutions": solutions,
        "groups": _groups(solutions, group or _by_text),
        "scores": _scores(frame, question_id),
        "verdicts": told["verdicts"],
        "drop_stage": dropped["stage"] if dropped else None,
        "drop_reason": dropped["reason"] if dropped else None,
        "near_duplicates": [{"question_id": key, "text": text} for key, text in texts.items()],
        "near_duplicates_of": len(near),
        "status": now.status,
        "tags": now.tags,
        "edited": now.edited,
        "notes": [
            {"reviewer": event["reviewer"], "text": event["payload"].get("text", ""), "created_at": event["created_at"]}
            for event in told["decisions"]
            if event["action"] == "note" and event["in_force"]
        ],
        "decisions": entries,
    }


def blind(told: Row, reviewer: str) -> Row:
    """The card before this reviewer has decided: without scores, rewards, verdicts and what others did. The reviewer's
    own notes, tags and events stay; solutions stand in their order, not in that of how many agree. Texts are as they
    stand: an edit of another's is the question now.
    """
    own = [event for event in told["decisions"] if event["reviewer"] == reviewer]
    mine = replay_events(reversed(own))
    return told | {
        "majority_answer": None,
        "solutions": [solution | {"reward": None, "rewards": {}} for solution in told["solutions"]],
        "groups": [],
        "scores": [],
        "verdicts": [],
        "drop_stage": None,
        "drop_reason": None,
        "near_duplicates": [],
        "near_duplicates_of": 0,
        "status": mine.status,
        "tags": mine.tags,
        "edited": mine.edited,
        "original": told["original"] if mine.edited else {},
        "notes": [note for note in told["notes"] if note["reviewer"] == reviewer],
        "decisions": own,
    }


def _texts(told: Row, now: ReviewState, chosen: Row | None) -> Row:
    """The texts as they stand, and under ``original`` those that were edited, as they were."""
    was = {"query": told["question"]["text"], "response": None, "answer": None}
    if chosen is not None:
        was |= {"response": chosen["text"], "answer": chosen["answer"]}
    edits = {"query": now.query, "response": now.response, "answer": now.answer}
    if chosen is None:  # nothing to edit
        edits |= {"response": None, "answer": None}
    changed = {name: text for name, text in edits.items() if text is not None and text != was[name]}
    return was | changed | {"original": {name: was[name] for name in changed}}


def _solution(solution: Row, chosen: int | None) -> Row:
    rewards: dict[str, float | None] = solution["rewards"]
    kept = ("sample", "text", "answer", "solver", "tokens", "finish_reason")
    return {name: solution[name] for name in kept} | {
        "reward": next(iter(rewards.values()), None),
        "rewards": rewards,
        "chosen": solution["sample"] == chosen,
    }


def _groups(solutions: list[Row], group: Grouping) -> list[Row]:
    members: dict[int | None, list[Row]] = {}
    for solution, of in zip(solutions, group([s["answer"] for s in solutions]), strict=True):
        members.setdefault(of, []).append(solution)
    most = max((len(found) for of, found in members.items() if of is not None), default=0)
    ordered = sorted(members.items(), key=lambda item: (item[0] is None, -len(item[1])))
    majority = next((of for of, found in ordered if of is not None and len(found) == most), None)
    return [
        {
            "answer": None if of is None else found[0]["answer"],
            "samples": [solution["sample"] for solution in found],
            "count": len(found),
            "best_reward": max((s["reward"] for s in found if s["reward"] is not None), default=None),
            "chosen": any(solution["chosen"] for solution in found),
            "majority": of is not None and of == majority,
        }
        for of, found in ordered
    ]


def _scores(frame: Frame, question_id: str) -> list[dict[str, Any]]:
    """Counted anew: at a million rows a pass over a column is a millisecond, and sorting it a hundred."""
    at = frame.place(question_id)
    found = []
    for name in NUMBERS if at is not None else ():
        column = frame.numbers[name]
        value = column[at]
        if np.isfinite(value) and (value or name != "response_tokens"):  # of an import nobody counted them
            below, equal = np.count_nonzero(column < value), np.count_nonzero(column == value)
            known = len(column) - np.count_nonzero(np.isnan(column))
            percentile = 100 * (below + equal / 2) / known
            found.append({"name": name, "value": float(value), "percentile": round(float(percentile), 1)})
    return found


def _by_text(answers: Sequence[str | None]) -> list[int | None]:
    return [None if answer is None else answers.index(answer) for answer in answers]


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None
