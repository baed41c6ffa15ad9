"""SQL views, the replay of events and the frame agree on what a pair is, its status, filters and the funnel.

The views are the reference. Hypothesis makes workspaces: runs whose questions are dropped at any stage or pending,
samples with and without a choice, and events of reviewers in any order, with rescues, batches and undos.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.database.question import read_question
from store.database.review_state import replay_events
from store.database.sources import Demo
from store.database.views import choices, narrowed
from store.database.writer import Writer
from store.explore.query import tally
from store.filters.filter import LOOKED_UP, STATUSES, Filter
from store.filters.ranges import ModelRange
from store.frame import load, update
from store.frame.cache import version
from store.frame.frame import Frame, Selection
from store.records import CORRECT, STAGES, Decision, Label, Record, Solution, question_id
from tests.store import rows
from tests.store.frame.compare import assert_same

RUNS = ("r1", "r2", "r3")
QUESTIONS = 5
"""In each run."""

stage = st.sampled_from(STAGES)
outcome: st.SearchStrategy[dict[str, str]] = st.one_of(
    st.just({}), stage.map(lambda name: {"until": name}), stage.map(lambda name: {"drop": name, "reason": f"no {name}"})
)
rewards = st.lists(st.sampled_from((None, -1.5, 0.0, 0.25)), max_size=3).map(tuple)
question = st.tuples(outcome, rewards, st.sampled_from((None, 0, 1, 2)), st.sampled_from(("Algebra", "Geometry")))
key = st.sampled_from([question_id(run, idx) for run in RUNS for idx in range(QUESTIONS)])
edit = st.dictionaries(st.sampled_from(("query", "response", "answer")), st.text("xyz é", min_size=1, max_size=9))
sample = st.sampled_from(({}, {"sample": 0}, {"sample": 1}, {"sample": 9}, {"sample": "x"}, {"sample": None}))
tag = st.sampled_from(("hard", "odd")).map(lambda name: {"tag": name})
event = st.one_of(
    st.tuples(st.just("accept"), sample),
    st.tuples(st.sampled_from(("reject", "skip")), st.just({})),
    st.tuples(st.just("edit"), edit),
    st.tuples(st.sampled_from(("tag", "untag")), tag),
    st.tuples(st.just("note"), st.just({"text": "see"})),
    st.tuples(st.just("undo"), st.sampled_from(("event_id", "batch_id"))),
)
events = st.lists(st.tuples(key, event, st.sampled_from((None, None, "b0", "b1")), st.integers(0, 20)), max_size=25)
bound = st.sampled_from((None, 0.0, 0.25, 0.4, 1.0, 2.0, 14.0))
ends = st.one_of(
    st.tuples(bound, st.none()), st.tuples(st.just(0.0), bound), st.just((0.25, 1.0)), st.just((0.4, 14.0))
)
flag = st.sampled_from((None, True, False))


def some(*values: str | None) -> st.SearchStrategy[tuple[str | None, ...]]:
    return st.lists(st.sampled_from(values), max_size=2, unique=True).map(tuple)


filters = st.builds(
    Filter,
    run=some("r1", "r2", "none"),
    topic=some("Algebra", "Geometry", None),
    status=some(*STATUSES),
    tags=some("hard", "odd", None),
    drop_stage=some(*STAGES, None),
    ids=some("r1-00000000", "r3-00000004", "none"),
    difficulty=ends,
    reward=ends,
    n_solutions=ends,
    query_chars=ends,
    response_tokens=ends,
    reasoning_tokens=ends,
    pass_rate=st.one_of(ends, st.builds(ModelRange, st.sampled_from(("a model", "b", "none")), ends)),
    correct=some(*CORRECT, None),
    checkability=some("open", "proof", None),
    finish_reason=some("stop", "length", None),
    solvable=flag,
    contaminated=flag,
    edited=flag,
    stage=st.sampled_from((None, "generated", *STAGES)),
).flatmap(lambda whole: st.sets(st.sampled_from(_names(whole)), max_size=3).map(lambda keep: _only(whole, keep)))
small = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _names(whole: Filter) -> list[str]:
    return sorted(whole.to_dict()) or ["run"]


def _only(whole: Filter, keep: set[str]) -> Filter:
    """Few conditions at a time: with all of them no row is left."""
    return whole.without(*({*whole.to_dict()} - keep))


class Generated:
    """A workspace in memory: the demo's tables, filled by a writer."""

    def __init__(self) -> None:
        self.source = Demo(Path("no such folder"))
        self.writer = Writer(self.source.cursor(), Path("no such folder"))

    def put(self, records: list[Record]) -> None:
        self.writer.put(records)
        self.writer.flush()

    def decide(self, made: list[Any], first: int = 0) -> None:
        self.put([_decision(number, *one) for number, one in enumerate(made, first)])

    def frame(self) -> Frame:
        with self.source.cursor() as cursor:
            return load.read(cursor, RUNS, version(cursor, RUNS))

    def view(self, name: str) -> dict[str, dict[str, Any]]:
        """The rows of ``items`` or ``pairs`` by question_id."""
        return {row["question_id"]: row for row in self.rows(f"FROM {name}")}

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        with self.source.cursor() as cursor:
            cursor.execute(query, list(values) or None)
            names = [column[0] for column in cursor.description or []]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _decision(number: int, key: str, event: tuple[str, Any], batch: str | None, back: int) -> Decision:
    action, payload = event
    if action == "undo":
        name = f"e{max(number - 1 - back, 0)}" if payload == "event_id" else f"b{back % 3}"
        return Decision(f"e{number}", key, "ana", "undo", {payload: name})
    return Decision(f"e{number}", key, "ana", action, payload, batch)  # type: ignore[arg-type]


def _compared(row: Record, topic: str) -> Record:
    """The samples of Geometry are compared with a gold answer, think, and are cut off now and then."""
    if not isinstance(row, Solution) or topic != "Geometry":
        return row
    return replace(
        row,
        correct=CORRECT[row.sample],
        reasoning="so ...",
        reasoning_tokens=row.sample,
        finish_reason="length" if row.sample else "stop",
    )


def _measured(idx: int, run: str, topic: str) -> list[Record]:
    """The questions of Algebra are open, and two models were measured on them."""
    if topic != "Algebra":
        return []
    label = Label(question_id(run, idx), "checkability", "open", "rules")
    return [label, rows.rate(idx, run, correct=2 * (idx % 5)), rows.rate(idx, run, "b", 8)]


@contextmanager
def generated(questions: list[Any], made: list[Any]) -> Iterator[Generated]:
    it = Generated()
    stored: list[Record] = []
    for place, (outcome, scored, chosen, topic) in enumerate(questions):
        run, idx = RUNS[place // QUESTIONS], place % QUESTIONS
        stored += [rows.question(idx, run), *rows.verdicts(idx, run, **outcome)]
        stored += [*(_compared(row, topic) for row in rows.solutions(idx, run, scored))]
        stored += [*rows.labels(idx, run, chosen, topic), *_measured(idx, run, topic)]
    try:
        it.put(stored)
        with it.source.cursor() as cursor:
            cursor.executemany("INSERT INTO runs (run_id) VALUES (?)", [[run] for run in RUNS])
        it.decide(made)
        yield it
    finally:
        it.writer.close()


all_questions = st.lists(question, min_size=len(RUNS) * QUESTIONS, max_size=len(RUNS) * QUESTIONS)


@small
@given(all_questions, events)
def test_one_question_reads_as_the_views_have_it(questions: list[Any], made: list[Any]) -> None:
    with generated(questions, made) as it, it.source.cursor() as cursor:
        items, pairs = it.view("items"), it.view("pairs")
        for question_id, item in items.items():
            one = read_question(cursor, question_id)
            assert one["pair"] == pairs.get(question_id)
            state = replay_events(one["decisions"])
            for name in ("status", "tags", "edited"):
                assert getattr(state, name) == item[name]
            assert item["query"] == (one["question"]["text"] if state.query is None else state.query)


@small
@given(all_questions, events)
def test_parts_of_the_views_are_the_views_of_these_questions(questions: list[Any], made: list[Any]) -> None:
    with generated(questions, made) as it:
        some = {
            row["question_id"]: row["q"] for row in it.rows("SELECT question_id, q FROM question_rows WHERE q % 2 = 0")
        }
        pairs = it.view("pairs")
        for name, whole in (("items", it.view("items")), ("pairs", pairs)):
            with it.source.cursor() as cursor:
                found = cursor.execute(
                    f"SELECT question_id FROM ({narrowed(name)})", {"q": [*some.values()]}
                ).fetchall()
            assert {key for (key,) in found} == {*whole} & {*some}
        for row in it.rows(choices("true")):
            row.pop("q")
            row.pop("sample")
            assert row.items() <= pairs.pop(row["question_id"]).items()
        assert not pairs


@small
@given(all_questions, events)
def test_the_frame_has_the_views_pairs_statuses_and_funnel(questions: list[Any], made: list[Any]) -> None:
    with generated(questions, made) as it:
        frame, items, pairs = it.frame(), it.view("items"), it.view("pairs")
        for at in range(frame.size):
            item = items[frame.key(at)]
            for name in ("status", "tags", "topic", "drop_reason"):
                assert frame.values[name][frame.codes[name][at]] == item[name]
            assert frame.stage_paths[frame.stage_path[at]].drop_stage == item["drop_stage"]
            assert bool(frame.edited[at]) == item["edited"]
            assert bool(frame.pair[at]) == (frame.key(at) in pairs)
        for run in RUNS:
            counted = tally(Selection(frame, Filter(run=(run,)), _nothing))
            funnel = it.rows("SELECT * EXCLUDE (run_id) FROM funnel WHERE run_id = ?", run)
            assert [tuple(row.values()) for row in funnel] == [
                (row.stage, row.entered, row.kept, row.dropped, row.pending) for row in counted.funnel
            ]
            assert counted.pairs == sum(pair["run_id"] == run for pair in pairs.values())


@small
@given(all_questions, events, st.lists(filters, min_size=8, max_size=8))
def test_a_filter_selects_the_same_rows_in_sql_and_in_the_frame(
    questions: list[Any], made: list[Any], asked: list[Filter]
) -> None:
    with generated(questions, made) as it:
        frame = it.frame()
        for one in asked:
            condition, values = one.to_sql()
            wanted = {
                row["question_id"] for row in it.rows(f"SELECT question_id FROM items WHERE {condition}", *values)
            }
            chosen = Selection(frame, one, _nothing).rows
            assert {frame.key(int(at)) for at in np.flatnonzero(chosen)} == wanted, one.to_json()
            assert not {*one.to_dict()} & {*LOOKED_UP}


@small
@given(all_questions, events, events)
def test_an_updated_frame_is_the_one_that_is_read_again(questions: list[Any], made: list[Any], more: list[Any]) -> None:
    with generated(questions, made) as it:
        before = it.frame()
        it.decide(more, len(made))
        with it.source.cursor() as cursor:
            updated = update.patched(cursor, before, version(cursor, RUNS))
        again = it.frame()
        if updated is not None:
            assert_same(updated, again)


def _nothing(name: str, value: Any) -> Any:
    raise AssertionError(f"{name} is not answered by a column")
