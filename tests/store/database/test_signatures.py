"""Stored signatures: of which questions, in which order, and the texts of questions without one."""

from __future__ import annotations

import pytest

from store.database import signatures
from store.database.workspace import Workspace
from tests.store import rows

DROPPED = {"language": 4, "duplicate": 9}
"""A question that each of these stages dropped."""


@pytest.fixture
def filled(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Questions 0 to 29 of a run, 20 to 29 not judged yet, after another run."""
    monkeypatch.setattr(signatures, "CHUNK", 7)
    for name in ("r0", "r1"):
        workspace.create_run(rows.run(name))
        for idx in range(30):
            drop = next((stage for stage, dropped in DROPPED.items() if dropped == idx), None)
            until = "pair" if idx < 20 else "language"
            workspace.writer.put([rows.question(idx, name), *rows.verdicts(idx, name, until, drop)])
    workspace.writer.flush()
    return workspace


def stored(workspace: Workspace, *, judged: bool, method: str = "m") -> list[int]:
    workspace.writer.flush()
    with workspace.cursor() as cursor:
        tables = list(signatures.kept(cursor, "r1", method, judged=judged))
    for table in tables:
        assert table["bands"].to_pylist() == [bytes([idx]) * 64 for idx in table["idx"].to_pylist()]
    return [idx for table in tables for idx in table["idx"].to_pylist()]


def without(workspace: Workspace, *, judged: bool, method: str = "m") -> list[int]:
    with workspace.cursor() as cursor:
        blocks = list(signatures.without(cursor, "r1", method, judged=judged))
    assert all(text == f"What is {idx} + {idx}?" for block in blocks for idx, text in block)
    return [idx for block in blocks for idx, _ in block]


JUDGED = [idx for idx in range(20) if idx not in DROPPED.values()]
KEPT = [*JUDGED, *range(20, 30)]


def test_questions_that_the_first_stages_dropped_are_left_out(filled: Workspace) -> None:
    assert (stored(filled, judged=False), without(filled, judged=False)) == ([], KEPT)
    assert without(filled, judged=True) == JUDGED
    filled.writer.put([rows.signature(idx, place=idx) for idx in range(30)])
    assert (stored(filled, judged=False), without(filled, judged=False)) == (KEPT, [])
    assert stored(filled, judged=True) == JUDGED


def test_they_come_in_the_order_in_which_their_questions_were_judged(filled: Workspace) -> None:
    late = {1: 11, 0: 16, 12: 19}  # each was judged right after that one
    order = list(range(30))
    for idx, after in late.items():
        order.remove(idx)
        order.insert(order.index(after) + 1, idx)
    filled.writer.put([rows.signature(idx, place=place) for place, idx in enumerate(order)])
    assert stored(filled, judged=True) == [idx for idx in order if idx in JUDGED]
    with filled.cursor() as cursor:
        assert signatures.next_place(cursor, "r1") == 30
        assert signatures.next_place(cursor, "r0") == signatures.next_place(cursor, "none") == 0


def test_those_of_another_method_are_made_again_and_replaced(filled: Workspace) -> None:
    filled.writer.put([rows.signature(idx, method="older") for idx in range(30)])
    filled.writer.put([rows.signature(idx, "r0", method="older") for idx in range(30)])
    filled.writer.flush()
    assert (stored(filled, judged=False), without(filled, judged=False)) == ([], KEPT)
    signatures.replace(filled, "r1", [(idx, rows.signature(idx)) for idx in KEPT])
    assert (stored(filled, judged=False), without(filled, judged=False)) == (KEPT, [])
    with filled.cursor() as cursor:
        counted = "SELECT run_id, method, count(*) FROM signature_rows GROUP BY ALL ORDER BY ALL"
        assert cursor.execute(counted).fetchall() == [("r0", "older", 30), ("r1", "m", 28), ("r1", "older", 2)]
    filled.writer.put([rows.signature(3, method="newest")])
    assert stored(filled, judged=False, method="newest") == []  # the first write wins, here too


def test_a_run_that_is_not_there_has_none(workspace: Workspace) -> None:
    signatures.replace(workspace, "none", [(0, rows.signature(0, "none"))])
    with workspace.cursor() as cursor:
        assert list(signatures.kept(cursor, "none", "m", judged=False)) == []
        assert list(signatures.without(cursor, "none", "m", judged=False)) == []


def test_a_run_that_was_deleted_meanwhile_gets_none(filled: Workspace) -> None:
    filled.update_run("r1", status="done")
    filled.delete_run("r1")
    signatures.replace(filled, "r1", [(idx, rows.signature(idx)) for idx in KEPT])
    filled.writer.flush()
    with filled.cursor() as cursor:
        assert cursor.execute("SELECT count(*) FROM signature_rows WHERE run_id = 'r1'").fetchone() == (0,)
