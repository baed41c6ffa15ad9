"""The SQL of the logical tables and of the binding views ``items``, ``pairs`` and ``funnel``.

Users, exports and tests rely on these names and columns; the physical tables beneath may change with the schema's
version. One verdict per (question, stage) and one leading reward per solution: the writer guarantees it. Nothing
here is stored: statuses and funnels are always what the rows say now.
"""

from __future__ import annotations

from store.records import STAGES

_STAGE_ROWS = ", ".join(f"({position}, '{stage}')" for position, stage in enumerate(("generated", *STAGES)))

_LOGICAL = {
    "questions": """
        SELECT r.question_id, r.run_id, r.idx, t.text, r.generator, r.template_id, r.params, r.seed, r.tokens,
            r.finish_reason, r.reference_answer, t.extra, r.created_at, r.seconds
        FROM question_rows r JOIN question_text t ON r.question_id = t.question_id""",
    "verdicts": """
        SELECT question_id, stage, judge, kept, score, reason, raw, tokens, seconds, created_at FROM verdict_rows""",
    "solutions": """
        SELECT r.question_id || '-' || r.sample AS solution_id, r.question_id, r.sample, t.text, r.answer, r.solver,
            r.seed, r.tokens, r.seconds, r.finish_reason, r.created_at
        FROM solution_rows r JOIN solution_text t ON r.question_id = t.question_id AND r.sample = t.sample""",
    "rewards": """
        SELECT question_id || '-' || sample AS solution_id, reward_model, reward, seconds FROM reward_rows""",
    "labels": "SELECT question_id, key, value, model FROM label_rows",
    "decisions": """
        SELECT event_id, question_id, reviewer, action, payload, batch_id, queue, sampling_p, created_at
        FROM decision_rows""",
    "preferences": """
        SELECT pair_id, chosen, rejected, direction, source, question_id, created_at FROM preference_rows""",
}

# The log's order is the order of appending (rowid), never a clock that may step back. An undo takes back the event that
# it names; undoing an undo does nothing, the action is simply taken again.
_EFFECTIVE = """
    SELECT question_id, action, payload, rowid AS turn FROM decision_rows
    WHERE action <> 'undo' AND event_id NOT IN (
        SELECT (payload ->> 'event_id') FROM decision_rows
        WHERE action = 'undo' AND (payload ->> 'event_id') IS NOT NULL)"""

_REVIEW = f"""
    WITH effective AS NOT MATERIALIZED ({_EFFECTIVE}),
    tagging AS (
        SELECT question_id, (payload ->> 'tag') AS tag, arg_max(action, turn) AS last FROM effective
        WHERE action IN ('tag', 'untag') AND (payload ->> 'tag') IS NOT NULL GROUP BY ALL),
    tagged AS (SELECT question_id, list(tag ORDER BY tag) AS tags FROM tagging WHERE last = 'tag' GROUP BY question_id),
    events AS (
        SELECT question_id,
            arg_max(action, turn) FILTER (action IN ('accept', 'reject', 'skip')) AS verb,
            arg_max(TRY_CAST((payload ->> 'sample') AS BIGINT), turn) FILTER (action = 'accept') AS sample,
            arg_max((payload ->> 'query'), turn) FILTER (action = 'edit') AS query,
            arg_max((payload ->> 'response'), turn) FILTER (action = 'edit') AS response,
            arg_max((payload ->> 'answer'), turn) FILTER (action = 'edit') AS answer,
            bool_or(action = 'edit') AS edited
        FROM effective GROUP BY question_id)
    SELECT e.question_id,
        CASE e.verb WHEN 'accept' THEN 'accepted' WHEN 'reject' THEN 'rejected' WHEN 'skip' THEN 'skipped' END
            AS status,
        e.sample, e.query, e.response, e.answer, e.edited, t.tags
    FROM events e LEFT JOIN tagged t ON e.question_id = t.question_id"""

# kept_bits and seen_bits: bit k is stage k (1 = language ... 7 = pair): one pass over the verdicts tells the whole way.
_JUDGED = f"""
    SELECT question_id, any_value(run_id) AS run_id,
        arg_min(stage, position) FILTER (NOT kept) AS drop_stage,
        arg_min(reason, position) FILTER (NOT kept AND reason IS NOT NULL) AS drop_reason,
        max(score) FILTER (stage = 'difficulty') AS difficulty,
        bool_and(kept) FILTER (stage = 'solvability') AS solvable,
        bool_or(NOT kept) FILTER (stage = 'contamination') AS contaminated,
        bit_or(CASE WHEN kept THEN 1::BIGINT << position ELSE 0 END) AS kept_bits,
        bit_or(1::BIGINT << position) AS seen_bits,
        bool_and(kept) AND bool_or(stage = 'pair') AS passed
    FROM verdict_rows JOIN (VALUES {_STAGE_ROWS}) AS stages(position, name) ON stage = name
    GROUP BY question_id"""

_LABELLED = """
    SELECT question_id,
        max(value) FILTER (key = 'topic') AS topic,
        max(TRY_CAST(value AS BIGINT)) FILTER (key = 'chosen') AS chosen,
        max(TRY_CAST(value AS DOUBLE)) FILTER (key = 'agreement') AS agreement,
        max(value) FILTER (key = 'majority_answer') AS majority_answer,
        count(*) FILTER (key = 'near_duplicate') AS near_duplicates
    FROM label_rows GROUP BY question_id"""

_SAMPLED = "SELECT question_id, count(*) AS n_solutions FROM solution_rows GROUP BY question_id"
_REWARDED = "SELECT question_id, max(reward) AS best_reward FROM reward_rows WHERE leads GROUP BY question_id"

_ITEMS = f"""
    SELECT q.question_id, q.run_id, q.generator, coalesce(e.query, t.text) AS query, l.topic, j.difficulty, j.solvable,
        j.drop_stage, j.drop_reason, coalesce(s.n_solutions, 0) AS n_solutions, w.best_reward, l.agreement,
        l.majority_answer, coalesce(l.near_duplicates, 0) AS near_duplicates, j.contaminated,
        coalesce(length(e.query), q.chars) AS query_chars, c.tokens AS response_tokens,
        coalesce(e.status, 'unreviewed') AS status, coalesce(e.tags, []::VARCHAR[]) AS tags,
        coalesce(e.edited, false) AS edited
    FROM question_rows q
    JOIN question_text t ON q.question_id = t.question_id
    LEFT JOIN ({_JUDGED}) j ON q.question_id = j.question_id
    LEFT JOIN ({_LABELLED}) l ON q.question_id = l.question_id
    LEFT JOIN ({_SAMPLED}) s ON q.question_id = s.question_id
    LEFT JOIN ({_REWARDED}) w ON q.question_id = w.question_id
    LEFT JOIN ({_REVIEW}) e ON q.question_id = e.question_id
    LEFT JOIN solution_rows c ON c.question_id = q.question_id AND c.sample = coalesce(e.sample, l.chosen)"""

# Passed every stage, with its chosen solution. A reviewer who accepts a dropped question rescues it where one is
# chosen: by the pipeline's label or by the accept itself (payload {"sample": n}). Inner joins, so that the long texts
# are probed with the few keys that are wanted instead of being built into a hash table.
_PAIRS = f"""
    SELECT q.question_id, q.run_id, q.generator, coalesce(e.query, t.text) AS query,
        coalesce(e.response, x.text) AS response,
        coalesce(e.answer, c.answer) AS answer, l.topic, j.difficulty, w.reward, l.agreement, l.majority_answer,
        q.reference_answer, s.n_solutions, coalesce(e.status, 'unreviewed') AS status,
        coalesce(e.tags, []::VARCHAR[]) AS tags, coalesce(e.edited, false) AS edited
    FROM question_rows q
    LEFT JOIN ({_JUDGED}) j ON q.question_id = j.question_id
    LEFT JOIN ({_LABELLED}) l ON q.question_id = l.question_id
    LEFT JOIN ({_REVIEW}) e ON q.question_id = e.question_id
    JOIN solution_rows c ON q.question_id = c.question_id AND c.sample = coalesce(e.sample, l.chosen)
    JOIN solution_text x ON q.question_id = x.question_id AND c.sample = x.sample
    JOIN question_text t ON q.question_id = t.question_id
    JOIN ({_SAMPLED}) s ON q.question_id = s.question_id
    LEFT JOIN reward_rows w ON q.question_id = w.question_id AND c.sample = w.sample AND w.leads
    WHERE j.passed OR e.status = 'accepted'"""

# Bit 0 is `generated`: every question has it. A question is pending at a stage when the stage before kept it and this
# one has not seen it.
_FUNNEL = f"""
    WITH bits AS (
        SELECT q.run_id, coalesce(j.kept_bits, 0) | 1 AS kept_bits, coalesce(j.seen_bits, 0) | 1 AS seen_bits
        FROM question_rows q LEFT JOIN ({_JUDGED}) j ON q.question_id = j.question_id),
    ways AS (SELECT run_id, kept_bits, seen_bits, count(*) AS n FROM bits GROUP BY ALL),
    stages(position, stage) AS (VALUES {_STAGE_ROWS})
    SELECT r.run_id, s.stage,
        coalesce(sum(n) FILTER ((seen_bits >> position) & 1 = 1), 0)::BIGINT AS entered,
        coalesce(sum(n) FILTER ((kept_bits >> position) & 1 = 1), 0)::BIGINT AS kept,
        coalesce(sum(n) FILTER ((seen_bits >> position) & 1 = 1 AND (kept_bits >> position) & 1 = 0), 0)::BIGINT
            AS dropped,
        coalesce(sum(n) FILTER (position > 0 AND (kept_bits >> greatest(position - 1, 0)) & 1 = 1
            AND (seen_bits >> position) & 1 = 0), 0)::BIGINT AS pending
    FROM runs r CROSS JOIN stages s LEFT JOIN ways w ON w.run_id = r.run_id
    GROUP BY r.run_id, r.created_at, s.position, s.stage
    ORDER BY r.created_at, r.run_id, s.position"""

VIEWS: dict[str, str] = {**_LOGICAL, "items": _ITEMS, "pairs": _PAIRS, "funnel": _FUNNEL}
"""View name -> its query, in the order in which they may be created."""
