"""Who decided what, where two people differ, and what their decisions make."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.training import pairs
from store.database.workspace import Workspace
from store.filters.filter import Filter
from store.frame.cache import Frames
from store.review import decisions, preferences, queues
from store.review.reviewers import agreement, history, reviewers
from store.transfer import attach
from store.transfer.merge import merge
from tests.store import rows
from tests.store.review.conftest import history_of


def test_reviewers_are_counted_by_what_is_in_force(workspace: Workspace, ids: list[str]) -> None:
    for key, action in zip(ids, ("accept", "accept", "reject", "skip", "note", "tag", "edit"), strict=False):
        payload = {"note": {"text": "x"}, "tag": {"tag": "x"}, "edit": {"query": "x"}}.get(action, {})
        decisions.decide(workspace, "ana", key, action, payload)
    decisions.decide(workspace, "ben", ids[0], "reject", {})
    decisions.decide(workspace, "ana", ids[8], "reject", {})
    decisions.undo(workspace, "ana")
    decisions.decide_all(workspace, "ben", keys(workspace, ids[:4]), "accept", {})
    ben, ana = reviewers(workspace)
    assert (ana.name, ana.accepted, ana.rejected, ana.skipped) == ("ana", 2, 1, 1)
    assert (ana.edits, ana.tags, ana.notes, ana.bulk) == (1, 1, 1, 0)
    assert (ben.name, ben.accepted, ben.rejected, ben.bulk) == ("ben", 4, 1, 4)
    assert ana.last_at is not None


def keys(workspace: Workspace, ids: list[str]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    with workspace.cursor() as cursor:
        query = "SELECT q FROM question_rows WHERE question_id IN (SELECT unnest(?))"
        return np.array([q for (q,) in cursor.execute(query, [ids]).fetchall()])


def test_history_is_paged_newest_first_and_by_reviewer(workspace: Workspace, ids: list[str]) -> None:
    made = [decisions.decide(workspace, ("ana", "ben")[n % 2], ids[n], "accept", {}).event_id for n in range(7)]
    decisions.decide_all(workspace, "ana", keys(workspace, ids), "skip", {})
    seen, before = [], None
    while page := history(workspace, before=before, most=3):
        assert len(page) <= 3
        seen += page
        before = page[-1].turn
    assert [entry.event_id for entry in seen[1:]] == made[::-1]
    assert (seen[0].question_id, seen[0].count) == (None, len(ids))
    assert [entry.event_id for entry in history(workspace, reviewer="ben")] == made[1::2][::-1]
    assert [entry.action for entry in history_of(workspace, ids[0])] == ["skip", "accept"]
    assert history_of(workspace, "nope") == []


def test_agreement_is_told_of_rows_that_two_people_judged_by_hand(workspace: Workspace, ids: list[str]) -> None:
    said = {"ana": "aaaarrrr", "ben": "aaarrrra", "eve": "a"}
    for who, verbs in said.items():
        for key, verb in zip(ids, verbs, strict=False):
            given = {} if verb == "a" else {"reason": f"{who} says so"}
            decisions.decide(workspace, who, key, {"a": "accept", "r": "reject"}[verb], given)
    decisions.decide(workspace, "ana", ids[20], "accept", {})
    decisions.decide_all(workspace, "ben", keys(workspace, ids[20:30]), "reject", {})  # looks at no row
    decisions.decide(workspace, "ben", ids[9], "reject", {})
    decisions.decide(workspace, "ana", ids[9], "accept", {})
    decisions.undo(workspace, "ana")
    found = agreement(workspace)
    assert (found.rows, found.agreed) == (8, 6)
    by = {(pair.a, pair.b): pair for pair in found.pairs}
    assert (by["ana", "ben"].n, by["ana", "ben"].agreed) == (8, 6)
    assert by["ana", "ben"].kappa == pytest.approx(0.5)
    assert by["ana", "eve"].kappa is None  # one row, and chance alone would have them agree
    assert {d.question_id for d in found.differ} == {ids[3], ids[7]}
    shown = next(d.verdicts for d in found.differ if d.question_id == ids[3])
    assert shown == [
        {"reviewer": "ana", "action": "accept", "reason": None},
        {"reviewer": "ben", "action": "reject", "reason": "ben says so"},
    ]
    assert len(agreement(workspace, most=1).differ) == 1


def test_agreement_can_be_limited_to_blind_decisions(workspace: Workspace, ids: list[str]) -> None:
    for key in ids[:6]:
        decisions.decide(workspace, "ana", key, "accept", {})
    for key in ids[:3]:
        decisions.decide(workspace, "ben", key, "reject", {"blind": True})
    decisions.decide(workspace, "ben", ids[3], "accept", {"blind": False})
    decisions.decide(workspace, "ben", ids[4], "accept", {})  # of an older version: nobody knows
    decisions.decide(workspace, "ana", ids[0], "reject", {"blind": False})  # she gives way to ben
    everything, blind = agreement(workspace), agreement(workspace, blind=True)
    assert (everything.rows, everything.agreed) == (5, 3)
    assert (blind.rows, blind.agreed) == (3, 0)
    assert {d.question_id for d in blind.differ} == set(ids[:3])
    decisions.decide(workspace, "eve", ids[1], "accept", {"settles": True, "blind": False})
    assert len(agreement(workspace).pairs) == 1  # a settling decision is not an independent judgement


def stored(workspace: Workspace) -> dict[str, tuple[str, str]]:
    with workspace.cursor() as cursor:
        return {name: texts for name, *texts in map(list, preferences.pairs(cursor))}  # type: ignore[misc]


def test_pairs_follow_the_decisions_that_stand(workspace: Workspace, ids: list[str], pair: str) -> None:
    workspace.writer.put(rows.whole(700))
    workspace.writer.flush()
    other = "r1-00000700"
    decisions.decide(workspace, "ana", pair, "edit", {"query": "Anew?"})
    decisions.decide(workspace, "ana", pair, "accept", {})
    decisions.decide(workspace, "ana", other, "reject", {})
    assert pairs.possible(workspace) == 2
    assert pairs.from_reviews(workspace) == 2
    assert (pairs.possible(workspace), pairs.from_reviews(workspace)) == (0, 0)
    assert set(stored(workspace)) == {f"edit:{pair}", f"verdict:{pair}:{other}"}
    decisions.undo(workspace, "ana")
    decisions.decide(workspace, "ana", pair, "edit", {"query": "Once more?"})
    assert pairs.from_reviews(workspace) == 1
    assert {name: texts[0] for name, texts in stored(workspace).items()} == {f"edit:{pair}": "Once more?"}
    decisions.decide_all(workspace, "ana", keys(workspace, [pair]), "reject", {})
    assert pairs.from_reviews(workspace) == 0
    assert stored(workspace) == {}
    decisions.undo(workspace, "ana")  # the bulk
    assert pairs.from_reviews(workspace) == 1


def test_a_merge_brings_bulks_with_their_undos(workspace: Workspace, frames: Frames, tmp_path: Path) -> None:
    everything = decisions.matching_keys(workspace, frames, Filter())
    decisions.decide_all(workspace, "ana", everything, "reject", {})
    decisions.undo(workspace, "ana")
    decisions.decide_all(workspace, "ana", everything[:20], "accept", {})
    queue = queues.make(workspace, frames, Filter(), "random", size=5)
    decisions.decide(workspace, "ana", queue.question_ids[0], "skip", {}, queue=queue.name)
    query = "SELECT question_id, status, tags, edited FROM items ORDER BY question_id"
    with workspace.cursor() as cursor:
        want = cursor.execute(query).fetchall()
    source = workspace.path
    workspace.close()
    with Workspace.open(tmp_path / "other") as other:
        done = merge(other, attach.find(other.path, str(source)))
        with other.cursor() as cursor:
            assert cursor.execute(query).fetchall() == want
        assert done.decisions == len(everything) + 2 + 20 + 1
        assert merge(other, attach.find(other.path, str(source))).decisions == 0
        undone = decisions.undo(other, "ana")
        assert undone is not None
        assert undone.queue == queue.name
        assert decisions.undo(other, "ana").count == 20  # type: ignore[union-attr]
        assert decisions.undo(other, "ana") is None
