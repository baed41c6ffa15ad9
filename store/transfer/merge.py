"""The runs and decisions of another workspace, brought into this one by their ids.

A run that is not here comes whole, in one transaction, under a number of its own; so a kill leaves whole runs only. Of
a run that is here already (the same id, made at the same time by the same config) come the decisions and preference
pairs that are missing: what models made of it is never mixed, since two machines need not have made the same. Decisions
are appended in their order; the log's order is the order of appending, so on a question that was decided on both sides
the ones that come have the last word. Under another run's id nothing comes. Knows nothing of progress bars.

The rows stream from file to file inside DuckDB, a stretch of questions at a time. Other writes wait for a run's end.
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

STRETCH = bulk_insert.GROUP
"""Questions of a stretch: between two of them a merge can be stopped."""
_NEW_RUN_TABLES = (*schema.OF_MODELS, schema.SUPERSEDED)
"""The tables, by ``q``, that are merged for new runs only: a run that exists in both workspaces keeps its rows."""


@dataclass(slots=True)
class Merged:
    """What was new, and what was not. ``left``: decisions on questions that are not here, or read otherwise here;
    ``clashing``: preference pairs whose id is here with other texts. ``refused``: ids of runs that are here with
    another content. ``stopped``: the rest was not looked at.
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
    """How far a merge is: questions looked at, of ``total``; runs, of ``of_runs``; ``run_id`` is under way."""

    run_id: str = ""
    total: int = 0
    of_runs: int = 0
    questions: int = 0
    runs: int = 0


@dataclass(frozen=True, slots=True)
class _Run:
    run_id: str
    here: bool
    same: bool
    questions: int
    base: int  # the key there of its idx 0


class _Stopped(Exception):
    """Undoes the run that is under way."""


def merge(
    workspace: Workspace,
    database: Database,
    progress: Progress | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Merged:
    """Bring in what is not here; what is left out, and why, is counted. Doing it again adds nothing.

    ``progress`` is kept up to date for another thread to read. ``stop`` is asked between stretches: the run under way
    is undone then, those before it are kept. StoreError: the other cannot be read, or this one not written.
    """
    progress = progress or Progress()
    done = Merged()
    with attached(workspace, database) as cursor:
        runs = _runs(cursor, database)
        progress.total, progress.of_runs = sum(run.questions for run in runs), len(runs)
        for run in runs:
            before, progress.run_id = progress.questions, run.run_id
            if run.here and not run.same:
                done.refused.append(run.run_id)
            else:
                bring = partial(_decided if run.here else _whole, run=run, progress=progress, stop=stop)
                try:
                    done.add(_written(workspace, database, run.run_id, bring))
                except _Stopped:
                    done.stopped = True
                    return done
            progress.questions = before + run.questions
            progress.runs += 1
        done.add(_written(workspace, database, "", partial(_preferences, run_id=None)))
    return done


def _runs(cursor: duckdb.DuckDBPyConnection, database: Database) -> list[_Run]:
    """Theirs, oldest first."""
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
    bring: Callable[[duckdb.DuckDBPyConnection], Merged],
) -> Merged:
    """One transaction. What fails fails alone: the writer goes on, for it may be the other's file that is damaged."""

    def write(cursor: duckdb.DuckDBPyConnection) -> Merged:
        try:
            return bring(cursor)
        except duckdb.Error as error:
            what = f"run '{run_id}'" if run_id else "the preference pairs"
            raise StoreError(
                f"{what} of '{database.given}' could not be merged ({duckdb_errors.first_line(error)}); "
                "the runs before it are kept, and merging again goes on from there."
            ) from error
        finally:
            workspace.writer.forget_run(run_id)

    return workspace.writer.call(write)


def _whole(cursor: duckdb.DuckDBPyConnection, run: _Run, progress: Progress, stop: Callable[[], bool]) -> Merged:
    """A run that is not here. One that was under way there has no process here that goes on with it."""
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
    _notes(cursor, run.run_id)
    done.add(_events(cursor, run))
    return done


def _rows(
    cursor: duckdb.DuckDBPyConnection, run: _Run, done: Merged, progress: Progress, stop: Callable[[], bool]
) -> None:
    """All that models made of it, a stretch after the other."""
    query = f"SELECT max(q) FROM {OTHER}.question_rows WHERE q BETWEEN ? AND ?"
    last = cursor.execute(query, [run.base, run.base + 2**ids.IDX_BITS - 1]).fetchall()[0][0]
    if last is None:
        return
    shift = ids.key(ids.numbered(cursor, run.run_id), 0) - run.base
    for low in range(run.base, last + 1, STRETCH):
        for table in _NEW_RUN_TABLES:
            if stop():
                raise _Stopped
            count = _stretch(cursor, table, low, min(low + STRETCH - 1, last), shift)
            if table == "question_rows":
                done.questions += count
                progress.questions += count
            elif table == "solution_rows":
                done.solutions += count


def _stretch(cursor: duckdb.DuckDBPyConnection, table: str, low: int, high: int, shift: int) -> int:
    """Their rows with these keys, under the keys that they have here; gives their number."""
    rows, ends = f"FROM {OTHER}.{table} WHERE q BETWEEN $low AND $high", {"low": low, "high": high}
    # DuckDB 2.0.0: where an INSERT of no rows goes before one of a whole row group, the table is read as empty.
    if not cursor.execute(f"SELECT 1 {rows} LIMIT 1", ends).fetchall():
        return 0
    return _tally(cursor, f"INSERT INTO {table} BY NAME SELECT * REPLACE (q + $shift AS q) {rows}", shift=shift, **ends)


def _decided(cursor: duckdb.DuckDBPyConnection, run: _Run, progress: Progress, stop: Callable[[], bool]) -> Merged:
    """A run that is here."""
    if stop():
        raise _Stopped
    done = _events(cursor, run)
    done.here = 1
    return done


def _events(cursor: duckdb.DuckDBPyConnection, run: _Run) -> Merged:
    """Decisions and preference pairs that are not here; decisions only on questions that read the same here."""
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
            {missing} {same if run.here else ""} ORDER BY d.rowid""",
            run=run.run_id,
            shift=ids.key(ids.number_of(cursor, run.run_id) or 0, 0) - run.base,
        )
    done = Merged(decisions=decisions, left=wanted - decisions)
    done.add(_preferences(cursor, run.run_id))
    return done


def _preferences(cursor: duckdb.DuckDBPyConnection, run_id: str | None) -> Merged:
    """Of a run, or (None) those that belong to none. Their ids are names and numbers: two workspaces may have the same
    for different pairs.
    """
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
    """How far the run's checks have come, and what they compared with."""
    of_run = "WHERE starts_with(key, 'check:' || $run || ':')"
    cursor.execute(f"INSERT INTO meta BY NAME SELECT * FROM {OTHER}.meta {of_run}", {"run": run_id})


def _tally(cursor: duckdb.DuckDBPyConnection, statement: str, **values: object) -> int:
    """The one number that a statement answers with; an INSERT's is that of its rows."""
    return int(cursor.execute(statement, values).fetchall()[0][0])
