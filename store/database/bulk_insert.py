"""Inserting chunks of imported rows as Arrow columns, without a record object per row.

A chunk is one transaction on the writer's thread. With ``ROWS`` questions it fills DuckDB's row groups exactly, which
are then written straight to the database file; any other size goes through the log at more than twice the cost. A chunk
is two row groups, because DuckDB compresses each on its own core.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from store.database import ids
from store.database.arrow import as_json, registered
from store.database.views import sql_text
from store.database.workspace import Workspace
from store.records import STAGES, now
from store.times import to_db

GROUP = 122_880
"""Rows of a DuckDB row group."""
ROWS = 2 * GROUP
"""Questions of a chunk."""
_TEXT, _WHOLE, _REAL = pa.string(), pa.int64(), pa.float64()

QUESTIONS = pa.schema(
    [
        ("question_id", _TEXT),
        ("idx", _WHOLE),
        ("text", _TEXT),
        ("extra", _TEXT),
        ("generator", _TEXT),
        ("reference_answer", _TEXT),
        ("drop_at", pa.int8()),  # position of the stage that drops it, from 1; more than there are stages: none does
        ("pending_at", pa.int8()),  # position of the first stage without a verdict; null: the stages up to drop_at have
        ("drop_reason", _TEXT),
        ("repeats", _TEXT),  # the question_id that it repeats
        ("difficulty", _REAL),
        ("remark", _TEXT),  # why there is no difficulty
        ("answered", _REAL),  # share of its samples that state an answer
        ("topic", _TEXT),
        ("topic_model", _TEXT),
        ("chosen", _TEXT),
        ("agreement", _TEXT),
        ("majority_answer", _TEXT),
        ("level", _TEXT),
        ("checkability", _TEXT),
        ("rejected", _TEXT),  # sample number of the solution that preference data rejects
        ("language_remark", _TEXT),  # reason of the language stage for a question that it keeps all the same
        ("repetition", _TEXT),
    ]
)
SOLUTIONS = pa.schema(
    [
        ("question_id", _TEXT),
        ("idx", _WHOLE),
        ("sample", _WHOLE),
        ("text", _TEXT),
        ("answer", _TEXT),
        ("reward", _REAL),
        ("reasoning", _TEXT),
        ("correct", _TEXT),
        ("finish_reason", _TEXT),  # null: stop
        ("solver", _TEXT),  # null: import
        ("tokens", _WHOLE),  # null: unknown
        ("reasoning_tokens", _WHOLE),
    ]
)
RATES = pa.schema(
    [
        ("question_id", _TEXT),
        ("idx", _WHOLE),
        ("model", _TEXT),
        ("pass_rate", _REAL),
        ("n", _WHOLE),  # rollouts, where known
        ("correct", _WHOLE),
    ]
)
REFUSED = pa.schema([("idx", _WHOLE), ("message", _TEXT), ("raw", _TEXT)])
DECISIONS = pa.schema(
    [("event_id", _TEXT), ("question_id", _TEXT), ("idx", _WHOLE), ("action", _TEXT), ("payload", _TEXT)]
)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Tables of the schemas above, in ``pieces``. ``judges``: by stage, who gave its verdicts."""

    questions: pa.Table
    solutions: pa.Table
    rates: pa.Table
    refused: pa.Table
    decisions: pa.Table
    judges: Mapping[str, str]


def append(workspace: Workspace, run_id: str, chunk: Chunk) -> None:
    """Store a chunk of a stored run, all of it or nothing. Its questions' ids must be new."""

    def write(cursor: duckdb.DuckDBPyConnection) -> None:
        base = {"run": run_id, "base": ids.key(ids.numbered(cursor, run_id), 0), "now": to_db(now())}
        tables = {
            "chunk_questions": chunk.questions,
            "chunk_solutions": chunk.solutions,
            "chunk_rates": chunk.rates,
            "chunk_refused": chunk.refused,
            "chunk_decisions": chunk.decisions,
        }
        with registered(cursor, **tables):
            for source, needed, statement in _statements(chunk.judges):
                if _some(tables[source], needed):
                    cursor.execute(statement, {name: base[name] for name in base if f"${name}" in statement})

    workspace.writer.call(write)


def pieces(table: pa.Table) -> pa.Table:
    """The table in pieces of one row group, which DuckDB packs side by side and in their order."""
    pool = pa.system_memory_pool()
    groups = [table.slice(first, GROUP).combine_chunks(pool) for first in range(0, table.num_rows, GROUP)]
    return pa.concat_tables(groups) if groups else table


_KEY = "question_id, $run AS run_id, $base + idx AS q"
_FREE = "0 AS seed, 0.0 AS seconds, $now::TIMESTAMP AS created_at"


def _some(table: pa.Table, needed: str) -> bool:
    """Whether a column has any value. DuckDB 2.0.0: where an INSERT of no rows into an empty table goes before one of a
    whole row group, in one transaction, the table is read as empty until the database is reopened."""
    return bool(table.num_rows > table.column(needed).null_count)


def _statements(judges: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """(the table of the chunk, its column without whose values there is nothing to insert, what is made of it)."""
    questions, solutions = "chunk_questions", "chunk_solutions"
    stages = ", ".join(
        f"{{'position': {position}, 'stage': '{stage}', 'judge': {sql_text(judges[stage])}}}"
        for position, stage in enumerate(STAGES, 1)
    )
    rows = f"""
        INSERT INTO question_rows BY NAME
        SELECT {_KEY}, idx, generator, 'import' AS template_id, '{{}}' AS params, reference_answer,
            length(text) AS chars, NULL AS tokens, 'stop' AS finish_reason, {_FREE} FROM {questions}"""
    texts = f"INSERT INTO question_text BY NAME SELECT {_KEY}, text, extra FROM {questions}"
    verdicts = f"""
        INSERT INTO verdict_rows BY NAME
        SELECT {_KEY}, s.stage, s.judge, s.position <> drop_at AS kept,
            CASE s.stage WHEN 'difficulty' THEN difficulty WHEN 'solution' THEN answered END AS score,
            CASE WHEN s.position = drop_at THEN drop_reason WHEN s.stage = 'difficulty' THEN remark
                WHEN s.stage = 'language' THEN language_remark END AS reason,
            CASE WHEN s.stage = 'duplicate' THEN repeats END AS raw,
            0 AS tokens, 0.0 AS seconds, $now::TIMESTAMP AS created_at
        FROM (SELECT *, unnest([{stages}]) AS s FROM {questions})
        WHERE s.position <= drop_at AND s.position < coalesce(pending_at, {len(STAGES) + 1})"""
    sampled = f"""
        INSERT INTO solution_rows BY NAME
        SELECT {_KEY}, sample, answer, coalesce(solver, 'import') AS solver, length(text) AS chars,
            tokens, coalesce(finish_reason, 'stop') AS finish_reason, correct, reasoning_tokens,
            coalesce(length(reasoning), 0) AS reasoning_chars, {_FREE} FROM {solutions}"""
    solved = f"INSERT INTO solution_text BY NAME SELECT {_KEY}, sample, text, reasoning FROM {solutions}"
    rated = f"""
        INSERT INTO rate_rows BY NAME
        SELECT {_KEY}, model, '{{}}' AS sampling, pass_rate, n, correct, $now::TIMESTAMP AS created_at
        FROM chunk_rates"""
    rewards = f"""
        INSERT INTO reward_rows BY NAME
        SELECT {_KEY}, sample, 'import' AS reward_model, reward, 0.0 AS seconds, true AS leads
        FROM {solutions} WHERE reward IS NOT NULL"""
    refused = """
        INSERT INTO errors BY NAME SELECT $run AS run_id, idx, 'import' AS stage, message, raw, 1 AS attempt,
            $now::TIMESTAMP AS created_at FROM chunk_refused"""
    decisions = f"""
        INSERT INTO decision_rows BY NAME
        SELECT event_id, {_KEY}, 'import' AS reviewer, action, payload, $now::TIMESTAMP AS created_at
        FROM chunk_decisions"""
    return [
        *((questions, "idx", made) for made in (rows, texts, verdicts)),
        *((questions, key, _label(key, model)) for key, model in _LABELS.items()),
        *((solutions, "idx", made) for made in (sampled, solved)),
        (solutions, "reward", rewards),
        ("chunk_rates", "idx", rated),
        ("chunk_refused", "idx", refused),
        ("chunk_decisions", "idx", decisions),
    ]


_LABELS = {"topic": "topic_model"} | dict.fromkeys(
    ("level", "chosen", "agreement", "majority_answer", "checkability", "rejected", "repetition"), "'import'"
)
"""Labels that are columns of ``QUESTIONS``, and the SQL for whose they are."""


def _label(key: str, model: str) -> str:
    return f"""
        INSERT INTO label_rows BY NAME SELECT {_KEY}, '{key}' AS key, {key} AS value, {model} AS model
        FROM chunk_questions WHERE {key} IS NOT NULL"""


def end(workspace: Workspace, run_id: str, config: dict[str, Any]) -> None:
    """Complete the run's config after the import; the writer reads the run's keys when it next needs them."""

    def write(cursor: duckdb.DuckDBPyConnection) -> None:
        cursor.execute("UPDATE runs SET config = ? WHERE run_id = ?", [as_json(config), run_id])
        workspace.writer.forget_run(run_id)

    workspace.writer.call(write)
