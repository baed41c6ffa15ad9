"""A stage judged anew in a run that has ended: who enters it, and the new verdicts in the place of the old ones.

A stretch of questions is one transaction, together with the note of how far the check has come, so that a kill loses
only the stretch in hand. The funnel stays whole: where a question is newly dropped, its verdicts of later stages are
set aside (table ``superseded_verdicts``); where it is kept again, they come back, up to the first drop.
A question that has none set aside was never judged further: with solutions it goes on as an import does (verdicts of
the judge ``import``, kept, without a score), an imported one without any is dropped at ``solution``, one of a batch
waits there with a row in ``errors``. Knows no judge; what is said of a question, the caller knows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from store.database import arrow, schema
from store.database import ids as keys
from store.database.views import narrowed
from store.database.workspace import Workspace
from store.errors import InputError
from store.records import STAGES, ErrorRow, Label, Question, Reward, Run, Solution, Verdict, solution_id
from store.times import from_db

AS_IT_CAME = "import"
"""The judge of what nobody computed: it came with the data."""
NO_ANSWER = "no_answer"
_COLUMNS = "question_id, run_id, stage, judge, kept, score, reason, raw, tokens, seconds, created_at, q"


@dataclass(frozen=True, slots=True)
class StageInput:
    """A question that the stage before kept. ``reason``: why this stage dropped it so far, None where it did not."""

    question: Question
    reason: str | None


@dataclass(slots=True)
class Findings:
    """What a check says of the questions of one stretch. Only those with a verdict here are changed.

    ``replaces``: the keys of their labels that are taken away; of ``near_duplicate`` those that name a question of the
    same run. ``rewards`` come with whether they lead; a model's older ones on the same questions are taken away.
    """

    verdicts: list[Verdict] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    replaces: tuple[str, ...] = ()
    rewards: list[tuple[Reward, bool]] = field(default_factory=list)
    errors: list[ErrorRow] = field(default_factory=list)


def span(cursor: duckdb.DuckDBPyConnection, run_id: str, low: int = 0, high: int | None = None) -> tuple[int, int]:
    """First and last ``q`` of a stretch of the run's questions, both included; ``high`` None: to the run's end."""
    number = keys.number_of(cursor, run_id) or 0
    return keys.key(number, low), keys.key(number, (1 << keys.IDX_BITS) - 1 if high is None else high)


def extent(cursor: duckdb.DuckDBPyConnection, run_id: str, stage: str, begin: int) -> tuple[int, int, int]:
    """``(questions that enter the stage, those of them before idx begin, the last one's idx or -1)``."""
    query = """
        SELECT count(*), count(*) FILTER (q < $begin), max(q) FROM verdict_rows
        WHERE stage = $before AND kept AND q BETWEEN $low AND $high"""
    low, high = span(cursor, run_id)
    values = {"before": _before(stage), "low": low, "high": high, "begin": low + begin}
    total, done, last = cursor.execute(query, values).fetchall()[0]
    return int(total), int(done), -1 if last is None else int(last) - low


def stage_input(cursor: duckdb.DuckDBPyConnection, run_id: str, stage: str, low: int, high: int) -> list[StageInput]:
    """The questions with idx ``low`` to ``high`` that the stage before kept, by idx; texts as they were written."""
    query = """
        SELECT r.question_id, r.idx, t.text, r.generator, CASE WHEN NOT o.kept THEN coalesce(o.reason, '') END
        FROM question_rows r
        JOIN question_text t ON t.q = r.q AND t.q BETWEEN $low AND $high
        JOIN verdict_rows b ON b.q = r.q AND b.stage = $before AND b.kept AND b.q BETWEEN $low AND $high
        LEFT JOIN verdict_rows o ON o.q = r.q AND o.stage = $stage AND o.q BETWEEN $low AND $high
        WHERE r.q BETWEEN $low AND $high ORDER BY r.q"""
    first, last = span(cursor, run_id, low, high)
    values = {"low": first, "high": last, "before": _before(stage), "stage": stage}
    return [
        StageInput(Question(key, run_id, idx, text, generator, "", {}, 0, 0, "stop"), reason)
        for key, idx, text, generator, reason in cursor.execute(query, values).fetchall()
    ]


def solutions(cursor: duckdb.DuckDBPyConnection, questions: Iterable[str]) -> dict[str, list[Solution]]:
    """The solutions of these questions, by question_id, in the order of their samples."""
    query = f"""
        SELECT question_id, sample, text, answer, solver, seed, tokens, seconds, finish_reason, created_at
        FROM ({narrowed("solutions")}) ORDER BY question_id, sample"""
    found: dict[str, list[Solution]] = {}
    for row in cursor.execute(query, {"q": _keys(cursor, questions)}).fetchall():
        values: list[Any] = [solution_id(row[0], row[1]), *row[:-1], from_db(row[-1])]
        found.setdefault(row[0], []).append(Solution(*values))
    return found


def has_other_primary_reward(cursor: duckdb.DuckDBPyConnection, questions: Iterable[str], model: str) -> set[str]:
    """Those of the questions whose leading rewards are another model's."""
    query = """
        SELECT DISTINCT question_id FROM reward_rows
        WHERE leads AND reward_model <> $model AND q IN (SELECT unnest($q))"""
    return {key for (key,) in cursor.execute(query, {"q": _keys(cursor, questions), "model": model}).fetchall()}


def notes(cursor: duckdb.DuckDBPyConnection, run_id: str) -> dict[str, dict[str, Any]]:
    """What is noted of the run's checks, by stage."""
    query = "SELECT key, value FROM meta WHERE starts_with(key, ?)"
    rows = cursor.execute(query, [_note(run_id, "")]).fetchall()
    return {key.removeprefix(_note(run_id, "")): json.loads(value) for key, value in rows}


def replace(workspace: Workspace, run: Run, stage: str, found: Findings, note: dict[str, Any]) -> None:
    """Write what was found of a stretch, and the note; all of it or nothing. InputError where the run is gone."""

    def write(cursor: duckdb.DuckDBPyConnection) -> None:
        if not cursor.execute("SELECT 1 FROM runs WHERE run_id = ?", [run.run_id]).fetchone():
            raise InputError("run", run.run_id, "was deleted while it was checked", "choose another run")
        number = keys.number_of(cursor, run.run_id) or 0
        ids = {v.question_id: keys.key(number, arrow.split(v.question_id)[1]) for v in found.verdicts}
        kept = [ids[v.question_id] for v in found.verdicts if v.kept]
        back = _dropped(cursor, stage, kept)
        cursor.execute("DELETE FROM verdict_rows WHERE stage = $s AND " + _IN, {"s": stage, **_of(ids.values())})
        _take_labels(cursor, run.run_id, list(ids.values()), found.replaces)
        _take_rewards(cursor, number, [reward for reward, _ in found.rewards])
        _insert(cursor, number, [*found.verdicts, *found.labels, *found.errors])
        _insert(cursor, number, [reward for reward, _ in found.rewards], [leads for _, leads in found.rewards])
        _set_aside(cursor, stage, [ids[v.question_id] for v in found.verdicts if not v.kept])
        if back:
            _bring_back(cursor, run, number, stage, back)
            # What is kept again has verdicts of later stages that their checks never gave: those begin anew.
            for later in _after(stage):
                cursor.execute("DELETE FROM meta WHERE key = ?", [_note(run.run_id, later)])
        write_note(cursor, run.run_id, stage, note)
        workspace.writer.forget_run(run.run_id)

    workspace.writer.call(write)


def write_note(cursor: duckdb.DuckDBPyConnection, run_id: str, stage: str, note: dict[str, Any]) -> None:
    """Keep a note in the place of the last one. On the writer's thread."""
    cursor.execute("DELETE FROM meta WHERE key = ?", [_note(run_id, stage)])
    cursor.execute("INSERT INTO meta VALUES (?, ?)", [_note(run_id, stage), json.dumps(note, ensure_ascii=False)])


_IN = "q BETWEEN $low AND $high AND q IN (SELECT unnest($q))"


def _of(wanted: Iterable[int]) -> dict[str, Any]:
    """The values of ``_IN``: the ends say which blocks need not be read."""
    found = list(wanted)
    return {"q": found, "low": min(found, default=0), "high": max(found, default=-1)}


def _before(stage: str) -> str:
    return STAGES[STAGES.index(stage) - 1]


def _after(stage: str) -> list[str]:
    return list(STAGES[STAGES.index(stage) + 1 :])


def _note(run_id: str, stage: str) -> str:
    return f"check:{run_id}:{stage}"


def _keys(cursor: duckdb.DuckDBPyConnection, questions: Iterable[str]) -> list[int]:
    return [q for question in questions if (q := keys.find(cursor, question)) is not None]


def _dropped(cursor: duckdb.DuckDBPyConnection, stage: str, wanted: list[int]) -> list[int]:
    query = f"SELECT q FROM verdict_rows WHERE stage = $s AND NOT kept AND {_IN} ORDER BY q"
    return [q for (q,) in cursor.execute(query, {"s": stage, **_of(wanted)}).fetchall()]


def _take_labels(cursor: duckdb.DuckDBPyConnection, run_id: str, wanted: list[int], names: tuple[str, ...]) -> None:
    """Matches in other runs were found by comparing with those runs; they stay."""
    query = f"""
        DELETE FROM label_rows WHERE {_IN} AND key IN (SELECT unnest($names))
            AND (key <> 'near_duplicate' OR starts_with(value, $run))"""
    if names:
        cursor.execute(query, {**_of(wanted), "names": list(names), "run": f"{run_id}-"})


def _take_rewards(cursor: duckdb.DuckDBPyConnection, number: int, rewards: list[Reward]) -> None:
    scored = {keys.key(number, arrow.split(r.solution_id.rpartition("-")[0])[1]) for r in rewards}
    if rewards:
        values = {**_of(scored), "model": rewards[0].reward_model}
        cursor.execute(f"DELETE FROM reward_rows WHERE reward_model = $model AND {_IN}", values)


def _insert(
    cursor: duckdb.DuckDBPyConnection,
    number: int,
    rows: Sequence[Verdict | Label | ErrorRow | Reward],
    leads: Sequence[bool] = (),
) -> None:
    kinds: dict[type, list[arrow.Keyed]] = {}
    for place, row in enumerate(rows):
        if isinstance(row, ErrorRow):
            question, run_id, idx, sample = "", row.run_id, row.idx, 0
        else:
            question, digits = (row.question_id, "0") if not isinstance(row, Reward) else _parted(row.solution_id)
            (run_id, idx), sample = arrow.split(question), int(digits)
        first = bool(leads) and leads[place]
        one = arrow.Keyed(row, question, run_id, sample, first, keys.key(number, idx))
        kinds.setdefault(type(row), []).append(one)
    for kind, keyed in kinds.items():
        for table, data in arrow.tables(kind, keyed):
            cursor.from_arrow(data).insert_into(table)


def _parted(solution: str) -> tuple[str, str]:
    question, _, sample = solution.rpartition("-")
    return question, sample


def _set_aside(cursor: duckdb.DuckDBPyConnection, stage: str, gone: list[int]) -> None:
    """Take the verdicts of later stages from questions that are dropped here."""
    if not gone:
        return
    values = {**_of(gone), "later": _after(stage)}
    where = f"WHERE stage IN (SELECT unnest($later)) AND {_IN}"
    cursor.execute(f"INSERT INTO {schema.SUPERSEDED} ({_COLUMNS}) SELECT {_COLUMNS} FROM verdict_rows {where}", values)
    cursor.execute(f"DELETE FROM verdict_rows {where}", values)


def _bring_back(cursor: duckdb.DuckDBPyConnection, run: Run, number: int, stage: str, back: list[int]) -> None:
    """Give questions that are kept again their verdicts of later stages."""
    values = {**_of(back), "later": _after(stage)}
    come = f"""
        SELECT {_COLUMNS} FROM {schema.SUPERSEDED} WHERE stage IN (SELECT unnest($later)) AND {_IN}
        QUALIFY coalesce(list_position($later, stage) <= min(list_position($later, stage)) FILTER (NOT kept)
            OVER (PARTITION BY q), true)"""
    rows = cursor.execute(f"INSERT INTO verdict_rows ({_COLUMNS}) {come} RETURNING q, stage", values).fetchall()
    query = f"DELETE FROM {schema.SUPERSEDED} WHERE {_IN} AND (q, stage) IN (SELECT unnest($q1), unnest($stages))"
    cursor.execute(query, {**_of(back), "q1": [q for q, _ in rows], "stages": [name for _, name in rows]})
    fresh = sorted({*back} - {q for q, _ in rows})
    if fresh and stage != STAGES[-1]:
        _insert(cursor, number, _go_on(cursor, run, stage, fresh))


def _go_on(
    cursor: duckdb.DuckDBPyConnection, run: Run, stage: str, fresh: list[int]
) -> list[Verdict | Label | ErrorRow]:
    """The rows of questions that nobody judged after this stage."""
    query = f"""
        SELECT r.question_id, r.idx, s.first, l.value FROM question_rows r
        LEFT JOIN (SELECT q, min(sample) AS first FROM solution_rows WHERE {_IN} GROUP BY q) s ON s.q = r.q
        LEFT JOIN (SELECT q, value FROM label_rows WHERE key = 'chosen' AND {_IN}) l ON l.q = r.q
        WHERE {_IN.replace("q ", "r.q ")} ORDER BY r.q"""
    rows: list[Verdict | Label | ErrorRow] = []
    for key, idx, sample, chosen in cursor.execute(query, _of(fresh)).fetchall():
        stages = _after(stage)
        if sample is None and run.kind != "import":
            said = "A later check kept this question, when its run had ended; it has no solutions."
            rows.append(ErrorRow(run.run_id, idx, stages[0], said))
            continue
        if sample is None:
            stages = stages[: stages.index("solution")]
            rows.append(Verdict(key, "solution", AS_IT_CAME, False, None, NO_ANSWER))
        elif chosen is None:
            rows.append(Label(key, "chosen", str(sample), AS_IT_CAME))
        rows += [Verdict(key, later, AS_IT_CAME, True) for later in stages]
    return rows
