"""Older files come forward on open; a failed step leaves them as they were."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from store.database import schema
from store.database.question import read_question
from store.database.views import VIEWS
from store.database.workspace import DATABASE, Workspace
from tests.store import rows


def tables(con: duckdb.DuckDBPyConnection) -> set[str]:
    return {name for (name,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()}


def test_an_empty_database_is_version_0_and_comes_forward(tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    with duckdb.connect(str(tmp_path / "w" / DATABASE)) as con:
        assert schema.version(con) == 0
    with Workspace.open(tmp_path / "w", create=False) as workspace, workspace.cursor() as cursor:
        assert schema.version(cursor) == schema.VERSION
        assert tables(cursor) == {*schema.TABLES, "meta"}


def test_a_later_step_keeps_the_rows_and_renews_the_views(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        workspace.writer.put(rows.whole(0))
    step = ("ALTER TABLE label_rows ADD COLUMN weight DOUBLE", "UPDATE label_rows SET weight = 1.0")
    with duckdb.connect(str(tmp_path / "w" / DATABASE)) as con:
        schema.migrate(con, schema.VERSION, (*schema.MIGRATIONS, step))
        assert schema.version(con) == schema.VERSION + 1
        assert con.execute("SELECT DISTINCT weight FROM label_rows").fetchall() == [(1.0,)]
        assert con.execute("SELECT count(*) FROM pairs").fetchone() == (1,)


def test_a_step_that_fails_changes_nothing(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        workspace.writer.put(rows.whole(0))
    step = ("ALTER TABLE label_rows ADD COLUMN weight DOUBLE", "SELECT no_such_column FROM label_rows")
    with duckdb.connect(str(tmp_path / "w" / DATABASE)) as con, pytest.raises(duckdb.Error):
        schema.migrate(con, schema.VERSION, (*schema.MIGRATIONS, step))
    with Workspace.open(tmp_path / "w") as workspace, workspace.cursor() as cursor:
        assert schema.version(cursor) == schema.VERSION
        assert cursor.execute("SELECT count(*) FROM pairs").fetchone() == (1,)


def test_views_of_an_older_program_are_replaced(tmp_path: Path) -> None:
    Workspace.open(tmp_path / "w").close()
    with duckdb.connect(str(tmp_path / "w" / DATABASE)) as con:
        con.execute("CREATE OR REPLACE VIEW pairs AS SELECT 1 AS old")
        con.execute("CREATE VIEW gone AS SELECT 1 AS old")
        con.execute("UPDATE meta SET value = 'older' WHERE key = 'views'")
    with Workspace.open(tmp_path / "w") as workspace, workspace.cursor() as cursor:
        found = cursor.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()
        assert {name for (name,) in found} == set(VIEWS)
        assert cursor.execute("SELECT question_id FROM pairs").fetchall() == []


def test_opening_an_up_to_date_file_writes_no_schema(tmp_path: Path) -> None:
    Workspace.open(tmp_path / "w").close()
    before = (tmp_path / "w" / DATABASE).read_bytes()
    Workspace.open(tmp_path / "w").close()
    assert (tmp_path / "w" / DATABASE).read_bytes() == before


def test_a_file_of_version_1_gets_its_keys(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "new") as workspace:
        for run in ("r1", "r2"):
            workspace.create_run(rows.run(run))
            workspace.writer.put([*rows.whole(0, run), *rows.whole(7, run)])
        workspace.writer.flush()
        with workspace.cursor() as cursor:
            want = {view: cursor.execute(f"FROM {view} ORDER BY ALL").fetchall() for view in VIEWS}
    (tmp_path / "old").mkdir()
    with duckdb.connect(str(tmp_path / "old" / DATABASE)) as con:
        for statement in schema.MIGRATIONS[0]:
            con.execute(statement)
        con.execute("CREATE TABLE meta AS SELECT 'schema_version' AS key, '1' AS value")
        con.execute(f"ATTACH '{tmp_path / 'new' / DATABASE}' AS new (READ_ONLY)")
        for table in set(schema.OF_RUNS) - {schema.SUPERSEDED, "rate_rows", "signature_rows", "spend_rows"}:
            columns = ", ".join(str(c[0]) for c in con.execute(f"DESCRIBE {table}").fetchall())
            con.execute(f"INSERT INTO {table} SELECT {columns} FROM new.{table}")
    with Workspace.open(tmp_path / "old") as workspace:
        with workspace.cursor() as cursor:
            for view in VIEWS:
                assert cursor.execute(f"FROM {view} ORDER BY ALL").fetchall() == want[view], view
            assert read_question(cursor, "r2-00000007")["question"]["idx"] == 7
        workspace.writer.put([*rows.whole(7, "r2"), *rows.whole(8, "r2")])
        workspace.writer.flush()
        with workspace.cursor() as cursor:
            counted = "SELECT count(*), count(DISTINCT q), count(DISTINCT q >> 32) FROM question_rows"
            assert cursor.execute(counted).fetchall() == [(5, 5, 2)]


_WITHOUT_5 = (
    *("DROP VIEW items", "DROP VIEW pairs", "DROP VIEW prompts", "DROP VIEW solutions", "DROP VIEW rates"),
    "DROP VIEW spend",
    "DROP TABLE spend_rows",
    "DROP TABLE rate_rows",
    "DROP TABLE signature_rows",
    *(f"ALTER TABLE solution_rows DROP {name}" for name in ("reasoning_tokens", "reasoning_chars", "correct")),
    "ALTER TABLE solution_text DROP reasoning",
)
"""Takes from a file what versions 5 to 7 added."""


def test_verdicts_that_checks_of_version_2_removed_are_kept(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        workspace.writer.put(rows.whole(0))
    with duckdb.connect(str(tmp_path / "w" / DATABASE)) as con:
        con.execute("DROP TABLE superseded_verdicts")
        con.execute("CREATE TABLE verdicts_aside AS FROM verdict_rows WHERE stage = 'pair'")
        for statement in _WITHOUT_5:
            con.execute(statement)
        con.execute("UPDATE meta SET value = '2' WHERE key = 'schema_version'")
    with Workspace.open(tmp_path / "w") as workspace, workspace.cursor() as cursor:
        assert schema.version(cursor) == schema.VERSION
        kept = cursor.execute("SELECT question_id, stage FROM superseded_verdicts").fetchall()
        assert kept == [("r1-00000000", "pair")]
