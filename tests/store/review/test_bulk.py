"""One action on all rows of a filter: as many events, one undo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from store.database.ids import key, numbered
from store.database.workspace import Workspace
from store.errors import InputError
from store.filters.filter import Filter
from store.frame.cache import Frames
from store.review import decisions
from store.review.reviewers import history
from tests.store import rows

MANY = 200_000


def tell(workspace: Workspace, query: str) -> Any:
    with workspace.cursor() as cursor:
        return cursor.execute(query).fetchall()


def statuses(workspace: Workspace) -> dict[str, int]:
    return dict(tell(workspace, "SELECT status, count(*) FROM items GROUP BY status"))


def test_a_bulk_reaches_all_rows_of_the_filter_and_no_other(workspace: Workspace, frames: Frames) -> None:
    asked = Filter(topic=("Algebra", None), text="prime")
    keys = decisions.matching_keys(workspace, frames, asked)
    where, values = asked.to_sql()
    with workspace.cursor() as cursor:
        wanted = cursor.execute(f"SELECT question_id FROM items WHERE {where}", values).fetchall()
    made = decisions.decide_all(workspace, "ana", keys, "reject", {"reason": "dull"}, expected=len(wanted))
    assert made.count == len(wanted) > 0
    assert sorted(tell(workspace, "SELECT question_id FROM items WHERE status = 'rejected'")) == sorted(wanted)


def test_one_undo_takes_a_bulk_back_and_what_was_before_holds_again(
    workspace: Workspace, frames: Frames, ids: list[str]
) -> None:
    decisions.decide(workspace, "ana", ids[0], "accept", {})
    decisions.decide(workspace, "ben", ids[1], "skip", {})
    before = statuses(workspace)
    made = decisions.decide_all(workspace, "ana", decisions.matching_keys(workspace, frames, Filter()), "reject", {})
    decisions.decide(workspace, "ben", ids[2], "accept", {})
    assert statuses(workspace) == {"rejected": len(ids) - 1, "accepted": 1}
    undone = decisions.undo(workspace, "ana")
    assert undone is not None
    assert (undone.question_id, undone.action, undone.count, undone.batch_id) == (
        None,
        "reject",
        len(ids),
        made.batch_id,
    )
    assert statuses(workspace) == before | {"accepted": 2, "unreviewed": before["unreviewed"] - 1}
    last = decisions.undo(workspace, "ana")
    assert last is not None
    assert last.question_id == ids[0]
    assert decisions.undo(workspace, "ana") is None


def test_any_event_of_a_bulk_takes_it_back_whole(workspace: Workspace, frames: Frames) -> None:
    decisions.decide_all(workspace, "ana", decisions.matching_keys(workspace, frames, Filter()), "tag", {"tag": "all"})
    [entry] = history(workspace)
    assert (entry.question_id, entry.count, entry.in_force) == (None, len(frames.of(workspace).q), True)
    assert decisions.undo_event(workspace, "ben", entry.event_id).count == entry.count
    assert decisions.tags(workspace) == []
    undo, old = history(workspace)
    assert (undo.action, undo.count, undo.reviewer) == ("undo", entry.count, "ben")
    assert (old.event_id, old.in_force) == (entry.event_id, False)


def test_another_count_than_the_confirmed_one_is_refused(workspace: Workspace, frames: Frames) -> None:
    keys = decisions.matching_keys(workspace, frames, Filter())
    with pytest.raises(InputError, match=f"was confirmed, but {len(keys)} questions match now"):
        decisions.decide_all(workspace, "ana", keys, "accept", {}, expected=len(keys) - 1)
    assert tell(workspace, "SELECT count(*) FROM decisions") == [(0,)]


@pytest.mark.parametrize(
    ("action", "payload", "said"),
    [
        ("edit", {"query": "x"}, "does not apply to many rows"),
        ("undo", {}, "does not apply to many rows"),
        ("accept", {"sample": 1}, "belongs to a single question"),
        ("tag", {"tag": ""}, "is empty"),
    ],
)
def test_what_is_not_for_many_rows_is_refused(workspace: Workspace, action: str, payload: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        decisions.decide_all(workspace, "ana", np.array([1]), action, payload)
    with pytest.raises(InputError, match="matches no question"):
        decisions.decide_all(workspace, "ana", np.array([], np.int64), "accept", {})


def test_a_deleted_run_takes_its_part_of_a_bulk_and_of_its_undo(workspace: Workspace, frames: Frames) -> None:
    keys = decisions.matching_keys(workspace, frames, Filter())
    decisions.decide_all(workspace, "ana", keys, "accept", {})
    decisions.undo(workspace, "ana")
    decisions.decide_all(workspace, "ana", keys, "reject", {})
    workspace.update_run("r1", status="done")
    workspace.delete_run("r1")
    left = statuses(workspace)
    assert set(left) == {"rejected"}
    undone = decisions.undo(workspace, "ana")
    assert undone is not None
    assert undone.count == left["rejected"]
    assert set(statuses(workspace)) == {"unreviewed"}
    assert decisions.undo(workspace, "ana") is None


def test_two_hundred_thousand_rows_are_decided_and_taken_back_whole(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        fill(workspace)
        frames = Frames()
        keys = decisions.matching_keys(workspace, frames, Filter())
        decisions.decide_all(workspace, "ana", keys, "skip", {}, expected=MANY)
        decisions.decide_all(workspace, "ana", keys[: MANY // 2], "accept", {}, expected=MANY // 2)
        assert found_statuses(frames, workspace) == {"skipped": MANY // 2, "accepted": MANY // 2}
        assert decisions.undo(workspace, "ana") is not None
        assert found_statuses(frames, workspace) == {"skipped": MANY}
        assert decisions.undo(workspace, "ana") is not None
        assert found_statuses(frames, workspace) == {"unreviewed": MANY}
    with Workspace.open(tmp_path / "w") as workspace:  # and so they stand on the disk
        assert found_statuses(Frames(), workspace) == {"unreviewed": MANY}
        [(events, different)] = tell(workspace, "SELECT count(*), count(DISTINCT event_id) FROM decision_rows")
        assert events == different


def fill(workspace: Workspace) -> None:
    """Questions that nothing was judged of: two tables hold them."""
    workspace.create_run(rows.run("big"))

    def write(cursor: duckdb.DuckDBPyConnection) -> None:
        values = {"key": key(numbered(cursor, "big"), 0), "many": MANY}
        made = "SELECT 'big-' || lpad(n::VARCHAR, 8, '0') AS question_id, 'big' AS run_id, $key + n AS q"
        of = "FROM range($many) AS numbers(n)"
        cursor.execute(f"INSERT INTO question_rows BY NAME {made}, n AS idx, 'g' AS generator, 9 AS chars {of}", values)
        cursor.execute(f"INSERT INTO question_text BY NAME {made}, 'What is ' || n || '?' AS text {of}", values)

    workspace.writer.call(write)


def found_statuses(frames: Frames, workspace: Workspace) -> dict[str, int]:
    frame = frames.of(workspace, now=True)
    counts = zip(frame.values["status"], frame.totals["status"], strict=False)
    return {status: n for status, n in counts if n}
