"""Checking a stage again in a run that has ended: its input, and new verdicts that replace the old ones.

A block of questions is one transaction, together with a note of the check's progress, so that a kill loses only the
current block. The funnel stays consistent: when a question is dropped, its verdicts of later stages move to
``superseded_verdicts``; when it is kept again, they return, up to the first drop. A question without superseded
verdicts was never judged further. With solutions it continues like an import (verdicts of the judge ``import``, kept,
without a score); an imported one without solutions is pending at ``solution``; one of a generated run stays pending
with a row in ``errors``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa

from store.database import arrow, check_notes, resume, schema
from store.database import ids as keys
from store.database.workspace import Workspace
from store.records import STAGES, ErrorRow, Label, Question, Reward, Run, Solution, Spend, Verdict

IMPORT_JUDGE = "import"
"""The judge of verdicts, and the model of labels, that came with imported data."""
_COLUMNS = "question_id, run_id, stage, judge, kept, score, reason, raw, tokens, seconds, created_at, q"


@dataclass(frozen=True, slots=True)
class StageInput:
    """A question that the previous stage kept. ``reason``: why this stage dropped it before, None if it did not;
    ``judge``: who judged it here.
    """

    question: Question
    reason: str | None
    judge: str | None = None


@dataclass(slots=True)
class Findings:
    """A check's results for one block of questions. Only questions with a verdict here are changed.

    ``replaces``: the keys of their labels that are removed (of ``near_duplicate`` those within the run). ``rewards``:
    each with whether it is its solution's first; the same model's older rewards of these questions are removed.
    ``solutions``: stored ones with another text, reasoning, answer or ``correct``. ``pending``: question_ids that lose
    their verdict here and are not judged. ``spend``: what a paid model cost.
    """

    verdicts: list[Verdict] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    replaces: tuple[str, ...] = ()
    rewards: list[tuple[Reward, bool]] = field(default_factory=list)
    errors: list[ErrorRow] = field(default_factory=list)
    solutions: list[Solution] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    spend: list[Spend] = field(default_factory=list)


def key_range(cursor: duckdb.DuckDBPyConnection, run_id: str, low: int = 0, high: int | None = None) -> tuple[int, int]:
    """The first and last ``q`` of the run's questions ``low`` to ``high``; None: to the end of the run."""
    number = keys.number_of(cursor, run_id) or 0
    return keys.key(number, low), keys.key(number, (1 << keys.IDX_BITS) - 1 if high is None else high)


def extent(cursor: duckdb.DuckDBPyConnection, run_id: str, stage: str, begin: int) -> tuple[int, int, int]:
    """``(questions that enter the stage, those of them before idx begin, the last one's idx or -1)``."""
    query = """
        SELECT count(*), count(*) FILTER (q < $begin), max(q) FROM verdict_rows
        WHERE stage = $before AND kept AND q BETWEEN $low AND $high"""
    low, high = key_range(cursor, run_id)
    values = {"before": _before(stage), "low": low, "high": high, "begin": low + begin}
    total, done, last = cursor.execute(query, values).fetchall()[0]
    return int(total), int(done), -1 if last is None else int(last) - low


def stage_input(cursor: duckdb.DuckDBPyConnection, run_id: str, stage: str, low: int, high: int) -> list[StageInput]:
    """The questions with idx ``low`` to ``high`` that the previous stage kept, by idx, with original texts."""
    query = """
        SELECT r.question_id, r.idx, t.text, r.generator, r.reference_answer,
            CASE WHEN NOT o.kept THEN coalesce(o.reason, '') END, o.judge
        FROM question_rows r
        JOIN question_text t ON t.q = r.q AND t.q BETWEEN $low AND $high
        JOIN verdict_rows b ON b.q = r.q AND b.stage = $before AND b.kept AND b.q BETWEEN $low AND $high
        LEFT JOIN verdict_rows o ON o.q = r.q AND o.stage = $stage AND o.q BETWEEN $low AND $high
        WHERE r.q BETWEEN $low AND $high ORDER BY r.q"""
    first, last = key_range(cursor, run_id, low, high)
    values = {"low": first, "high": last, "before": _before(stage), "stage": stage}
    return [
        StageInput(
            Question(key, run_id, idx, text, generator, "", {}, 0, 0, "stop", reference_answer=gold), reason, judge
        )
        for key, idx, text, generator, gold, reason, judge in cursor.execute(query, values).fetchall()
    ]


def solutions(cursor: duckdb.DuckDBPyConnection, questions: Iterable[str]) -> dict[str, list[Solution]]:
    """The solutions of these questions, by question_id, in the order of their samples."""
    found: dict[str, list[Solution]] = {}
    for solution in resume.solutions(cursor, _keys(cursor, questions)):
        found.setdefault(solution.question_id, []).append(solution)
    return found


def chosen_samples(cursor: duckdb.DuckDBPyConnection, questions: Iterable[str]) -> dict[str, int]:
    """The sample number of each question's chosen solution, by question_id."""
    query = """
        SELECT question_id, CAST(value AS BIGINT) FROM label_rows
        WHERE key = 'chosen' AND q IN (SELECT unnest($q))"""
    return dict(cursor.execute(query, {"q": _keys(cursor, questions)}).fetchall())


def has_other_primary_reward(cursor: duckdb.DuckDBPyConnection, questions: Iterable[str], model: str) -> set[str]:
    """The questions whose first rewards come from another model."""
    query = """
        SELECT DISTINCT question_id FROM reward_rows
        WHERE leads AND reward_model <> $model AND q IN (SELECT unnest($q))"""
    return {key for (key,) in cursor.execute(query, {"q": _keys(cursor, questions), "model": model}).fetchall()}


def replace(workspace: Workspace, run: Run, stage: str, found: Findings, note: dict[str, Any]) -> None:
    """Write the results of a block and the note in one transaction. InputError if the run was deleted."""

    def write(cursor: duckdb.DuckDBPyConnection) -> None:
        check_notes.require_run(cursor, run.run_id)
        number = keys.number_of(cursor, run.run_id) or 0
        named = (*(v.question_id for v in found.verdicts), *found.pending)
        ids = {question_id: keys.key(number, arrow.split(question_id)[1]) for question_id in named}
        kept = [ids[v.question_id] for v in found.verdicts if v.kept]
        back = _dropped(cursor, stage, kept)
        cursor.execute("DELETE FROM verdict_rows WHERE stage = $s AND " + _IN, {"s": stage, **_bounds(ids.values())})
        _delete_labels(cursor, run.run_id, list(ids.values()), found.replaces)
        _delete_rewards(cursor, number, [reward for reward, _ in found.rewards])
        arrow.insert_records(cursor, number, [*found.verdicts, *found.labels, *found.errors, *found.spend])
        arrow.insert_records(
            cursor, number, [reward for reward, _ in found.rewards], [leads for _, leads in found.rewards]
        )
        _update_solutions(cursor, number, found.solutions)
        _supersede(cursor, stage, [ids[v.question_id] for v in found.verdicts if not v.kept])
        if back:
            _restore(cursor, run, number, stage, back)
            # Questions kept again have verdicts that the checks of later stages have not seen: those checks start over.
            for later in _after(stage):
                check_notes.delete(cursor, run.run_id, later)
        check_notes.write(cursor, run.run_id, stage, note)
        workspace.writer.forget_run(run.run_id)

    workspace.writer.call(write)


_IN = "q BETWEEN $low AND $high AND q IN (SELECT unnest($q))"


def _bounds(wanted: Iterable[int]) -> dict[str, Any]:
    """The values of ``_IN``: the bounds let DuckDB skip blocks."""
    q = list(wanted)
    return {"q": q, "low": min(q, default=0), "high": max(q, default=-1)}


def _before(stage: str) -> str:
    return STAGES[STAGES.index(stage) - 1]


def _after(stage: str) -> list[str]:
    return list(STAGES[STAGES.index(stage) + 1 :])


def _keys(cursor: duckdb.DuckDBPyConnection, questions: Iterable[str]) -> list[int]:
    return [q for question in questions if (q := keys.find(cursor, question)) is not None]


def _dropped(cursor: duckdb.DuckDBPyConnection, stage: str, wanted: list[int]) -> list[int]:
    query = f"SELECT q FROM verdict_rows WHERE stage = $s AND NOT kept AND {_IN} ORDER BY q"
    return [q for (q,) in cursor.execute(query, {"s": stage, **_bounds(wanted)}).fetchall()]


def _delete_labels(cursor: duckdb.DuckDBPyConnection, run_id: str, wanted: list[int], names: tuple[str, ...]) -> None:
    """Remove labels, except near-duplicates in other runs, which were found by comparing with those runs."""
    query = f"""
        DELETE FROM label_rows WHERE {_IN} AND key IN (SELECT unnest($names))
            AND (key <> 'near_duplicate' OR starts_with(value, $run))"""
    if names:
        cursor.execute(query, {**_bounds(wanted), "names": list(names), "run": f"{run_id}-"})


def _delete_rewards(cursor: duckdb.DuckDBPyConnection, number: int, rewards: list[Reward]) -> None:
    scored = {keys.key(number, arrow.row_key(reward, {})[2]) for reward in rewards}
    if rewards:
        values = {**_bounds(scored), "model": rewards[0].reward_model}
        cursor.execute(f"DELETE FROM reward_rows WHERE reward_model = $model AND {_IN}", values)


def _update_solutions(cursor: duckdb.DuckDBPyConnection, number: int, changed: Sequence[Solution]) -> None:
    """Replace the text, reasoning, answer and ``correct`` of stored solutions."""
    if not changed:
        return
    q = [keys.key(number, arrow.split(solution.question_id)[1]) for solution in changed]
    columns = {name: [getattr(solution, name) for solution in changed] for name in _CHANGED}
    rows = pa.table({"q": q} | {name: pa.array(values, _CHANGED[name]) for name, values in columns.items()})
    with arrow.registered(cursor, changed_solutions=rows):
        where = "FROM changed_solutions c WHERE s.q = c.q AND s.sample = c.sample AND s.q BETWEEN $low AND $high"
        ends = {"low": min(q), "high": max(q)}
        cursor.execute(
            f"""
            UPDATE solution_rows AS s SET answer = c.answer, correct = c.correct, chars = length(c.text),
                reasoning_chars = coalesce(length(c.reasoning), 0), reasoning_tokens = c.reasoning_tokens {where}""",
            ends,
        )
        cursor.execute(f"UPDATE solution_text AS s SET text = c.text, reasoning = c.reasoning {where}", ends)


_CHANGED = {
    "sample": pa.int64(),
    **dict.fromkeys(("text", "reasoning", "answer", "correct"), pa.string()),
    "reasoning_tokens": pa.int64(),
}


def _supersede(cursor: duckdb.DuckDBPyConnection, stage: str, gone: list[int]) -> None:
    """Move the verdicts of later stages of questions that are dropped here."""
    if not gone:
        return
    values = {**_bounds(gone), "later": _after(stage)}
    where = f"WHERE stage IN (SELECT unnest($later)) AND {_IN}"
    cursor.execute(f"INSERT INTO {schema.SUPERSEDED} ({_COLUMNS}) SELECT {_COLUMNS} FROM verdict_rows {where}", values)
    cursor.execute(f"DELETE FROM verdict_rows {where}", values)


def _restore(cursor: duckdb.DuckDBPyConnection, run: Run, number: int, stage: str, back: list[int]) -> None:
    """Restore the verdicts of later stages of questions that are kept again."""
    values = {**_bounds(back), "later": _after(stage)}
    returning = f"""
        SELECT {_COLUMNS} FROM {schema.SUPERSEDED} WHERE stage IN (SELECT unnest($later)) AND {_IN}
        QUALIFY coalesce(list_position($later, stage) <= min(list_position($later, stage)) FILTER (NOT kept)
            OVER (PARTITION BY q), true)"""
    rows = cursor.execute(f"INSERT INTO verdict_rows ({_COLUMNS}) {returning} RETURNING q, stage", values).fetchall()
    query = f"DELETE FROM {schema.SUPERSEDED} WHERE {_IN} AND (q, stage) IN (SELECT unnest($q1), unnest($stages))"
    cursor.execute(query, {**_bounds(back), "q1": [q for q, _ in rows], "stages": [name for _, name in rows]})
    fresh = sorted({*back} - {q for q, _ in rows})
    if fresh and stage != STAGES[-1]:
        arrow.insert_records(cursor, number, _continue(cursor, run, stage, fresh))


def _continue(
    cursor: duckdb.DuckDBPyConnection, run: Run, stage: str, fresh: list[int]
) -> list[Verdict | Label | ErrorRow]:
    """Rows for questions that were never judged after this stage."""
    query = f"""
        SELECT r.question_id, r.idx, s.first, l.value FROM question_rows r
        LEFT JOIN (SELECT q, min(sample) AS first FROM solution_rows WHERE {_IN} GROUP BY q) s ON s.q = r.q
        LEFT JOIN (SELECT q, value FROM label_rows WHERE key = 'chosen' AND {_IN}) l ON l.q = r.q
        WHERE {_IN.replace("q ", "r.q ")} ORDER BY r.q"""
    rows: list[Verdict | Label | ErrorRow] = []
    for key, idx, sample, chosen in cursor.execute(query, _bounds(fresh)).fetchall():
        stages = _after(stage)
        if sample is None and run.kind != "import":
            message = "A check kept this question after its run had ended, so it has no solutions."
            rows.append(ErrorRow(run.run_id, idx, stages[0], message))
            continue
        if sample is None:
            stages = stages[: stages.index("solution")]
        elif chosen is None:
            rows.append(Label(key, "chosen", str(sample), IMPORT_JUDGE))
        rows += [Verdict(key, later, IMPORT_JUDGE, True) for later in stages]
    return rows
