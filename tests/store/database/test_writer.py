"""The writer: durable, in order, each row once, and honest when it cannot write."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import duckdb
import pytest

from store.database.workspace import Workspace
from store.errors import InputError, StoreError
from store.records import Decision, Label, Preference, Question, Reward, Run, Verdict, question_id
from tests.store import rows
from tests.store.conftest import Ask


def test_rows_appear_by_themselves_soon_after_a_put(workspace: Workspace) -> None:
    workspace.writer.put(rows.whole(0))
    written = threading.Event()
    with workspace.cursor() as cursor:
        for _ in range(200):
            if cursor.execute("SELECT count(*) FROM pairs").fetchone() == (1,):
                written.set()
                break
            threading.Event().wait(0.05)
    assert written.is_set()


def test_a_put_is_seen_whole_or_not_at_all(workspace: Workspace) -> None:
    stop = threading.Event()
    torn: list[tuple[int, ...]] = []

    def look() -> None:
        with workspace.cursor() as cursor:
            while not stop.is_set():
                counts = (f"(SELECT count(*) FROM {table})" for table in ("questions", "rewards", "labels"))
                query = "SELECT " + ", ".join(counts)
                found = cursor.execute(query).fetchone()
                if found is None or found[0] * 2 != found[1] or found[0] * 4 != found[2]:
                    torn.append(found or ())

    reader = threading.Thread(target=look)
    reader.start()
    for idx in range(300):
        workspace.writer.put(rows.whole(idx))
    workspace.writer.flush()
    stop.set()
    reader.join()
    assert not torn


def test_what_is_stored_is_never_stored_again(tmp_path: Path) -> None:
    ticked = [Label("r1-00000000", "near_duplicate", other, "minhash") for other in ("r0-00000001", "r0-00000002")]
    choice = Preference("p1", "good", "bad", "solvable", "oracle", "r1-00000000")
    everything = [*rows.whole(0), *ticked, rows.decide("e1", 0, "accept"), choice]
    counted = []
    for _ in range(2):
        with Workspace.open(tmp_path / "w") as workspace:
            workspace.writer.put([*everything, *everything])
            workspace.writer.put(everything)
            workspace.writer.flush()
            with workspace.cursor() as cursor:
                tables = ("questions", "verdicts", "solutions", "rewards", "labels", "decisions", "preferences")
                counted.append([cursor.execute(f"SELECT count(*) FROM {t}").fetchone() for t in tables])
            again = len(everything) * (2 if not counted[1:] else 3)
            assert workspace.writer.ignored == again
    assert counted[0] == counted[1] == [(1,), (7,), (2,), (2,), (6,), (1,), (1,)]


def test_near_duplicates_that_come_later_are_added_to_those_that_are_stored(workspace: Workspace, ask: Ask) -> None:
    def near(*others: int) -> list[Label]:
        return [Label("r1-00000000", "near_duplicate", f"r0-{other:08d}", "minhash") for other in others]

    workspace.writer.put([*rows.whole(0), *near(1, 2, 2)])
    workspace.writer.flush()
    workspace.writer.put([*near(2, 3, 3, 4), *near(1)])
    found = ask("SELECT value FROM labels WHERE key = 'near_duplicate' ORDER BY value")
    assert [value for (value,) in found] == [f"r0-{other:08d}" for other in (1, 2, 3, 4)]
    assert workspace.writer.ignored == 4


def test_the_first_write_wins(workspace: Workspace, ask: Ask) -> None:
    workspace.writer.put([rows.question(0, text="first"), rows.question(0, text="second")])
    workspace.writer.put(
        [Verdict("r1-00000000", "language", "a", True), Verdict("r1-00000000", "language", "b", False)]
    )
    assert ask("SELECT text FROM questions") == [("first",)]
    assert ask("SELECT judge FROM verdicts") == [("a",)]


def test_runs_whose_names_begin_alike_are_kept_apart(tmp_path: Path) -> None:
    names = ("r", "r-1", "r-1-00000000")
    with Workspace.open(tmp_path / "w") as workspace:
        for name in names:
            workspace.create_run(rows.run(name))
            workspace.writer.put(rows.whole(1, name))
    with Workspace.open(tmp_path / "w") as workspace:
        for name in names:
            workspace.writer.put([*rows.whole(1, name), *rows.whole(2, name)])
        workspace.delete_run("r-1")
        with workspace.cursor() as cursor:
            kept = cursor.execute("SELECT run_id, count(*) FROM pairs GROUP BY ALL ORDER BY ALL").fetchall()
            solved = cursor.execute("SELECT count(*) FROM solutions").fetchone()
    assert kept == [("r", 2), ("r-1-00000000", 2)]
    assert solved == (8,)


def test_an_index_beyond_eight_digits_is_a_question_like_any_other(workspace: Workspace, ask: Ask) -> None:
    workspace.writer.put([rows.question(10**8 + 1), rows.question(10**8 + 1)])
    assert ask("SELECT question_id FROM items") == [("r1-100000001",)]


def test_odd_texts_and_numbers_are_stored_not_fatal(workspace: Workspace, ask: Ask) -> None:
    odd = "nul \x00, half a pair \ud83d, emoji 🦆, 'quotes' \"and\" \\boxed{½}"
    asked = rows.question(0, text=odd)
    fields = {name: getattr(asked, name) for name in Question.__dataclass_fields__}
    extra = {"nan": float("nan"), "list": [float("inf"), 1], "path": Path("a"), "text": odd}
    workspace.writer.put([Question(**{**fields, "extra": extra})])
    ((text, found),) = ask("SELECT text, extra::VARCHAR FROM questions")
    assert text == odd.replace("\ud83d", "?")
    assert '"nan":null' in found.replace(" ", "")
    assert "[null,1]" in found.replace(" ", "")


def test_times_are_stored_in_utc(workspace: Workspace, ask: Ask) -> None:
    east = datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    workspace.writer.put([Verdict("r1-00000000", "language", "a", True, created_at=east)])
    workspace.create_run(rows.run(created_at=east))
    assert ask("SELECT created_at FROM verdicts UNION SELECT created_at FROM runs") == [(datetime(2026, 1, 1),)]
    assert workspace.run("r1").created_at == datetime(2026, 1, 1, tzinfo=UTC)


def test_many_threads_may_put_and_each_cursor_sees_its_own_rows(workspace: Workspace) -> None:
    wrong: list[object] = []

    def work(worker: int) -> None:
        run_id = f"r{worker}"
        with workspace.cursor() as cursor:
            for idx in range(40):
                workspace.writer.put(rows.whole(idx, run_id))
                if idx % 10 == 9:
                    workspace.writer.flush()
                    found = cursor.execute("SELECT DISTINCT run_id FROM items WHERE run_id = ?", [run_id]).fetchall()
                    count = cursor.execute("SELECT count(*) FROM pairs WHERE run_id = ?", [run_id]).fetchone()
                    if found != [(run_id,)] or count != (idx + 1,):
                        wrong.append((found, count))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert workspace.writer.ignored == 0


def test_closing_writes_what_was_put(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        for idx in range(50):
            workspace.writer.put(rows.whole(idx))
    with Workspace.open(tmp_path / "w") as workspace, workspace.cursor() as cursor:
        assert cursor.execute("SELECT count(*) FROM pairs").fetchone() == (50,)
    with pytest.raises(StoreError, match="is closed"):
        workspace.writer.put(rows.whole(0))
    with pytest.raises(StoreError, match="is closed"):
        workspace.cursor()


def test_closing_stops_a_query_that_runs(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path / "w")
    started, ended = threading.Event(), threading.Event()

    def read() -> None:
        cursor = workspace.cursor()
        started.set()
        try:
            cursor.execute("SELECT count(*) FROM range(1000000000) a, range(1000000000) b").fetchall()
        except Exception:  # noqa: BLE001  which error DuckDB raises is not the point
            ended.set()

    thread = threading.Thread(target=read)
    thread.start()
    started.wait()
    threading.Event().wait(0.3)
    workspace.close()
    thread.join()
    assert ended.is_set()


def test_a_callers_error_is_the_callers_and_the_writer_goes_on(workspace: Workspace, ask: Ask) -> None:
    workspace.create_run(rows.run())
    with pytest.raises(InputError, match="already in this workspace"):
        workspace.create_run(rows.run())
    workspace.writer.put(rows.whole(0))
    assert ask("SELECT count(*) FROM runs") == [(1,)]


@pytest.mark.parametrize("value", [2**70, 10**50, object(), "\ud83d"], ids=["huge", "vast", "object", "half a pair"])
def test_a_call_that_duckdb_refuses_is_the_callers_error_and_the_writer_goes_on(
    workspace: Workspace, ask: Ask, value: object
) -> None:
    workspace.create_run(rows.run())
    workspace.writer.put(rows.whole(0))

    def write(cursor: duckdb.DuckDBPyConnection) -> None:
        cursor.execute("UPDATE runs SET name = 'half of it'")
        cursor.execute("UPDATE runs SET seed = ?", [value])

    with pytest.raises(StoreError, match=r"was refused \(.*\); what was stored before is safe\.$"):
        workspace.writer.call(write)
    with pytest.raises(StoreError, match="was refused"):
        workspace.writer.call(lambda cursor: cursor.execute("UPDATE no_table SET a = 1"))
    workspace.writer.put(rows.whole(1))
    workspace.writer.flush()
    assert ask("SELECT name, seed FROM runs") == [(rows.run().name, rows.run().seed)]
    assert ask("SELECT count(*) FROM pairs") == [(2,)]


def test_a_row_that_no_table_takes_stops_the_writer_with_a_sentence(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path / "w")
    workspace.writer.put(rows.whole(0))
    workspace.writer.flush()
    bad = Reward(f"{question_id('r1', 0)}-7", "reward", "much")  # type: ignore[arg-type]
    workspace.writer.put([bad])
    with pytest.raises(StoreError, match="what was stored before is safe"):
        workspace.writer.flush()
    with pytest.raises(StoreError, match="what was stored before is safe"):
        workspace.writer.put(rows.whole(1))
    with pytest.raises(StoreError):
        workspace.close()
    with Workspace.open(tmp_path / "w") as again, again.cursor() as cursor:
        assert cursor.execute("SELECT count(*) FROM pairs").fetchone() == (1,)


def test_decisions_of_a_bulk_action_are_stored_in_their_order(workspace: Workspace, ask: Ask) -> None:
    when = datetime(2026, 1, 1, tzinfo=UTC)
    events = [
        Decision(
            f"e{n}", question_id("r1", n % 7), "ana", "accept" if n % 2 else "reject", batch_id="b", created_at=when
        )
        for n in range(700)
    ]
    workspace.writer.put([rows.question(idx) for idx in range(7)])
    workspace.writer.put(events)
    last = {n % 7: "accepted" if n % 2 else "rejected" for n in range(700)}
    found = ask("SELECT question_id, status FROM items ORDER BY question_id")
    assert found == [(question_id("r1", idx), status) for idx, status in sorted(last.items())]


def test_a_run_is_read_back_as_it_was_written(workspace: Workspace) -> None:
    made = Run("r1", "größer", "live", {"a": [1, {"b": None}]}, "h", 2**62, "paused", error="why")
    workspace.create_run(made)
    assert workspace.run("r1") == made
    workspace.update_run("r1", status="running")
    assert (workspace.run("r1").status, workspace.run("r1").ended_at, workspace.run("r1").error) == (
        "running",
        None,
        None,
    )
    workspace.update_run("r1", status="failed", error="no more")
    assert workspace.runs()[0].error == "no more"
    assert workspace.runs()[0].ended_at is not None
