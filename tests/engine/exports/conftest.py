"""A workspace with rows of every kind that an export meets, and exports of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.exports import job
from engine.exports.plan import Plan
from store.database.workspace import Workspace
from store.filters.filter import Filter
from store.records import Label, Question, Record, Solution, question_id
from tests.store import rows

PAIRS = 40
DROPPED = (40, 41, 42)
REJECTED = (3, 4)
ACCEPTED = (5, 6, 7)
EDITED = 8
TAGGED = 9


def question(idx: int) -> list[Record]:
    """A pair of two samples with different answers and rewards; some are special."""
    made = list(rows.whole(idx))
    texts = {20: "=1+1", 21: "  +SUM(A1)", 22: "@cmd", 23: "'=2+2", 24: "-3 + 5 is?", 25: "\tfoo", 26: "plain ' text"}
    for place, one in enumerate(made):
        if isinstance(one, Question):
            text = texts.get(idx, f'How much is "{idx}",\nplus {idx}? \u00e9\u20ac')
            made[place] = replace(one, text=text)
        if isinstance(one, Solution) and one.sample == 0 and idx != 12:
            made[place] = replace(one, answer=str(2 * idx + 1), text=f"Wrong: \\boxed{{{2 * idx + 1}}}")
    return made


def dropped(idx: int) -> list[Record]:
    return [rows.question(idx), *rows.verdicts(idx, drop="solvability", reason="not_solvable")]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with Workspace.open(tmp_path_factory.mktemp("w") / "w") as opened:
        fill(opened)
        yield opened


def fill(opened: Workspace) -> None:
    opened.create_run(rows.run(status="done"))
    for idx in (*range(1, PAIRS), 0):  # not in the order of their keys
        opened.writer.put(question(idx))
    for idx in DROPPED:
        opened.writer.put(dropped(idx))
    # sample 0 has no worse sample than the chosen one: a tie
    opened.writer.put(
        [rows.question(43), *rows.verdicts(43), *rows.solutions(43, rewards=(-0.1, -0.1)), *rows.labels(43)]
    )
    decided: list[Record] = [rows.decide(f"x{i}", i, "reject") for i in REJECTED]
    decided += [rows.decide(f"a{i}", i, "accept") for i in ACCEPTED]
    decided += [
        rows.decide("e8", EDITED, "edit", query="A better question?", response="Better: \\boxed{16}", answer="16")
    ]
    decided += [rows.decide("t9", TAGGED, "tag", tag="nice"), rows.decide("t9b", TAGGED, "tag", tag="=odd")]
    opened.writer.put(decided)
    near = [(10, 11), (11, 41), (14, 41), (30, 31), (31, 32), (32, 33)]
    opened.writer.put([Label(question_id("r1", a), "near_duplicate", question_id("r1", b), "minhash") for a, b in near])
    opened.writer.flush()


Make = Callable[..., Path]


@pytest.fixture
def make(workspace: Workspace, tmp_path: Path) -> Make:
    """Exports into a fresh folder, which it gives."""
    made = 0

    def exported(form: str, asked: dict[str, Any] | None = None, **options: Any) -> Path:
        nonlocal made
        made += 1
        out = tmp_path / f"out-{made}"
        result = job.start(workspace, Plan(form, Filter.from_json(asked or {}), **options), out)
        assert (result.status, result.message) == ("done", None)
        return out

    return exported
