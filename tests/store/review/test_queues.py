"""A queue pins rows in an order; where it draws them by chance it knows how likely each was."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from store.database.workspace import Workspace
from store.errors import InputError, StoreError
from store.filters.filter import Filter
from store.frame.cache import Frames
from store.review import decisions, queues, sampling
from store.review.reviewers import agreement
from store.review.sampling import allocation

SAMPLES = ("stratified", "random", "rejected")


def items(workspace: Workspace) -> dict[str, dict[str, Any]]:
    with workspace.cursor() as cursor:
        cursor.execute("SELECT * FROM items")
        names = [column[0] for column in cursor.description or []]
        return {row[0]: dict(zip(names, row, strict=True)) for row in cursor.fetchall()}


@pytest.mark.parametrize("order", sampling.ORDERS)
def test_a_queue_has_each_row_once_and_a_sample_stands_for_all(
    workspace: Workspace, frames: Frames, order: str
) -> None:
    for who, verb in (("ana", "accept"), ("ben", "reject")):  # something to settle
        for key in list(items(workspace))[:5]:
            decisions.decide(workspace, who, key, verb, {})
    made = queues.make(workspace, frames, Filter(), order, size=30, seed=4, field="reward", value=-0.5, by="ana")
    assert len(set(made.question_ids)) == len(made.question_ids) == min(30, made.of)
    assert (made.is_sample, sampling.ORDERS[order].estimate) == (order in SAMPLES,) * 2
    if made.sampling_p is not None:
        assert sum(1 / p for p in made.sampling_p) == pytest.approx(made.of)
        assert made.probability(made.question_ids[3]) == made.sampling_p[3]
    assert made.probability("r1-99999999") is None
    assert queues.load(workspace.path, made.name) == made


def test_disagreements_are_queued_newest_first_until_they_are_settled(workspace: Workspace, frames: Frames) -> None:
    with pytest.raises(InputError, match="reviewers differ on none"):
        queues.make(workspace, frames, Filter(), "differ")
    a, b, c, d = list(items(workspace))[:4]
    for key, (ana, ben) in {a: ("accept", "reject"), b: ("accept", "accept"), c: ("reject", "accept")}.items():
        decisions.decide(workspace, "ana", key, ana, {})
        decisions.decide(workspace, "ben", key, ben, {})
    decisions.decide(workspace, "ana", d, "accept", {})
    decisions.decide(workspace, "ben", d, "skip", {})  # a skip decides nothing
    made = queues.make(workspace, frames, Filter(), "differ")
    assert (made.question_ids, made.is_sample, made.settles) == ((c, a), False, True)
    settled = decisions.decide(workspace, "eve", c, "accept", {"settles": True}, queue=made.name)
    assert queues.make(workspace, frames, Filter(), "differ").question_ids == (a,)
    assert items(workspace)[c]["status"] == "accepted"
    by = {difference.question_id: difference.settled for difference in agreement(workspace).differ}
    assert by == {c: ("eve", "accept"), a: None}
    decisions.undo_event(workspace, "eve", settled.event_id)
    assert queues.make(workspace, frames, Filter(), "differ").question_ids == (c, a)
    decisions.decide(workspace, "ben", a, "accept", {})  # they agree now
    assert queues.make(workspace, frames, Filter(), "differ").question_ids == (c,)


@pytest.mark.parametrize("order", SAMPLES)
def test_the_seed_decides_which_rows(workspace: Workspace, frames: Frames, order: str) -> None:
    one, same, other = (
        queues.make(workspace, frames, Filter(), order, size=20, seed=seed).question_ids for seed in (1, 1, 2)
    )
    assert one == same != other


def test_a_stratified_queue_has_rows_of_every_topic(workspace: Workspace, frames: Frames) -> None:
    made = queues.make(workspace, frames, Filter(), "stratified", size=20)
    known = items(workspace)
    assert {known[key]["topic"] for key in made.question_ids} == {item["topic"] for item in known.values()}
    of = Counter(item["topic"] for item in known.values())
    drawn = Counter(known[key]["topic"] for key in made.question_ids)
    assert made.sampling_p is not None
    for key, p in zip(made.question_ids, made.sampling_p, strict=True):
        assert p == pytest.approx(drawn[known[key]["topic"]] / of[known[key]["topic"]])
    few = queues.make(workspace, frames, Filter(), "stratified", size=2)  # fewer than topics: one sample of all
    assert few.sampling_p == pytest.approx((2 / few.of,) * 2)


def test_every_row_is_drawn_as_often_as_its_probability_says(workspace: Workspace, frames: Frames) -> None:
    drawn: Counter[str] = Counter()
    p: dict[str, float] = {}
    for seed in range(300):
        made = queues.make(workspace, frames, Filter(), "stratified", size=40, seed=seed, name=f"q{seed}")
        drawn.update(made.question_ids)
        p |= dict(zip(made.question_ids, made.sampling_p or (), strict=True))
        queues.delete(workspace.path, made.name)
    away = [(drawn[key] - 300 * share) / np.sqrt(300 * share * (1 - share) + 1e-9) for key, share in p.items()]
    assert len(p) == len(items(workspace))
    assert np.abs(away).max() < 4.5


@pytest.mark.parametrize(
    ("sizes", "n"), [([5], 3), ([1, 1, 1000], 100), ([3, 4], 100), ([7] * 9, 9), ([10, 10, 1], 20), ([2, 10_000], 11)]
)
def test_an_allocation_adds_up_and_leaves_no_stratum_out(sizes: list[int], n: int) -> None:
    given = allocation(sizes, n)
    assert sum(given) == min(n, sum(sizes))
    assert all(0 < had <= size for had, size in zip(given, sizes, strict=True))


def test_orders_that_do_not_draw_put_first_what_they_promise(workspace: Workspace, frames: Frames) -> None:
    known = items(workspace)
    newest = queues.make(workspace, frames, Filter(run=("r1",)), "newest", size=5)
    assert list(newest.question_ids) == sorted((k for k, i in known.items() if i["run_id"] == "r1"), reverse=True)[:5]
    near = queues.make(workspace, frames, Filter(), "threshold", size=200, field="difficulty", value=0.5)
    away = [abs(known[key]["difficulty"] - 0.5) for key in near.question_ids]
    assert away == sorted(away)
    assert near.of == sum(item["difficulty"] is not None for item in known.values())
    against = queues.make(workspace, frames, Filter(), "disagree", size=200)
    shares = [known[key]["agreement"] for key in against.question_ids]
    assert shares
    assert max(shares) < 0.5
    assert against.of == sum(item["agreement"] is not None and item["agreement"] < 0.5 for item in known.values())
    dropped = queues.make(workspace, frames, Filter(), "rejected", size=200)
    assert set(dropped.question_ids) == {key for key, item in known.items() if item["drop_stage"]}
    assert set(dropped.sampling_p or ()) == {1.0}


def test_decisions_do_not_change_a_queue_and_only_those_made_in_it_count(workspace: Workspace, frames: Frames) -> None:
    made = queues.make(workspace, frames, Filter(status=("unreviewed",)), "random", size=10)
    a, b, c = made.question_ids[:3]
    assert decisions.decide(workspace, "ana", a, "accept", {}, queue=made.name).sampling_p == made.sampling_p[0]  # type: ignore[index]
    decisions.decide(workspace, "ana", b, "reject", {})  # elsewhere
    decisions.decide(workspace, "ben", b, "skip", {}, queue=made.name)
    decisions.decide(workspace, "ana", c, "note", {"text": "hm"}, queue=made.name)
    found = queues.position(workspace, made, "ana")
    assert (found.index, found.done, found.total, found.decided[:3]) == (1, 1, 10, ["accept", None, None])
    decisions.undo(workspace, "ana", queue=made.name)  # the note
    decisions.undo(workspace, "ana", queue=made.name)
    assert queues.position(workspace, made, "ana").index == 0
    assert queues.load(workspace.path, made.name) == made


def test_a_queue_that_is_done_says_so(workspace: Workspace, frames: Frames) -> None:
    made = queues.make(workspace, frames, Filter(), "newest", size=2)
    for key in made.question_ids:
        decisions.decide(workspace, "ana", key, "skip", {}, queue=made.name)
    assert queues.position(workspace, made, "ana").index is None


def test_names_are_given_once_even_when_a_queue_was_deleted(workspace: Workspace, frames: Frames) -> None:
    made = queues.make(workspace, frames, Filter(), "random", size=2)
    assert (made.name, queues.make(workspace, frames, Filter(), "random").name) == ("random 1", "random 2")
    decisions.decide(workspace, "ana", made.question_ids[0], "accept", {}, queue=made.name)
    queues.delete(workspace.path, made.name)
    with pytest.raises(InputError, match="is or was the name of a queue"):
        queues.make(workspace, frames, Filter(), "random", name="RANDOM 1")
    assert queues.make(workspace, frames, Filter(), "random").name == "random 3"
    assert [queue.name for queue in queues.listed(workspace.path)] == ["random 3", "random 2"]
    late = decisions.decide(workspace, "ana", made.question_ids[1], "accept", {}, queue=made.name)
    assert late.sampling_p is None  # its queue was deleted meanwhile; the decision stands


@pytest.mark.parametrize("name", ["", " ", "../x", "a/b", "a\\b", ".hidden", "a\0b", "x" * 61, "a\u202eb", "C:", "a."])
def test_a_name_leads_nowhere_else(workspace: Workspace, frames: Frames, name: str) -> None:
    with pytest.raises(InputError):
        queues.make(workspace, frames, Filter(), "random", name=name)
    for act in (queues.load, queues.delete):
        with pytest.raises(InputError, match="does not exist"):
            act(workspace.path, name)


@pytest.mark.parametrize(
    ("order", "more", "said"),
    [
        ("nope", {}, "is not known"),
        ("random", {"size": 0}, "choose 1 to 10,000"),
        ("random", {"size": 10_001}, "choose 1 to 10,000"),
        ("random", {"size": "9"}, "choose 1 to 10,000"),
        ("random", {"seed": -1}, "is not a seed"),
        ("threshold", {"field": "chars", "value": 1.0}, "choose from difficulty, reward, agreement"),
        ("threshold", {"field": "reward"}, "is not a number"),
        ("threshold", {"field": "reward", "value": float("nan")}, "is not a number"),
    ],
)
def test_what_no_queue_can_be_made_of_is_one_sentence(
    workspace: Workspace, frames: Frames, order: str, more: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        queues.make(workspace, frames, Filter(), order, **more)
    with pytest.raises(InputError, match="finds no row"):
        queues.make(workspace, frames, Filter(run=("nope",)), "random")


def test_a_damaged_file_is_told_and_hides_no_other(workspace: Workspace, frames: Frames) -> None:
    good, bad = (queues.make(workspace, frames, Filter(), "random", size=3) for _ in range(2))
    path = workspace.path / queues.FOLDER / f"{bad.name}.json"
    whole = json.loads(path.read_text())
    for text in ("", "null", "[]", '{"name": 1}', json.dumps(whole | {"sampling_p": [0.5]}), json.dumps(whole)[:90]):
        path.write_text(text)
        with pytest.raises(StoreError, match="does not hold a queue"):
            queues.load(workspace.path, bad.name)
        assert queues.listed(workspace.path) == [good]


def test_rows_of_a_deleted_run_stay_in_the_queue_and_are_told(workspace: Workspace, frames: Frames) -> None:
    made = queues.make(workspace, frames, Filter(), "random", size=40)
    workspace.update_run("r2", status="done")
    workspace.delete_run("r2")
    gone = next(key for key in made.question_ids if key.startswith("r2"))
    with pytest.raises(InputError, match="its run may have been deleted"):
        decisions.decide(workspace, "ana", gone, "accept", {}, queue=made.name)
    assert queues.load(Path(workspace.path), made.name).question_ids == made.question_ids
