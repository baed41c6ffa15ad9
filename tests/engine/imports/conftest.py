"""A workspace to import into, and files as people bring them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from engine.imports import job
from engine.jobs.result import Result
from store.database import run_queries
from store.database.workspace import Workspace


@dataclass
class Brought:
    """An import that has ended, and what it said."""

    workspace: Workspace
    result: Result
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def run_id(self) -> str:
        return self.result.run_id

    @property
    def end(self) -> dict[str, Any]:
        return self.events[-1]

    def ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of a query; ``$run`` is this run."""
        with self.workspace.cursor() as cursor:
            return cursor.execute(query.replace("$run", f"'{self.run_id}'"), list(values)).fetchall()

    def refused(self) -> list[tuple[int, str]]:
        return self.ask("SELECT idx, message FROM errors WHERE run_id = $run AND stage = 'import' ORDER BY idx")

    def pairs(self, columns: str) -> list[tuple[Any, ...]]:
        return self.ask(f"SELECT {columns} FROM pairs WHERE run_id = $run ORDER BY question_id")

    def check_whole(self) -> None:
        """What holds of every import that has ended: nothing is unaccounted for, and the funnel is whole."""
        counts = self.workspace.run(self.run_id).config
        assert counts["read"] == counts["imported"] + counts["grouped"] + counts["refused"]
        assert self.ask("SELECT count(*) FROM questions WHERE run_id = $run") == [(counts["imported"],)]
        assert len(self.refused()) == counts["refused"]
        with self.workspace.cursor() as cursor:
            funnel = run_queries.funnel(cursor, self.run_id)
        assert funnel[0].kept == counts["imported"]
        names = ("stage", "entered", "kept", "dropped", "pending")
        told = [tuple(row[name] for name in names) for row in self.end["funnel"]]
        assert told == [tuple(getattr(row, name) for name in names) for row in funnel]
        for before, row in pairwise(funnel):
            assert row.entered == before.kept - row.pending
            assert row.pending == 0 or row.stage == "solution"
            assert row.entered == row.kept + row.dropped
        assert self.ask("SELECT count(*) FROM pairs WHERE run_id = $run") == [(funnel[-1].kept,)]


Bring = Callable[..., Brought]
_OPTIONS = ("scored", "control", "group", "drop_languages")


@pytest.fixture
def bring(tmp_path: Path) -> Iterator[Bring]:
    """Imports a file (a path, or rows that become JSON lines) into one workspace; checks what holds of every import."""
    with Workspace.open(tmp_path / "w") as workspace:

        def imported(source: object, /, name: str = "data", **how: Any) -> Brought:
            if isinstance(source, list):
                source = jsonl(tmp_path / f"{name}.jsonl", source)
            events: list[dict[str, Any]] = []
            given = {field: how.pop(field) for field in _OPTIONS if field in how}
            result = job.start(workspace, str(source), how, on_event=events.append, **given)
            made = Brought(workspace, result, events)
            made.check_whole()
            return made

        yield imported


def jsonl(path: Path, rows: Sequence[object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def sums(n: int) -> list[dict[str, Any]]:
    """So many different questions with their solutions."""
    return [
        {"query": f"What is {i} + {i + 1}?", "response": f"We add.\nThe answer is \\boxed{{{2 * i + 1}}}."}
        for i in range(n)
    ]
