"""Typed SQL: what is answered and how, and what no statement can do to the workspace, to files or to this process."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.console import console
from store.console.console import Answer, Console
from store.database.sources import SourceSelector
from store.database.workspace import DATABASE, Workspace
from store.errors import ScaleQuestError
from tests.store import rows
from tests.store.console.hostile_sql import LEAKS, MEMORY, REFUSED, TIME

DEMO = Path(__file__).resolve().parents[3] / "assets" / "demo"
STOPPED = "Stopped after 2 s, the time limit of a statement; select less."
FOREVER = TIME[0]
PATIENCE = 20
"""Seconds for the caller, on a machine where much else runs. That the limit is 2 s, the answer says itself."""


@pytest.fixture
def filled(workspace: Workspace) -> Workspace:
    workspace.create_run(rows.run(status="done"))
    workspace.writer.put(row for idx in range(5) for row in rows.whole(idx))
    workspace.writer.put([rows.question(5), *rows.verdicts(5, drop="solvability", reason="not_solvable")])
    workspace.writer.flush()
    return workspace


@pytest.fixture
def typed(filled: Workspace) -> Console:
    return Console(filled.path)


def refusal(typed: Console, filled: Workspace, statement: str) -> str:
    begun = time.monotonic()
    try:
        answer = typed.run(filled, statement, "it")
    except ScaleQuestError as error:
        said = str(error)
    else:
        pytest.fail(f"{statement[:100]!r} was answered: {str(answer)[:200]}")
    assert time.monotonic() - begun < PATIENCE, statement
    assert said.count("\n") == 0, statement
    assert len(said) < 500
    assert "Traceback" not in said
    return said


def digest(folder: Path) -> str:
    """Of the database's bytes, read by another process: closing a handle here would free DuckDB's lock."""
    code = "import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], 'rb').read()).hexdigest())"
    return subprocess.check_output([sys.executable, "-c", code, str(folder / DATABASE)], text=True)


@pytest.fixture
def unharmed(filled: Workspace) -> Iterator[None]:
    """The workspace's file is the same, byte for byte, afterwards, and this process reads and writes it as before."""
    filled.writer.call(lambda cursor: cursor.execute("FORCE CHECKPOINT"), transaction=False)
    before = digest(filled.path)
    yield
    assert digest(filled.path) == before
    assert not Path("/tmp/stolen.csv").exists()
    filled.writer.put(rows.whole(77))
    filled.writer.flush()
    with filled.cursor() as cursor:
        assert cursor.execute("SELECT count(*) FROM pairs").fetchone() == (6,)


def test_a_select_is_answered_with_columns_types_and_rows_as_texts(typed: Console, filled: Workspace) -> None:
    answer = typed.run(filled, "SELECT stage, kept, dropped, NULL AS none FROM funnel -- as it stands;", "it")
    assert answer.columns == ["stage", "kept", "dropped", "none"]
    assert answer.types[:3] == ["VARCHAR", "BIGINT", "BIGINT"]
    assert answer.rows[0] == ["generated", "6", "0", None]
    assert answer.rows[4] == ["solvability", "5", "1", None]
    assert (answer.more, answer.cut) == (False, 0)


def test_values_of_every_kind_are_written_as_the_database_writes_them(typed: Console, filled: Workspace) -> None:
    statement = """SELECT 170141183460469231731687303715884105727, 0.1::DOUBLE, 1.50::DECIMAL(9, 2), [1, 2], {'a': 'é'},
        TIMESTAMPTZ '2026-01-02 03:04:05+00', 'x'::BLOB, INTERVAL 1 DAY, true, 'nan'::DOUBLE, '' AS a, '' AS a"""
    (row,) = typed.run(filled, statement, "it").rows
    assert row[:5] == ["170141183460469231731687303715884105727", "0.1", "1.50", "[1, 2]", "{'a': é}"]
    assert row[5] is not None
    assert row[5].startswith("2026-01-02 ")
    assert row[6:] == ["x", "1 day", "true", "nan", "", ""]


def test_the_examples_and_every_view_can_be_asked(typed: Console, filled: Workspace) -> None:
    columns = console.views(filled)
    assert list(columns)[:4] == ["items", "pairs", "prompts", "funnel"]
    assert len(columns) == 15
    for name in columns:
        assert typed.run(filled, f"FROM {name}", "it").columns == columns[name]
    for example in console.EXAMPLES.values():
        assert typed.run(filled, example, "it").columns


def test_a_snapshot_has_what_is_committed_and_says_it_as_the_views_do(typed: Console, filled: Workspace) -> None:
    edit = {"query": "What is 2 + 2?", "response": r"It is \boxed{4}.", "answer": "4"}
    filled.writer.put([rows.decide("e1", 0, "edit", **edit), rows.decide("e2", 5, "tag", tag="odd")])
    filled.writer.flush()  # in the log, not yet in the file
    for view in ("items", "pairs", "prompts", "funnel"):
        statement = f"SELECT {', '.join(f'{name}::VARCHAR' for name in console.views(filled)[view])} FROM {view}"
        with filled.cursor() as cursor:
            want = [list(row) for row in cursor.execute(f"{statement} ORDER BY ALL").fetchall()]
        assert sorted(typed.run(filled, statement, "it").rows, key=str) == sorted(want, key=str), view


def test_long_results_and_long_texts_are_cut_and_it_is_said(typed: Console, filled: Workspace) -> None:
    many = typed.run(filled, "FROM range(5000) ORDER BY range DESC", "it")
    assert (len(many.rows), many.rows[0], many.more) == (1000, ["4999"], True)
    exact = typed.run(filled, "FROM range(1000)", "it")
    assert (len(exact.rows), exact.more) == (1000, False)
    long = typed.run(filled, "SELECT repeat('é', 3000), repeat('x', 2000)", "it")
    assert (long.rows, long.cut) == ([["é" * 2000 + "…", "x" * 2000]], 1)
    wide = typed.run(filled, "SELECT repeat('x', 2000) FROM range(1000)", "it")
    assert (len(wide.rows), wide.more) == ((1 << 20) // 2000, True)
    columns = ", ".join(f"{n} AS c{n}" for n in range(101))
    assert "101 columns" in refusal(typed, filled, f"SELECT {columns}")


def test_a_snapshot_keeps_its_rows_until_it_is_made_anew(typed: Console, filled: Workspace) -> None:
    def pairs() -> Answer:
        return typed.run(filled, "SELECT count(*) FROM pairs", "it")

    assert pairs().rows == [["5"]]
    first = typed.snapshot
    filled.writer.put(rows.whole(6))
    filled.writer.flush()
    assert pairs().rows == [["5"]]
    assert typed.snapshot is first
    second = typed.refresh(filled)
    assert first is not None
    assert second.at > first.at
    assert second.bytes == second.file.stat().st_size
    assert pairs().rows == [["6"]]


def test_the_demo_can_be_asked_until_there_is_a_run(workspace: Workspace) -> None:
    sources, typed = SourceSelector(workspace, DEMO), Console(workspace.path)
    assert typed.run(sources.current(), "SELECT count(*) FROM questions", "it").rows == [["460"]]
    workspace.create_run(rows.run(status="done"))
    assert typed.run(sources.current(), "SELECT count(*) FROM questions", "it").rows == [["0"]]


def test_nothing_of_a_console_is_left_in_the_workspace(filled: Workspace) -> None:
    left = filled.path / "console-left-by-a-killed-one"
    left.mkdir()
    (left / "snapshot.duckdb").write_bytes(b"old")
    typed = Console(filled.path)
    assert not left.exists()
    folder = typed.refresh(filled).file.parent
    assert folder.parent == filled.path
    assert folder.stat().st_mode & 0o077 == 0
    del typed
    assert not folder.exists()


def test_mistakes_are_told_in_a_sentence(typed: Console, filled: Workspace) -> None:
    assert "syntax error at or near" in refusal(typed, filled, "SELECT *\nFORM pairs WHERE")
    assert '"nope" not found' in refusal(typed, filled, "SELECT nope FROM pairs")
    assert refusal(typed, filled, "  ") == "The statement is empty; write one SELECT."
    assert "2 statements" in refusal(typed, filled, "SELECT 1; SELECT 2")
    assert "too long" in refusal(typed, filled, "SELECT '" + "x" * 10_000 + "'")


@pytest.mark.usefixtures("unharmed")
def test_hostile_statements_are_refused(typed: Console, filled: Workspace) -> None:
    assert len(REFUSED) >= 60
    for statement in REFUSED:
        refusal(typed, filled, statement)


@pytest.mark.usefixtures("unharmed")
def test_changes_inside_a_select_are_refused_for_what_they_are(typed: Console, filled: Workspace) -> None:
    for statement in REFUSED:
        if statement.startswith("WITH x AS (DELETE"):
            assert re.search("contains DELETE|A CTE needs a SELECT", refusal(typed, filled, statement))


@pytest.mark.usefixtures("unharmed")
def test_bombs_of_memory_and_time_are_stopped(typed: Console, filled: Workspace) -> None:
    for statement in MEMORY:
        said = refusal(typed, filled, statement)
        assert said == STOPPED or "memory" in said, (statement, said)
    for statement in TIME:
        assert refusal(typed, filled, statement) == STOPPED, statement


def test_what_leaks_names_no_path_but_the_snapshots(typed: Console, filled: Workspace) -> None:
    folder = str(typed.refresh(filled).file.parent)
    for statement in LEAKS:
        for row in typed.run(filled, statement, "it").rows:
            for cell in row:
                shown = (cell or "").replace(folder, "").replace("Etc/UTC", "")
                assert not re.search(r"/(root|home|usr|etc|tmp|work|proc)\b|\.duckdb/", shown), (statement, row)


def test_a_cancelled_statement_ends_at_once_and_says_so(typed: Console, filled: Workspace) -> None:
    typed.refresh(filled)
    said: list[str] = []

    def ask() -> None:
        with pytest.raises(ScaleQuestError) as ended:
            typed.run(filled, FOREVER, "mine")
        said.append(str(ended.value))

    asking = threading.Thread(target=ask)
    asking.start()
    while asking.is_alive():  # it is not there to be cancelled before its process is
        typed.cancel("mine")
        time.sleep(0.01)
    assert said == ["Cancelled."]
    typed.cancel("mine")
    assert typed.run(filled, "SELECT 1", "mine").rows == [["1"]]


def test_two_run_at_once_and_a_third_is_told_to_wait(typed: Console, filled: Workspace) -> None:
    typed.refresh(filled)
    said: list[str] = []

    def ask(name: str) -> None:
        try:
            typed.run(filled, FOREVER, name)
        except ScaleQuestError as error:
            said.append(str(error))

    asking = [threading.Thread(target=ask, args=(name,)) for name in "abc"]
    for one in asking:
        one.start()
    for one in asking:
        one.join()
    assert sorted(said) == [
        "2 statements are running already; run yours again in a moment.",
        STOPPED,
        STOPPED,
    ]
    assert typed.run(filled, "SELECT 1", "d").rows == [["1"]]
