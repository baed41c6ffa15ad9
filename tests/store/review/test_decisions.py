"""Decisions are events: durable when acknowledged, stored once, in order; what holds follows from those in force."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from store.database import question
from store.database.workspace import Workspace
from store.errors import InputError
from store.frame.cache import Frames
from store.records import question_id
from store.review import decisions, tags
from store.review.review_item import review_item, without_others, without_scores
from tests.store import rows
from tests.store.review.conftest import history_of

ROOT = Path(__file__).resolve().parents[3]


def one(workspace: Workspace, query: str, *values: Any) -> Any:
    with workspace.cursor() as cursor:
        found = cursor.execute(query, list(values)).fetchall()
    return found[0][0] if len(found[0]) == 1 else found[0]


def status(workspace: Workspace, key: str) -> str:
    return str(one(workspace, "SELECT status FROM items WHERE question_id = ?", key))


def test_a_decision_is_stored_when_decide_returns(workspace: Workspace, pair: str) -> None:
    made = decisions.decide(workspace, "  Ana  B. ", pair, "reject", {"reason": " unclear "}, queue="gone")
    assert (made.reviewer, made.payload, made.queue, made.sampling_p) == ("Ana B.", {"reason": "unclear"}, "gone", None)
    assert status(workspace, pair) == "rejected"
    [entry] = history_of(workspace, pair)
    assert (entry.event_id, entry.created_at, entry.in_force) == (made.event_id, made.created_at, True)


def test_the_same_event_sent_twice_is_stored_once(workspace: Workspace, pair: str) -> None:
    event = "0" * 31 + "a"
    first = decisions.decide(workspace, "ana", pair, "accept", {}, event_id=event)
    assert decisions.decide(workspace, "ana", pair, "accept", {}, event_id=event) == first
    assert one(workspace, "SELECT count(*) FROM decisions") == 1
    with pytest.raises(InputError, match="belongs to another decision"):
        decisions.decide(workspace, "ana", pair, "reject", {}, event_id=event)


def test_the_same_undo_sent_twice_is_done_once(workspace: Workspace, pair: str) -> None:
    for action in ("accept", "reject"):
        decisions.decide(workspace, "ana", pair, action, {})
    event = "b" * 32
    first = decisions.undo(workspace, "ana", event_id=event)
    assert first is not None
    assert decisions.undo(workspace, "ana", event_id=event) == first
    assert (first.action, status(workspace, pair)) == ("reject", "accepted")


def test_undo_goes_back_one_event_at_a_time_to_the_beginning(workspace: Workspace, ids: list[str], pair: str) -> None:
    decisions.decide(workspace, "ana", ids[0], "accept", {})
    decisions.decide(workspace, "ben", pair, "accept", {})
    decisions.decide(workspace, "ana", pair, "edit", {"query": "Anew?"})
    decisions.decide(workspace, "ana", pair, "tag", {"tag": "odd"})
    back = [decisions.undo(workspace, "ana") for _ in range(4)]
    assert [b and (b.question_id, b.action) for b in back] == [
        (pair, "tag"),
        (pair, "edit"),
        (ids[0], "accept"),
        None,
    ]
    assert back[1] is not None
    assert back[1].payload == {"query": "Anew?"}
    assert one(workspace, "SELECT status, tags, edited FROM items WHERE question_id = ?", pair) == (
        "accepted",  # ben's is ben's
        [],
        False,
    )
    assert status(workspace, ids[0]) == "unreviewed"


def test_undo_in_a_queue_takes_back_what_was_made_in_it(workspace: Workspace, ids: list[str]) -> None:
    decisions.decide(workspace, "ana", ids[0], "accept", {}, queue="one")
    decisions.decide(workspace, "ana", ids[1], "accept", {})
    undone = decisions.undo(workspace, "ana", queue="one")
    assert undone is not None
    assert undone.question_id == ids[0]
    assert decisions.undo(workspace, "ana", queue="one") is None


def test_any_event_can_be_taken_back_once(workspace: Workspace, pair: str) -> None:
    first = decisions.decide(workspace, "ana", pair, "reject", {"reason": "wrong"})
    decisions.decide(workspace, "ana", pair, "note", {"text": "see"})
    assert decisions.undo_event(workspace, "ben", first.event_id).reviewer == "ana"
    assert status(workspace, pair) == "unreviewed"
    with pytest.raises(InputError, match="was taken back already"):
        decisions.undo_event(workspace, "ben", first.event_id)
    undo = history_of(workspace, pair)[0]
    with pytest.raises(InputError, match="is itself an undo"):
        decisions.undo_event(workspace, "ben", undo.event_id)
    with pytest.raises(InputError, match="does not exist"):
        decisions.undo_event(workspace, "ben", "nope")


def test_an_edit_keeps_what_is_changed_and_the_original(workspace: Workspace, frames: Frames, pair: str) -> None:
    before = review_item(workspace, frames.of(workspace), pair)
    given = {"query": before["query"], "response": "A better one", "answer": "7"}
    assert decisions.decide(workspace, "ana", pair, "edit", given).payload == {
        "response": "A better one",
        "answer": "7",
    }
    now = review_item(workspace, frames.of(workspace), pair)
    assert (now["query"], now["response"], now["answer"]) == (before["query"], "A better one", "7")
    assert now["original"] == {"response": before["response"], "answer": before["answer"]}
    assert one(workspace, "SELECT response, answer FROM pairs WHERE question_id = ?", pair) == ("A better one", "7")
    with pytest.raises(InputError, match="changes nothing"):
        decisions.decide(workspace, "ana", pair, "edit", {"answer": "7"})
    decisions.decide(workspace, "ana", pair, "edit", {"answer": before["answer"]})  # back to what it was
    assert "answer" not in review_item(workspace, frames.of(workspace), pair)["original"]


def test_an_accept_may_choose_a_solution(workspace: Workspace, frames: Frames, pair: str) -> None:
    decisions.decide(workspace, "ana", pair, "accept", {"sample": 0})
    told = review_item(workspace, frames.of(workspace), pair)
    assert (told["chosen"], told["response"]) == (0, told["solutions"][0]["text"])
    with pytest.raises(InputError, match="sample 9 is not a solution of this question"):
        decisions.decide(workspace, "ana", pair, "accept", {"sample": 9})


def test_a_solution_that_is_not_chosen_cannot_be_edited(workspace: Workspace, ids: list[str]) -> None:
    with workspace.cursor() as cursor:
        key = cursor.execute("SELECT question_id FROM items WHERE n_solutions = 0 LIMIT 1").fetchall()[0][0]
    with pytest.raises(InputError, match="none is chosen"):
        decisions.decide(workspace, "ana", key, "edit", {"answer": "3"})
    assert decisions.decide(workspace, "ana", key, "edit", {"query": "Anew?"}).payload == {"query": "Anew?"}


@pytest.mark.parametrize(
    ("action", "payload", "said"),
    [
        ("undo", {}, "action 'undo' is not known"),
        ("drop table", {}, "is not known"),
        ("accept", {"sample": "0"}, "sample '0'|is not a solution's number"),
        ("accept", {"sample": True}, "is not a solution's number"),
        ("accept", {"sample": -1}, "is not a solution's number"),
        ("accept", {"reason": "x"}, "payload 'reason' is not part of 'accept'"),
        ("accept", ["sample"], "is not an object"),
        ("reject", {"reason": "x" * 201}, "has 201 characters; use at most 200"),
        ("reject", {"reason": "a\u202eb"}, "has invisible characters"),
        ("reject", {"reason": 5}, "is not a text"),
        ("skip", {"why": 1}, "is not part of 'skip'"),
        ("edit", {}, "changes nothing"),
        ("edit", {"query": "  \n"}, "is empty"),
        ("edit", {"query": "x" * 100_001}, "has 100,001 characters"),
        ("edit", {"query": "a\0b"}, "cannot be stored"),
        ("edit", {"query": "a\ud800b"}, "cannot be stored"),
        ("edit", {"topic": "x"}, "is not part of 'edit'"),
        ("tag", {}, "is empty"),
        ("tag", {"tag": "x" * 41}, "use at most 40"),
        ("tag", {"tag": "a\u200bb"}, "has invisible characters"),
        ("note", {"text": ""}, "is empty"),
        ("note", {"text": {"a": 1}}, "is not a text"),
    ],
)
def test_bad_decisions_are_refused_in_one_sentence_and_nothing_is_stored(
    workspace: Workspace, pair: str, action: str, payload: Any, said: str
) -> None:
    with pytest.raises(InputError, match=said) as caught:
        decisions.decide(workspace, "ana", pair, action, payload)
    assert "\n" not in str(caught.value)
    assert one(workspace, "SELECT count(*) FROM decisions") == 0
    decisions.decide(workspace, "ana", pair, "accept", {})  # the writer goes on


@pytest.mark.parametrize("who", ["", "   ", "x" * 61, "a\nb\0", "\u202e", None, 5])
def test_a_reviewer_has_a_name_that_can_be_seen(workspace: Workspace, pair: str, who: Any) -> None:
    with pytest.raises(InputError, match="reviewer"):
        decisions.decide(workspace, who, pair, "accept", {})


@pytest.mark.parametrize(
    "key",
    ["", "r1-99999999", "nope-00000001", "r1-1", "'; DROP TABLE x", "r1-\u0661", "\ud800-00000001", "\0-1", None, 7],
)
def test_an_unknown_question_is_refused(workspace: Workspace, key: Any) -> None:
    with pytest.raises(InputError, match="is not in this workspace"):
        decisions.decide(workspace, "ana", key, "accept", {})


@pytest.mark.parametrize("queue", ["", "a\0", "\ud800", "x" * 61])
def test_a_queue_has_a_name_that_can_be_seen(workspace: Workspace, pair: str, queue: str) -> None:
    with pytest.raises(InputError, match="queue"):
        decisions.decide(workspace, "ana", pair, "accept", {}, queue=queue)
    with pytest.raises(InputError, match="queue"):
        decisions.undo(workspace, "ana", queue=queue)


@pytest.mark.parametrize("event", ["", "\ud800"])
def test_an_unknown_event_cannot_be_taken_back(workspace: Workspace, event: str) -> None:
    with pytest.raises(InputError, match="does not exist"):
        decisions.undo_event(workspace, "ana", event)


@pytest.mark.parametrize("event", ["", "A" * 32, "0" * 31, "0" * 33, "x' OR 1=1", 5])
def test_an_event_id_is_hexadecimal(workspace: Workspace, pair: str, event: Any) -> None:
    with pytest.raises(InputError, match="32 hexadecimal digits"):
        decisions.decide(workspace, "ana", pair, "accept", {}, event_id=event)


def test_odd_texts_come_back_as_they_were_sent(workspace: Workspace, frames: Frames, pair: str) -> None:
    text = (
        'tab\t, "quotes", \\back\\slash\\, \u0001, emoji \U0001f600, \'); DROP TABLE decision_rows; --\r\n{"a": null}'
    )
    decisions.decide(workspace, "ana", pair, "edit", {"query": text})
    decisions.decide(workspace, "ana", pair, "note", {"text": text})
    told = review_item(workspace, frames.of(workspace), pair)
    assert (told["query"], told["notes"][0]["text"]) == (text, text)


def test_a_thousand_decisions_of_two_threads_are_all_there_in_each_ones_order(
    workspace: Workspace, ids: list[str]
) -> None:
    def work(who: str) -> None:
        for number in range(500):
            decisions.decide(workspace, who, ids[number % len(ids)], "note", {"text": f"{number}"})

    threads = [threading.Thread(target=work, args=(who,)) for who in ("ana", "ben")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with workspace.cursor() as cursor:
        for who in ("ana", "ben"):
            query = "SELECT (payload ->> 'text') FROM decision_rows WHERE reviewer = ? ORDER BY rowid"
            assert [int(said) for (said,) in cursor.execute(query, [who]).fetchall()] == list(range(500))


DECIDE = """
import sys
from store.review import decisions
from store.database.workspace import Workspace

with Workspace.open(sys.argv[1]) as workspace:
    for number in range(100_000):
        made = decisions.decide(workspace, "ana", sys.argv[2], "note", {"text": str(number)})
        print(made.event_id, flush=True)
"""


def test_what_was_acknowledged_is_there_after_kill_9(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    with Workspace.open(folder) as workspace:
        workspace.create_run(rows.run())
        workspace.writer.put(rows.whole(0))
    command = [sys.executable, "-c", DECIDE, str(folder), question_id("r1", 0)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        told = [process.stdout.readline().strip() for _ in range(40)]
        process.kill()
        told += [line.strip() for line in process.stdout if line.endswith("\n")]
    with Workspace.open(folder) as workspace:
        there = [entry.event_id for entry in reversed(history_of(workspace, question_id("r1", 0)))]
    assert there[: len(told)] == told
    assert len(there) <= len(told) + 1


def test_a_card_tells_what_the_story_and_the_views_tell(workspace: Workspace, frames: Frames, ids: list[str]) -> None:
    frame = frames.of(workspace)
    for key in ids[::7]:
        told = review_item(workspace, frame, key)
        with workspace.cursor() as cursor:
            known = question.read_question(cursor, key)
        assert told["verdicts"] == known["verdicts"]
        if known["pair"]:
            assert {n: told[n] for n in ("query", "response", "answer", "topic", "status", "tags", "edited")} == {
                n: known["pair"][n] for n in ("query", "response", "answer", "topic", "status", "tags", "edited")
            }
        assert sorted(s for group in told["groups"] for s in group["samples"]) == [
            solution["sample"] for solution in told["solutions"]
        ]
        scores = {score["name"]: score for score in told["scores"]}
        assert all(0 < score["percentile"] <= 100 for score in scores.values())
        json.dumps(told, default=str)


def test_a_blind_card_tells_nothing_of_scores_and_of_others(workspace: Workspace, frames: Frames, pair: str) -> None:
    decisions.decide(workspace, "ben", pair, "reject", {"reason": "secret"})
    decisions.decide(workspace, "ben", pair, "tag", {"tag": "secret"})
    decisions.decide(workspace, "ben", pair, "note", {"text": "secret"})
    decisions.decide(workspace, "ana", pair, "note", {"text": "mine"})
    decisions.decide(workspace, "ana", pair, "tag", {"tag": "own"})
    told = without_others(without_scores(review_item(workspace, frames.of(workspace), pair)), "ana")
    said = json.dumps(told, default=str)
    assert "secret" not in said
    assert "ben" not in said
    assert "-0.1" not in said  # rewards
    assert ([note["text"] for note in told["notes"]], told["tags"], told["status"]) == (["mine"], ["own"], "unreviewed")


def test_a_decision_says_whether_it_was_blind_where_others_had_decided_before(workspace: Workspace, pair: str) -> None:
    first = decisions.decide(workspace, "ana", pair, "accept", {"blind": True})
    second = decisions.decide(workspace, "ben", pair, "reject", {"reason": "unclear", "blind": True})
    third = decisions.decide(workspace, "eve", pair, "skip", {"blind": False})
    assert first.payload == {}  # nobody was before her
    assert second.payload == {"reason": "unclear", "blind": True}
    assert third.payload == {"blind": False}
    for bad in ("yes", 1, {}):
        with pytest.raises(InputError, match="blind"):
            decisions.decide(workspace, "ben", pair, "accept", {"blind": bad})
    keys = np.array([one(workspace, "SELECT q FROM question_rows WHERE question_id = ?", pair)])
    with pytest.raises(InputError, match="single question"):
        decisions.decide_all(workspace, "ben", keys, "accept", {"blind": True})


def test_tags_are_told_by_how_many_have_them_and_the_list_of_keys_is_kept(workspace: Workspace, ids: list[str]) -> None:
    for key, tag in ((ids[0], "odd"), (ids[1], "odd"), (ids[2], "nice"), (ids[3], "gone")):
        decisions.decide(workspace, "ana", key, "tag", {"tag": tag})
    decisions.decide(workspace, "ben", ids[3], "untag", {"tag": "gone"})
    assert decisions.tags(workspace) == [("odd", 2), ("nice", 1)]
    assert tags.tag_list(workspace.path) == []
    assert tags.keep_tags(workspace.path, [" odd  one", "nice"]) == ["odd one", "nice"]
    assert tags.tag_list(workspace.path) == ["odd one", "nice"]
    for bad in (["x"] * 2, [str(n) for n in range(10)], [""], "odd", [None]):
        with pytest.raises(InputError):
            tags.keep_tags(workspace.path, bad)  # type: ignore[arg-type]
