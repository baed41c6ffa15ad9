"""The SQL of the logical tables and of the views ``items``, ``pairs``, ``prompts`` and ``funnel``.

This is where "pair", "status" and "funnel" are defined. Users, exports and tests rely on the names and columns of the
views; the physical tables may change with the schema's version. The writer guarantees one verdict per (question, stage)
and one first reward (``leads``) per solution.

Tables are joined by ``q`` (``ids.py``), which the views do not show. ``narrowed`` gives a view's query for some
questions, by their keys: a condition on the view itself is not pushed down into its aggregates.
"""

from store.records import STAGES, STATUS_OF

_STATUS = " ".join(f"WHEN '{action}' THEN '{status}'" for action, status in STATUS_OF.items())
_VERBS = ", ".join(f"'{action}'" for action in STATUS_OF)
_STAGE_ROWS = ", ".join(f"({position}, '{stage}')" for position, stage in enumerate(("generated", *STAGES)))

_LOGICAL = {
    "questions": """
        SELECT r.question_id, r.run_id, r.idx, t.text, r.generator, r.template_id, r.params, r.seed, r.tokens,
            r.finish_reason, r.reference_answer, t.extra, r.created_at, r.seconds
        FROM question_rows r JOIN question_text t ON r.q = t.q WHERE true /*r*/""",
    "verdicts": """
        SELECT question_id, stage, judge, kept, score, reason, raw, tokens, seconds, created_at
        FROM verdict_rows r WHERE true /*r*/""",
    "solutions": """
        SELECT r.question_id || '-' || r.sample AS solution_id, r.question_id, r.sample, t.text, r.answer, r.solver,
            r.seed, r.tokens, r.seconds, r.finish_reason, r.created_at, t.reasoning, r.reasoning_tokens, r.correct
        FROM solution_rows r JOIN solution_text t ON r.q = t.q AND r.sample = t.sample WHERE true /*r*/""",
    "rewards": """
        SELECT question_id || '-' || sample AS solution_id, reward_model, reward, seconds
        FROM reward_rows r WHERE true /*r*/""",
    "rates": """
        SELECT question_id, model, sampling, n, correct, undecided, mean_tokens, created_at, pass_rate
        FROM rate_rows r WHERE true /*r*/""",
    "labels": "SELECT question_id, key, value, model FROM label_rows r WHERE true /*r*/",
    "decisions": """
        SELECT event_id, question_id, reviewer, action, payload, batch_id, queue, sampling_p, created_at
        FROM decision_rows r WHERE true /*r*/""",
    "preferences": """
        SELECT pair_id, chosen, rejected, direction, source, question_id, created_at FROM preference_rows""",
    "spend": """
        SELECT run_id, stage, model, sum(requests)::BIGINT AS requests, sum(tokens_in)::BIGINT AS tokens_in,
            sum(tokens_out)::BIGINT AS tokens_out, sum(cost_usd) AS cost_usd FROM spend_rows GROUP BY ALL""",
}

# The log's order is the order of appending (rowid), never a clock that may step back.
IN_FORCE = """
    action <> 'undo' AND event_id NOT IN (
        SELECT (payload ->> 'event_id') FROM decision_rows
        WHERE action = 'undo' AND (payload ->> 'event_id') IS NOT NULL)
    AND coalesce(batch_id, '') NOT IN (
        SELECT (payload ->> 'batch_id') FROM decision_rows
        WHERE action = 'undo' AND (payload ->> 'batch_id') IS NOT NULL)"""
"""The condition on an event (a row of ``decision_rows``) that was not undone. An undo names the event, or the batch of
events, that it takes back; an undo is never undone itself, the action is taken again instead."""

_EFFECTIVE = f"SELECT q, action, payload, rowid AS turn FROM decision_rows r WHERE {IN_FORCE} /*r*/"

_REVIEW = f"""
    WITH effective AS NOT MATERIALIZED ({_EFFECTIVE}),
    tagging AS (
        SELECT q, (payload ->> 'tag') AS tag, arg_max(action, turn) AS last FROM effective
        WHERE action IN ('tag', 'untag') AND (payload ->> 'tag') IS NOT NULL GROUP BY ALL),
    tagged AS (SELECT q, list(tag ORDER BY tag) AS tags FROM tagging WHERE last = 'tag' GROUP BY q),
    events AS (
        SELECT q,
            arg_max(action, turn) FILTER (action IN ({_VERBS})) AS verb,
            arg_max(TRY_CAST((payload ->> 'sample') AS BIGINT), turn) FILTER (action = 'accept') AS sample,
            arg_max((payload ->> 'query'), turn) FILTER (action = 'edit') AS query,
            arg_max((payload ->> 'response'), turn) FILTER (action = 'edit') AS response,
            arg_max((payload ->> 'answer'), turn) FILTER (action = 'edit') AS answer,
            bool_or(action = 'edit') AS edited
        FROM effective GROUP BY q)
    SELECT e.q,
        CASE e.verb {_STATUS} END AS status, e.sample, e.query, e.response, e.answer, e.edited, t.tags
    FROM events e LEFT JOIN tagged t ON e.q = t.q"""

# kept_bits and seen_bits: bit k is stage k (1 = language ... 7 = pair), so that one pass gives every stage's outcome.
_JUDGED = f"""
    SELECT q,
        arg_min(stage, position) FILTER (NOT kept) AS drop_stage,
        arg_min(reason, position) FILTER (NOT kept AND reason IS NOT NULL) AS drop_reason,
        max(score) FILTER (stage = 'difficulty') AS difficulty,
        bool_and(kept) FILTER (stage = 'solvability') AS solvable,
        bool_or(NOT kept) FILTER (stage = 'contamination') AS contaminated,
        bit_or(CASE WHEN kept THEN 1::BIGINT << position ELSE 0 END) AS kept_bits,
        bit_or(1::BIGINT << position) AS seen_bits,
        bool_and(kept) AND bool_or(stage = 'pair') AS passed
    FROM verdict_rows r JOIN (VALUES {_STAGE_ROWS}) AS stages(position, name) ON stage = name
    WHERE true /*r*/ GROUP BY q"""

_LABELLED = """
    SELECT q,
        max(value) FILTER (key = 'topic') AS topic,
        max(TRY_CAST(value AS BIGINT)) FILTER (key = 'chosen') AS chosen,
        max(TRY_CAST(value AS DOUBLE)) FILTER (key = 'agreement') AS agreement,
        max(value) FILTER (key = 'majority_answer') AS majority_answer,
        max(value) FILTER (key = 'checkability') AS checkability,
        max(TRY_CAST(value AS DOUBLE)) FILTER (key = 'novelty') AS novelty,
        max(TRY_CAST(value AS DOUBLE)) FILTER (key = 'repetition') AS repetition,
        count(*) FILTER (key = 'near_duplicate') AS near_duplicates
    FROM label_rows r WHERE true /*r*/ GROUP BY q"""

# The rate that was stored first; ``rates`` has those of all models.
_RATED = "SELECT q, arg_min(pass_rate, rowid) AS pass_rate FROM rate_rows r WHERE true /*r*/ GROUP BY q"
_SAMPLED = "SELECT q, count(*) AS n_solutions FROM solution_rows r WHERE true /*r*/ GROUP BY q"
_REWARDED = "SELECT q, max(reward) AS best_reward FROM reward_rows r WHERE leads /*r*/ GROUP BY q"

# Whether the chosen solution states the answer of most samples. Equal answers may be written in several ways, but more
# than half of the samples are the majority however they write it.
_MAJORITY = """CASE WHEN c.q IS NULL OR l.majority_answer IS NULL THEN NULL
        WHEN c.answer = l.majority_answer OR (l.agreement > 0.5 AND c.sample = l.chosen) THEN 'same'
        ELSE 'different' END"""

_ITEMS = f"""
    SELECT /*key*/ q.question_id, q.run_id, q.generator, coalesce(e.query, t.text) AS query, l.topic, j.difficulty,
        j.solvable, j.drop_stage, j.drop_reason, coalesce(s.n_solutions, 0) AS n_solutions, w.best_reward, l.agreement,
        l.majority_answer, coalesce(l.near_duplicates, 0) AS near_duplicates, j.contaminated,
        coalesce(length(e.query), q.chars) AS query_chars, c.tokens AS response_tokens,
        coalesce(e.status, 'unreviewed') AS status, coalesce(e.tags, []::VARCHAR[]) AS tags,
        coalesce(e.edited, false) AS edited, q.reference_answer, c.correct, c.reasoning_tokens, p.pass_rate, l.novelty,
        l.checkability, c.finish_reason, c.chars + coalesce(c.reasoning_chars, 0) AS response_chars,
        l.repetition, {_MAJORITY} AS majority
    FROM question_rows q
    JOIN question_text t ON q.q = t.q
    LEFT JOIN ({_JUDGED}) j ON q.q = j.q
    LEFT JOIN ({_LABELLED}) l ON q.q = l.q
    LEFT JOIN ({_SAMPLED}) s ON q.q = s.q
    LEFT JOIN ({_REWARDED}) w ON q.q = w.q
    LEFT JOIN ({_RATED}) p ON q.q = p.q
    LEFT JOIN ({_REVIEW}) e ON q.q = e.q
    LEFT JOIN solution_rows c ON c.q = q.q AND c.sample = coalesce(e.sample, l.chosen)
    WHERE true /*q*/"""

_CHOSEN = f"""
    FROM question_rows q
    LEFT JOIN ({_JUDGED}) j ON q.q = j.q
    LEFT JOIN ({_LABELLED}) l ON q.q = l.q
    LEFT JOIN ({_REVIEW}) e ON q.q = e.q
    JOIN solution_rows c ON q.q = c.q AND c.sample = coalesce(e.sample, l.chosen)"""
_IS_PAIR = "(j.passed OR e.status = 'accepted')"

# A pair has a chosen solution and passed every stage, or was accepted. Accepting a dropped question rescues it if a
# solution is chosen: by the pipeline's label or by the accept itself (payload {"sample": n}). Inner joins, so that the
# long texts are probed with a few keys instead of being built into a hash table.
_PAIRS = f"""
    SELECT /*key*/ q.question_id, q.run_id, q.generator, coalesce(e.query, t.text) AS query,
        coalesce(e.response, x.text) AS response,
        coalesce(e.answer, c.answer) AS answer, l.topic, j.difficulty, w.reward, l.agreement, l.majority_answer,
        q.reference_answer, s.n_solutions, coalesce(e.status, 'unreviewed') AS status,
        coalesce(e.tags, []::VARCHAR[]) AS tags, coalesce(e.edited, false) AS edited,
        x.reasoning, c.correct, c.reasoning_tokens, p.pass_rate, l.novelty, l.checkability, c.finish_reason,
        c.chars + coalesce(c.reasoning_chars, 0) AS response_chars, l.repetition
    {_CHOSEN}
    JOIN solution_text x ON q.q = x.q AND c.sample = x.sample
    JOIN question_text t ON q.q = t.q
    JOIN ({_SAMPLED}) s ON q.q = s.q
    LEFT JOIN reward_rows w ON q.q = w.q AND c.sample = w.sample AND w.leads
    LEFT JOIN ({_RATED}) p ON q.q = p.q
    WHERE {_IS_PAIR} /*q*/"""

# `pairs` without texts, reward and n_solutions: each join that is left out would match exactly one row.
_CHOICES = f"""
    SELECT q.q, c.sample, q.question_id, q.run_id, q.generator, l.topic, j.difficulty, l.agreement, l.majority_answer,
        q.reference_answer, coalesce(e.status, 'unreviewed') AS status, coalesce(e.tags, []::VARCHAR[]) AS tags,
        coalesce(e.edited, false) AS edited, c.correct, c.reasoning_tokens, l.novelty, l.checkability, c.finish_reason,
        c.chars + coalesce(c.reasoning_chars, 0) AS response_chars, l.repetition
    {_CHOSEN} WHERE {_IS_PAIR} /*q*/"""

# What RL trainers take: questions with a gold answer that no stage dropped. Without a response they are pending at
# `solution`. MAP model -> pass rate; a model that was measured twice counts by its newest rate.
_RATES = """
    SELECT q, map_from_entries(list((model, pass_rate) ORDER BY model)) AS rates FROM (
        SELECT q, model, arg_max(pass_rate, rowid) AS pass_rate FROM rate_rows r WHERE true /*r*/ GROUP BY q, model)
    GROUP BY q"""
_PROMPTS = f"""
    SELECT /*key*/ q.question_id, coalesce(e.query, t.text) AS query, q.reference_answer, l.topic, j.difficulty,
        l.checkability, coalesce(p.rates, MAP {{}}::MAP(VARCHAR, DOUBLE)) AS rates,
        coalesce(e.status, 'unreviewed') AS status, coalesce(e.tags, []::VARCHAR[]) AS tags
    FROM question_rows q
    JOIN question_text t ON q.q = t.q
    LEFT JOIN ({_JUDGED}) j ON q.q = j.q
    LEFT JOIN ({_LABELLED}) l ON q.q = l.q
    LEFT JOIN ({_REVIEW}) e ON q.q = e.q
    LEFT JOIN ({_RATES}) p ON q.q = p.q
    WHERE q.reference_answer IS NOT NULL AND j.drop_stage IS NULL /*q*/"""

# Bit 0 is `generated`, which every question has. A question is pending at a stage if the stage before kept it and this
# stage has no verdict on it.
_FUNNEL = f"""
    WITH bits AS (
        SELECT q.run_id, coalesce(j.kept_bits, 0) | 1 AS kept_bits, coalesce(j.seen_bits, 0) | 1 AS seen_bits
        FROM question_rows q LEFT JOIN ({_JUDGED}) j ON q.q = j.q),
    outcomes AS (SELECT run_id, kept_bits, seen_bits, count(*) AS n FROM bits GROUP BY ALL),
    stages(position, stage) AS (VALUES {_STAGE_ROWS})
    SELECT r.run_id, s.stage,
        coalesce(sum(n) FILTER ((seen_bits >> position) & 1 = 1), 0)::BIGINT AS entered,
        coalesce(sum(n) FILTER ((kept_bits >> position) & 1 = 1), 0)::BIGINT AS kept,
        coalesce(sum(n) FILTER ((seen_bits >> position) & 1 = 1 AND (kept_bits >> position) & 1 = 0), 0)::BIGINT
            AS dropped,
        coalesce(sum(n) FILTER (position > 0 AND (kept_bits >> greatest(position - 1, 0)) & 1 = 1
            AND (seen_bits >> position) & 1 = 0), 0)::BIGINT AS pending
    FROM runs r CROSS JOIN stages s LEFT JOIN outcomes w ON w.run_id = r.run_id
    GROUP BY r.run_id, r.created_at, s.position, s.stage
    ORDER BY r.created_at, r.run_id, s.position"""

# The texts of chosen solutions, for a few questions.
_CHOSEN_TEXTS = f"""
    SELECT q.question_id, coalesce(e.response, x.text) AS response, coalesce(e.answer, c.answer) AS answer
    {_CHOSEN}
    JOIN solution_text x ON q.q = x.q AND c.sample = x.sample
    WHERE true /*q*/"""

VIEWS: dict[str, str] = {**_LOGICAL, "items": _ITEMS, "pairs": _PAIRS, "prompts": _PROMPTS, "funnel": _FUNNEL}
"""View name -> its query, in an order in which they can be created."""


def sql_text(value: object) -> str:
    """The value as a literal of SQL, for statements that take no parameters."""
    return "'" + str(value).replace("'", "''") + "'"


def narrowed(view: str, where: str = "{}.q IN (SELECT unnest($q))") -> str:
    """The query of a view (except ``funnel``) for the questions whose keys meet the condition, by default those in the
    list ``$q``. ``items``, ``pairs`` and ``prompts`` have the key ``q`` as their first column.
    """
    return _where(VIEWS[view].replace("/*key*/", "q.q,"), where)


def items_with_outcome(where: str) -> str:
    """``narrowed("items", where)`` with ``pair``, and with ``kept`` and ``seen`` (bit k is stage k of STAGES)."""
    more = f"""q.q, coalesce(c.q IS NOT NULL AND {_IS_PAIR}, false) AS pair,
        coalesce(j.kept_bits, 0) >> 1 AS kept, coalesce(j.seen_bits, 0) >> 1 AS seen,"""
    return _where(_ITEMS.replace("/*key*/", more), where)


def choices(where: str) -> str:
    """The query of the pairs whose keys meet the condition: ``q``, ``sample`` (of the chosen solution), and the columns
    of ``pairs`` except the texts, ``answer``, ``reward`` and ``n_solutions``.
    """
    return _where(_CHOICES, where)


def chosen_texts(where: str = "{}.q IN (SELECT unnest($q))") -> str:
    """The query of the chosen solutions of questions whose keys meet the condition, pairs or not: ``question_id``,
    ``response`` and ``answer`` as edited.
    """
    return _where(_CHOSEN_TEXTS, where)


def reviewed(where: str) -> str:
    """The query of the review state of questions whose keys meet the condition and that have an event in force: ``q``,
    status, sample, query, response, answer, edited and tags, each null where nothing was decided.
    """
    return _where(_REVIEW, where)


def _where(query: str, where: str) -> str:
    for table in ("r", "q"):
        query = query.replace(f"/*{table}*/", f"AND {where.format(table)}")
    return query
