"""Merging the runs and decisions of another workspace into this one, by their ids.

A new run is copied in one transaction and gets a new number, so a kill leaves complete runs only. Of a run that exists
in both workspaces (same id, time and config), only missing decisions and preference pairs are added; model outputs are
never mixed, because two machines may have computed different ones. Decisions are appended in their order, so they
override earlier decisions on the same questions. A run with the id of a different run is refused.

Rows are copied file to file inside DuckDB, a block of questions at a time. Other writes wait until a run is copied.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import duckdb

from store.database import bulk_insert, duckdb_errors, ids, schema
from store.database.workspace import Workspace
from store.errors import StoreError
from store.transfer.attach import OTHER, Database, attached

BLOCK = bulk_insert.GROUP
"""Questions of a block: a merge can be stopped between two of them."""
_NEW_RUN_TABLES = (*schema.OF_MODELS, schema.SUPERSEDED)
"""The tables, by ``q``, that are merged for new runs only: a run that exists in both workspaces keeps its rows."""


@dataclass(slots=True)
class Merged:
    """Numbers of merged rows. ``here``: runs that existed already. ``left``: decisions not merged, because this
    workspace lacks the question or has another text; ``clashing``: preference pairs not merged, because their id exists
    with other texts. ``refused``: ids that belong to different runs here. ``stopped``: the merge is incomplete.
    """

    runs: int = 0
    here: int = 0
    refused: list[str] = field(default_factory=list)
    questions: int = 0
    solutions: int = 0
    decisions: int = 0
    preferences: int = 0
    left: int = 0
    clashing: int = 0
    stopped: bool = False

    def add(self, more: Merged) -> None:
        for name in ("runs", "here", "questions", "solutions", "decisions", "preferences", "left", "clashing"):
            setattr(self, name, getattr(self, name) + getattr(more, name))


@dataclass(slots=True)
class Progress:
    """A merge's progress: ``questions`` of ``total``, ``runs`` of ``of_runs``; ``run_id`` is being merged."""

    run_id: str = ""
    total: int = 0
    of_runs: int = 0
    questions: int = 0
    runs: int = 0


@dataclass(frozen=True, slots=True)
class _Run:
    run_id: str
    known: bool
    same: bool
    questions: int
    base: int  # the key of its idx 0 in the other workspace


class _Stopped(Exception):
    """Rolls back the run that is being merged."""


def merge(
    workspace: Workspace,
    database: Database,
    progress: Progress | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Merged:
    """Merge what this workspace lacks; merging again adds nothing.

    ``progress`` is updated for other threads. ``stop`` is called between blocks; once it returns True, the current run
    is rolled back and earlier ones are kept. StoreError: the other database cannot be read, or this one written.
    """
    progress = progress or Progress()
    done = Merged()
    with attached(workspace, database) as cursor:
        runs = _runs(cursor, database)
        progress.total, progress.of_runs = sum(run.questions for run in runs), len(runs)
        for run in runs:
            before, progress.run_id = progress.questions, run.run_id
            if run.known and not run.same:
                done.refused.append(run.run_id)
            else:
                merge_run = _merge_decisions if run.known else _copy_run
                merge_part = partial(merge_run, run=run, progress=progress, stop=stop)
                try:
                    done.add(_written(workspace, database, run.run_id, merge_part))
                except _Stopped:
                    done.stopped = True
                    return done
            progress.questions = before + run.questions
            progress.runs += 1
        done.add(_written(workspace, database, "", partial(_preferences, run_id=None)))
    return done


def _runs(cursor: duckdb.DuckDBPyConnection, database: Database) -> list[_Run]:
    """The other workspace's runs, oldest first."""
    query = f"""
        SELECT o.run_id, m.run_id IS NOT NULL,
            coalesce(m.config_hash IS NOT DISTINCT FROM o.config_hash
                AND m.created_at IS NOT DISTINCT FROM o.created_at, false), coalesce(n.questions, 0),
            coalesce(k.number, 0) << {ids.IDX_BITS}
        FROM {OTHER}.runs o LEFT JOIN runs m ON m.run_id = o.run_id
        LEFT JOIN (SELECT run_id, count(*) AS questions FROM {OTHER}.question_rows GROUP BY run_id) n
            ON n.run_id = o.run_id
        LEFT JOIN {OTHER}.run_numbers k ON k.run_id = o.run_id
        ORDER BY o.created_at, o.run_id"""
    try:
        return [_Run(*row) for row in cursor.execute(query).fetchall()]
    except duckdb.Error as error:
        raise duckdb_errors.damaged(database.place, error) from error


def _written(
    workspace: Workspace,
    database: Database,
    run_id: str,
    merge_part: Callable[[duckdb.DuckDBPyConnection], Merged],
) -> Merged:
    """Run one transaction. An error does not stop the writer, because the other file may be the damaged one."""

    def write(cursor: duckdb.DuckDBPyConnection) -> Merged:
        try:
            return merge_part(cursor)
        except duckdb.Error as error:
            what = f"run '{run_id}'" if run_id else "the preference pairs"
            raise StoreError(
                f"{what} of '{database.given}' could not be merged ({duckdb_errors.first_line(error)}); "
                "earlier runs are kept, and merging again continues from there."
            ) from error
        finally:
            workspace.writer.forget_run(run_id)

    return workspace.writer.call(write)


def _copy_run(cursor: duckdb.DuckDBPyConnection, run: _Run, progress: Progress, stop: Callable[[], bool]) -> Merged:
    """Copy a new run. If it was running or paused it becomes interrupted, because no process here continues it."""
    done = Merged(runs=1)
    _tally(
        cursor,
        f"""
        INSERT INTO runs BY NAME SELECT * REPLACE (
            CASE WHEN status IN ('running', 'paused') THEN 'interrupted' ELSE status END AS status)
        FROM {OTHER}.runs WHERE run_id = $run""",
        run=run.run_id,
    )
    _rows(cursor, run, done, progress, stop)
    _tally(
        cursor,
        f"INSERT INTO errors BY NAME SELECT * FROM {OTHER}.errors WHERE run_id = $run ORDER BY rowid",
        run=run.run_id,
    )
    _tally(
        cursor,
        f"INSERT INTO spend_rows BY NAME SELECT * FROM {OTHER}.spend_rows WHERE run_id = $run",
        run=run.run_id,
    )
    _notes(cursor, run.run_id)
    done.add(_events(cursor, run))
    return done


def _rows(
    cursor: duckdb.DuckDBPyConnection, run: _Run, done: Merged, progress: Progress, stop: Callable[[], bool]
) -> None:
    """Copy a run's model outputs block by block."""
    query = f"SELECT max(q) FROM {OTHER}.question_rows WHERE q BETWEEN ? AND ?"
    last = cursor.execute(query, [run.base, run.base + 2**ids.IDX_BITS - 1]).fetchall()[0][0]
    if last is None:
        return
    shift = ids.key(ids.numbered(cursor, run.run_id), 0) - run.base
    for low in range(run.base, last + 1, BLOCK):
        for table in _NEW_RUN_TABLES:
            if stop():
                raise _Stopped
            count = _copy_block(cursor, table, low, min(low + BLOCK - 1, last), shift)
            if table == "question_rows":
                done.questions += count
                progress.questions += count
            elif table == "solution_rows":
                done.solutions += count


def _copy_block(cursor: duckdb.DuckDBPyConnection, table: str, low: int, high: int, shift: int) -> int:
    """Copy the rows with these keys of the other workspace, with shifted keys; returns their number."""
    rows, ends = f"FROM {OTHER}.{table} WHERE q BETWEEN $low AND $high", {"low": low, "high": high}
    # DuckDB 2.0.0: where an INSERT of no rows goes before one of a whole row group, the table is read as empty.
    if not cursor.execute(f"SELECT 1 {rows} LIMIT 1", ends).fetchall():
        return 0
    return _tally(cursor, f"INSERT INTO {table} BY NAME SELECT * REPLACE (q + $shift AS q) {rows}", shift=shift, **ends)


def _merge_decisions(
    cursor: duckdb.DuckDBPyConnection, run: _Run, progress: Progress, stop: Callable[[], bool]
) -> Merged:
    """Merge the decisions of a run that exists in both workspaces."""
    if stop():
        raise _Stopped
    done = _events(cursor, run)
    done.here = 1
    return done


def _events(cursor: duckdb.DuckDBPyConnection, run: _Run) -> Merged:
    """Add missing decisions and preference pairs; of an existing run only decisions on questions with the same text."""
    missing = f"""
        FROM {OTHER}.decision_rows d
        WHERE d.run_id = $run AND NOT EXISTS (SELECT 1 FROM decision_rows m WHERE m.event_id = d.event_id)"""
    wanted = _tally(cursor, f"SELECT count(*) {missing}", run=run.run_id)
    decisions = 0
    if wanted:
        same = f"""
            AND d.q IN (
                SELECT a.q FROM {OTHER}.question_text a JOIN question_text b ON b.q = a.q + $shift
                WHERE a.q IN (SELECT q {missing}) AND a.text = b.text)"""
        decisions = _tally(
            cursor,
            f"""
            INSERT INTO decision_rows BY NAME SELECT d.* REPLACE (d.q + $shift AS q)
            {missing} {same if run.known else ""} ORDER BY d.rowid""",
            run=run.run_id,
            shift=ids.key(ids.number_of(cursor, run.run_id) or 0, 0) - run.base,
        )
    done = Merged(decisions=decisions, left=wanted - decisions)
    done.add(_preferences(cursor, run.run_id))
    return done


def _preferences(cursor: duckdb.DuckDBPyConnection, run_id: str | None) -> Merged:
    """Add missing preference pairs of a run, or (None) of no run. Two workspaces may use one id for different pairs."""
    which = "o.run_id = $run" if run_id is not None else f"o.run_id NOT IN (SELECT run_id FROM {OTHER}.runs)"
    given = {"run": run_id} if run_id is not None else {}
    clashing = _tally(
        cursor,
        f"""
        SELECT count(*) FROM {OTHER}.preference_rows o JOIN preference_rows m ON m.pair_id = o.pair_id
        WHERE {which} AND (m.chosen, m.rejected) IS DISTINCT FROM (o.chosen, o.rejected)""",
        **given,
    )
    new = _tally(
        cursor,
        f"""
        INSERT INTO preference_rows BY NAME SELECT o.* FROM {OTHER}.preference_rows o
        WHERE {which} AND NOT EXISTS (SELECT 1 FROM preference_rows m WHERE m.pair_id = o.pair_id)
        ORDER BY o.rowid""",
        **given,
    )
    return Merged(preferences=new, clashing=clashing)


def _notes(cursor: duckdb.DuckDBPyConnection, run_id: str) -> None:
    """Copy the notes of the run's checks."""
    of_run = "WHERE starts_with(key, 'check:' || $run || ':')"
    cursor.execute(f"INSERT INTO meta BY NAME SELECT * FROM {OTHER}.meta {of_run}", {"run": run_id})


def _tally(cursor: duckdb.DuckDBPyConnection, statement: str, **values: object) -> int:
    """The number that a statement returns; for an INSERT, of its rows."""
    return int(cursor.execute(statement, values).fetchall()[0][0])
