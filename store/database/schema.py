"""The physical tables, the schema version and the migrations of older files.

Narrow columns and long texts live in separate tables (``question_rows`` and ``question_text``, ``solution_rows`` and
``solution_text``), so that a scan never decodes text; users see the logical tables of the data model as views
(``views.py``). There are no primary keys, because DuckDB's indexes cost more than they gain; the writer guards
uniqueness. Every table has ``run_id``, so that a run is read and deleted by one narrow column; tables of questions also
have the key ``q`` (``ids.py``), by which they are joined. Times are UTC without a zone: a zoned type would need extra
packages in every notebook that opens a snapshot.
"""

import hashlib

import duckdb

from store.database.views import VIEWS

VERSION = 8
"""The schema that this program writes. A file of a lower version is migrated on open; a higher one is refused."""

_FIRST: dict[str, str] = {
    "runs": """
        run_id VARCHAR, name VARCHAR, kind VARCHAR, config JSON, config_hash VARCHAR, seed BIGINT, status VARCHAR,
        created_at TIMESTAMP, ended_at TIMESTAMP, error VARCHAR""",
    "question_rows": """
        question_id VARCHAR, run_id VARCHAR, idx BIGINT, generator VARCHAR, template_id VARCHAR, params JSON,
        seed BIGINT, tokens BIGINT, finish_reason VARCHAR, seconds DOUBLE, reference_answer VARCHAR, chars BIGINT,
        created_at TIMESTAMP""",
    "question_text": "question_id VARCHAR, run_id VARCHAR, text VARCHAR, extra JSON",
    "verdict_rows": """
        question_id VARCHAR, run_id VARCHAR, stage VARCHAR, judge VARCHAR, kept BOOLEAN, score DOUBLE, reason VARCHAR,
        raw VARCHAR, tokens BIGINT, seconds DOUBLE, created_at TIMESTAMP""",
    "solution_rows": """
        question_id VARCHAR, run_id VARCHAR, sample BIGINT, answer VARCHAR, solver VARCHAR, seed BIGINT, tokens BIGINT,
        seconds DOUBLE, finish_reason VARCHAR, chars BIGINT, created_at TIMESTAMP""",
    "solution_text": "question_id VARCHAR, run_id VARCHAR, sample BIGINT, text VARCHAR",
    "reward_rows": """
        question_id VARCHAR, run_id VARCHAR, sample BIGINT, reward_model VARCHAR, reward DOUBLE,
        seconds DOUBLE, leads BOOLEAN""",
    "label_rows": "question_id VARCHAR, run_id VARCHAR, key VARCHAR, value VARCHAR, model VARCHAR",
    "errors": """
        run_id VARCHAR, idx BIGINT, stage VARCHAR, message VARCHAR, raw VARCHAR, attempt BIGINT,
        created_at TIMESTAMP""",
    "decision_rows": """
        event_id VARCHAR, question_id VARCHAR, run_id VARCHAR, reviewer VARCHAR, action VARCHAR, payload JSON,
        batch_id VARCHAR, queue VARCHAR, sampling_p DOUBLE, created_at TIMESTAMP""",
    "preference_rows": """
        pair_id VARCHAR, chosen VARCHAR, rejected VARCHAR, direction VARCHAR, source VARCHAR, question_id VARCHAR,
        run_id VARCHAR, created_at TIMESTAMP""",
}

_KEYED = (
    "question_rows",
    "question_text",
    "verdict_rows",
    "solution_rows",
    "solution_text",
    "reward_rows",
    "label_rows",
    "decision_rows",
)
"""The tables that version 2 gave the key ``q``."""
OF_MODELS = (*_KEYED[:-1], "rate_rows", "signature_rows")
"""The tables with the key ``q`` whose rows models or imports make."""
SUPERSEDED = "superseded_verdicts"
"""Verdicts of later stages that a check removed (``replace_verdicts.py``), kept in case the question is kept again."""
RENAMED = {"verdicts_aside": SUPERSEDED}
"""Older names of tables, which files packed by an older version still have."""
OF_RUNS: tuple[str, ...] = (*_FIRST, SUPERSEDED, "rate_rows", "signature_rows", "spend_rows")
"""The tables whose rows are deleted with their run."""
TABLES: tuple[str, ...] = (*OF_RUNS, "run_numbers")
"""All tables except ``meta``. ``run_numbers`` keeps the numbers of deleted runs, so that no number is reused."""

_IMPORTED = "run_id IN (SELECT run_id FROM runs WHERE kind = 'import')"

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    # 0 -> 1: a file without tables (new, or its process was killed before the first commit).
    tuple(f"CREATE TABLE {name} ({columns})" for name, columns in _FIRST.items()),
    # 1 -> 2: the key q.
    (
        "CREATE TABLE run_numbers (number BIGINT, run_id VARCHAR)",
        """
        INSERT INTO run_numbers
        SELECT row_number() OVER (ORDER BY r.created_at NULLS LAST, run_id), run_id
        FROM (SELECT run_id FROM runs UNION SELECT run_id FROM question_rows) LEFT JOIN runs r USING (run_id)""",
        *(f"ALTER TABLE {name} ADD COLUMN q BIGINT" for name in _KEYED),
        *(
            f"""
            UPDATE {name} SET q = n.number * 4294967296 + CAST(substr(question_id, length(n.run_id) + 2) AS BIGINT)
            FROM run_numbers n WHERE {name}.run_id = n.run_id"""
            for name in _KEYED
        ),
    ),
    # 2 -> 3: the verdicts that checks removed. A file may have the table: checks used to create it when needed.
    (f"CREATE TABLE IF NOT EXISTS verdicts_aside ({_FIRST['verdict_rows']}, q BIGINT)",),
    # 3 -> 4: the table is named by what it holds.
    (f"ALTER TABLE verdicts_aside RENAME TO {SUPERSEDED}",),
    # 4 -> 5: reasoning apart from the response, answers compared with gold ones, measured pass rates.
    (
        "ALTER TABLE solution_rows ADD COLUMN reasoning_tokens BIGINT",
        "ALTER TABLE solution_rows ADD COLUMN reasoning_chars BIGINT",
        "ALTER TABLE solution_rows ADD COLUMN correct VARCHAR",
        "ALTER TABLE solution_text ADD COLUMN reasoning VARCHAR",
        """
        CREATE TABLE rate_rows (
            question_id VARCHAR, run_id VARCHAR, model VARCHAR, sampling JSON, pass_rate DOUBLE, n BIGINT,
            correct BIGINT, undecided BIGINT, mean_tokens DOUBLE, created_at TIMESTAMP, q BIGINT)""",
    ),
    # 5 -> 6: the signatures by which duplicates are found, made for older questions when they are first needed.
    (
        """
        CREATE TABLE signature_rows (
            question_id VARCHAR, run_id VARCHAR, place BIGINT, method VARCHAR, exact UBIGINT, content UBIGINT,
            mask UBIGINT, size BIGINT, bands BLOB, words BLOB, q BIGINT)""",
    ),
    # 6 -> 7: what models with a price have cost. Rows are added up, never changed.
    (
        """
        CREATE TABLE spend_rows (
            run_id VARCHAR, stage VARCHAR, model VARCHAR, requests BIGINT, tokens_in BIGINT, tokens_out BIGINT,
            cost_usd DOUBLE, created_at TIMESTAMP)""",
    ),
    # 7 -> 8: nothing counted the tokens of imports, which were stored as 0; and imported questions without solutions,
    # which were stored as dropped, wait for the solution stage.
    (
        *(
            f"UPDATE {name} SET tokens = NULL WHERE tokens = 0 AND {_IMPORTED}"
            for name in ("question_rows", "solution_rows")
        ),
        f"""
        DELETE FROM verdict_rows WHERE stage = 'solution' AND reason = 'no_answer' AND {_IMPORTED}
            AND q NOT IN (SELECT q FROM solution_rows)""",
    ),
)
"""Step k migrates version k to k + 1. Steps are only appended: an older file takes every step it lacks."""


def version(con: duckdb.DuckDBPyConnection) -> int | None:
    """The file's schema version: 0 for a file without tables, None for a database that is not a workspace's."""
    tables = {str(name) for (name,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    if not tables:
        return 0
    if "meta" not in tables or not {"runs", "question_rows"} <= tables:
        return None
    row = con.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
    return int(row[0]) if row else None


def migrate(con: duckdb.DuckDBPyConnection, have: int, steps: tuple[tuple[str, ...], ...] = MIGRATIONS) -> None:
    """Migrate the file from version ``have`` in one transaction: a kill leaves the old version intact."""
    if have == len(steps) and _get(con, "views") == _digest():
        return
    con.execute("BEGIN")
    try:
        con.execute("CREATE TABLE IF NOT EXISTS meta (key VARCHAR, value VARCHAR)")
        _drop_views(con)  # a step may alter a table that a view names
        for statements in steps[have:]:
            for statement in statements:
                con.execute(statement)
        for name, query in VIEWS.items():
            con.execute(f"CREATE VIEW {name} AS {query}")
        for key, value in (("schema_version", str(len(steps))), ("views", _digest())):
            con.execute("DELETE FROM meta WHERE key = ?", [key])
            con.execute("INSERT INTO meta VALUES (?, ?)", [key, value])
        con.execute("COMMIT")
    except BaseException:
        con.execute("ROLLBACK")
        raise


def _drop_views(con: duckdb.DuckDBPyConnection) -> None:
    for (name,) in con.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall():
        con.execute(f'DROP VIEW "{name}"')


def _get(con: duckdb.DuckDBPyConnection, key: str) -> str | None:
    row = con.execute("SELECT value FROM meta WHERE key = ?", [key]).fetchone()
    return str(row[0]) if row else None


def _digest() -> str:
    """A hash of the views' SQL: views are replaced whenever it changes, tables only by migrations."""
    return hashlib.sha256("\n".join(f"{name}: {query}" for name, query in VIEWS.items()).encode()).hexdigest()
