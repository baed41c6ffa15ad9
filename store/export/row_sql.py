"""The SQL of an export's rows: which tables a part is read from, and what is written of it.

The rows of a part are those of the registered table ``keys``.
"""

from collections.abc import Callable

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from store.database.views import narrowed, sql_text
from store.export import formats
from store.export.formats import Format, Reasoning, View


def output(rows: str, form: Format, columns: tuple[str, ...], reasoning: Reasoning, all_samples: bool) -> str:
    """The SQL of the part's output, from that of its rows."""
    if reasoning == "inline" and form.view == "pairs":
        joined = f"{formats.with_reasoning()} AS response"
        if form is formats.FORMATS["dpo"]:
            joined += f", {formats.with_reasoning('rejected', 'other_reasoning')} AS rejected"
        rows = f"SELECT * REPLACE ({joined}) FROM ({rows}) AS inlined"
    line = None if form.view == "prompts" else formats.line(form, columns, reasoning)
    output = ", ".join(columns) if line is None else f"CAST({line} AS VARCHAR) AS line"
    return f"SELECT q, {output} FROM ({rows}) AS row_of_export{' ORDER BY q, sample' if all_samples else ''}"


def rows(
    cursor: duckdb.DuckDBPyConnection,
    view: View,
    keys: pa.Table,
    form: Format,
    columns: tuple[str, ...],
    same: Callable[[str, str], bool] | None,
    all_samples: bool,
    rate_model: str | None,
) -> str:
    """The SQL of the rows that the registered table ``keys`` selects. ``rate_model``: whose rates are ``pass_rate``."""
    low, high = keys["q"][0].as_py(), keys["q"][-1].as_py()
    where = f"{{}}.q BETWEEN {low:d} AND {high:d}"
    if form is formats.FORMATS["dpo"]:
        return _preferences(cursor, where, same)
    if view != "pairs":
        rates = "REPLACE (CAST(to_json(v.rates) AS VARCHAR) AS rates)" if view == "prompts" else ""
        return f"SELECT v.* {rates} FROM ({narrowed(view, where)}) v JOIN keys k ON v.q = k.q"
    if all_samples:
        return _samples(where, rate_model, finished="question_id" not in columns)
    if set(columns) <= {*formats.BRIEF, "reasoning"}:
        return _brief(where, edited=pc.any(keys["edited"]).as_py())
    return _whole(where, rate_model)


def _whole(where: str, rate_model: str | None) -> str:
    """All columns of a full export: those of ``pairs``, with level, rates (the newest of each model) and extra."""
    level = f"SELECT q, max(value) AS level FROM label_rows r WHERE key = 'level' AND {where.format('r')} GROUP BY q"
    newest = f"""
        SELECT q, model, arg_max(pass_rate, rowid) AS rate
        FROM rate_rows r WHERE {where.format("r")} GROUP BY q, model"""
    rates = f"""
        SELECT q, CAST(to_json(map_from_entries(list((model, rate) ORDER BY model))) AS VARCHAR) AS rates
        FROM ({newest}) GROUP BY q"""
    named, measured = "", ""
    if rate_model is not None:
        named = "REPLACE (m.rate AS pass_rate)"
        measured = f"LEFT JOIN (SELECT q, rate FROM ({newest}) WHERE model = {sql_text(rate_model)}) m ON m.q = v.q"
    return f"""
        SELECT v.* {named}, l.level, r.rates, nullif(CAST(t.extra AS VARCHAR), '{{}}') AS extra
        FROM ({narrowed("pairs", where)}) v
        JOIN keys k ON v.q = k.q
        JOIN question_text t ON t.q = v.q AND {where.format("t")}
        LEFT JOIN ({level}) l ON l.q = v.q
        LEFT JOIN ({rates}) r ON r.q = v.q
        {measured}"""


def _samples(where: str, rate_model: str | None, finished: bool) -> str:
    """One row per sample; the chosen one is the pair, edited or not. ``finished``: without samples that were cut off or
    have no response, which only a full export can tell apart."""
    of_sample = ("response", "answer", "reward", "reasoning", "reasoning_tokens", "correct", "finish_reason")
    only = "AND (s.sample = k.sample OR (s.finish_reason IS DISTINCT FROM 'length' AND trim(x.text) <> ''))"
    return f"""
        SELECT v.* EXCLUDE ({", ".join(of_sample)}), s.sample, s.sample = k.sample AS chosen,
            CASE WHEN s.sample = k.sample THEN v.response ELSE x.text END AS response,
            CASE WHEN s.sample = k.sample THEN v.answer ELSE s.answer END AS answer,
            w.reward, x.reasoning, s.reasoning_tokens, s.correct, s.finish_reason
        FROM ({_whole(where, rate_model)}) v
        JOIN keys k ON k.q = v.q
        JOIN solution_rows s ON s.q = v.q AND {where.format("s")}
        JOIN solution_text x ON x.q = s.q AND x.sample = s.sample AND {where.format("x")}
        LEFT JOIN reward_rows w ON w.q = s.q AND w.sample = s.sample AND w.leads AND {where.format("w")}
        WHERE true {only if finished else ""}"""


def _brief(where: str, edited: bool) -> str:
    """Query, response and reasoning from three tables instead of the view's nine; edited texts come from the view.
    Solutions are joined by row number: a join by two columns would unpack the texts of all samples."""
    chosen = f"""
        SELECT k.q, k.edited, x.rowid AS place FROM keys k
        JOIN solution_text x ON x.q = k.q AND x.sample = k.sample AND {where.format("x")}"""
    texts = f"""
        SELECT k.q, k.edited, t.text AS query, x.text AS response, x.reasoning FROM ({chosen}) k
        JOIN question_text t ON t.q = k.q AND {where.format("t")}
        JOIN solution_text x ON x.rowid = k.place AND {where.format("x")}"""
    if not edited:
        return texts
    view = narrowed("pairs", "{}.q IN (SELECT q FROM keys WHERE edited)")
    return f"{texts} WHERE NOT k.edited UNION ALL SELECT q, edited, query, response, reasoning FROM ({view})"


def _preferences(cursor: duckdb.DuckDBPyConnection, where: str, same: Callable[[str, str], bool] | None) -> str:
    """Chosen: the pair's response. Rejected: the sample that preference data names (label ``rejected``), else the one
    with the lowest reward below it (ties: the first sample), by default only of samples with another final answer."""
    worse = f"""
        SELECT v.q, v.answer, s.sample, s.answer AS other, w.reward
        FROM (SELECT q, answer, reward FROM ({narrowed("pairs", where)})) v
        JOIN keys k ON k.q = v.q
        JOIN solution_rows s ON s.q = v.q AND s.sample <> k.sample AND {where.format("s")}
        JOIN reward_rows w ON w.q = s.q AND w.sample = s.sample AND w.leads AND {where.format("w")}
        WHERE w.reward < v.reward"""
    if same is not None:
        different = "answer IS DISTINCT FROM other"
        answers = f"SELECT DISTINCT answer, other FROM ({worse}) WHERE {different} AND answer <> other"
        equal = [pair for pair in cursor.execute(answers).fetchall() if same(*pair)]
        cursor.register("equal", pa.table({"answer": [a for a, _ in equal], "other": [b for _, b in equal]}, _EQUAL))
        worse = f"""
            SELECT * FROM ({worse}) r WHERE {different}
                AND NOT EXISTS (FROM equal e WHERE e.answer = r.answer AND e.other = r.other)"""
    named = f"""
        SELECT l.q, CAST(min(TRY_CAST(l.value AS BIGINT)) AS BIGINT) AS sample FROM label_rows l
        JOIN keys k ON k.q = l.q WHERE l.key = 'rejected' AND TRY_CAST(l.value AS BIGINT) <> k.sample
            AND {where.format("l")} GROUP BY l.q"""
    worst = f"SELECT q, arg_min(sample, (reward, sample)) AS sample FROM ({worse}) GROUP BY q"
    return f"""
        WITH named AS ({named}), worst AS ({worst}),
        losers AS (FROM named UNION ALL SELECT q, sample FROM worst WHERE q NOT IN (SELECT q FROM named))
        SELECT v.q, v.query, v.response, v.reasoning, x.text AS rejected, x.reasoning AS other_reasoning
        FROM ({narrowed("pairs", where)}) v
        JOIN losers l ON l.q = v.q
        JOIN solution_text x ON x.q = l.q AND x.sample = l.sample AND {where.format("x")}"""


_EQUAL = pa.schema([("answer", pa.string()), ("other", pa.string())])
