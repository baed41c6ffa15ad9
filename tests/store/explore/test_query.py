"""Exploring counts and pages as the views ``items`` and ``pairs`` would, for any filter."""

from __future__ import annotations

import json
import random
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from store.database import run_queries
from store.database.question import read_question
from store.database.workspace import Workspace
from store.explore import query
from store.filters.filter import MAJORITY, STATUSES, Filter
from store.frame.bins import Bins
from store.frame.cache import Frames
from store.frame.frame import COUNTED, NUMBERS, ORDERS, Frame
from store.records import STAGES, Label, Record, Verdict
from store.times import from_db
from tests.store import rows

TOPICS = ("Algebra", "Geometry", "Number Theory", "Prealgebra")
REASONS = {"language": "truncated", "duplicate": "near_duplicate", "solvability": "not_solvable", "pair": "low_reward"}
ROWS = 240
LEVEL = "(SELECT max(value) FROM labels l WHERE l.key = 'level' AND l.question_id = items.question_id)"
COLUMNS = {"run": "run_id", "reward": "best_reward", "level": LEVEL}


def varied(idx: int, run: str, luck: random.Random) -> list[Record]:
    """A question as some pipeline might have left it."""
    words = ("prime", "Prime 100%", "snow_man", "50% off")
    made: list[Record] = [rows.question(idx, run, f"{luck.choice(words)} " + "x" * luck.randrange(60))]
    drop = luck.choice((*REASONS, None, None, None))
    judged = rows.verdicts(idx, run, luck.choice(STAGES), drop, REASONS.get(drop or ""))
    for verdict in judged:
        score = luck.choice((None, 0.3, round(luck.random(), 2))) if verdict.stage == "difficulty" else None
        made.append(Verdict(verdict.question_id, verdict.stage, "judge", verdict.kept, score, verdict.reason))
    if judged[-1].stage in ("solution", "pair"):
        made += rows.solutions(idx, run, tuple(luck.choice((None, -0.5, -luck.random())) for _ in range(3)))
        labels = rows.labels(idx, run, luck.choice((0, 1, 2)), luck.choice(TOPICS))
        key = labels[0].question_id
        made += [label for label in labels if label.key != "agreement"]
        made.append(Label(key, "agreement", luck.choice(("0.3333", "0.6667", "1.0")), "pair"))
        if luck.random() < 0.5:
            made = [replace(one, value="-1") if label_of(one, "majority_answer") else one for one in made]
        made += [Label(key, "near_duplicate", f"r1-{near:08d}", "minhash") for near in range(luck.choice((0, 0, 2)))]
        made += [Label(key, "novelty", f"{luck.random():.4f}", "m") for _ in range(luck.choice((0, 1)))]
    elif luck.random() < 0.5:
        made.append(Label(rows.question(idx, run).question_id, "topic", luck.choice(TOPICS), "topics"))
    if luck.random() < 0.5:
        made.append(Label(rows.question(idx, run).question_id, "level", f"Level {luck.randint(1, 3)}", "import"))
    return [*made, *measured(idx, run)]


def label_of(record: Record, key: str) -> bool:
    return isinstance(record, Label) and record.key == key


def measured(idx: int, run: str) -> list[Record]:
    """Pass rates of two models, each on some questions; of one a rate that nothing could decide."""
    luck = random.Random(f"{run}-{idx}")
    some = [rows.rate(idx, run, "first", luck.randint(0, 8))] if luck.random() < 0.6 else []
    if luck.random() < 0.4:
        rate = rows.rate(idx, run, "second", luck.choice((0, 2, 8)))
        some.append(replace(rate, pass_rate=luck.choice((None, 1 / 3, rate.pass_rate))))
    return luck.sample(some, len(some))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    luck = random.Random(5)
    with Workspace.open(tmp_path_factory.mktemp("explore") / "w") as workspace:
        for run in ("r2", "r1"):  # r2 is the older
            workspace.create_run(rows.run(run))
        for idx in range(ROWS):
            workspace.writer.put(varied(idx, luck.choice(("r1", "r2")), luck))
        for number in range(60):
            idx = luck.randrange(ROWS)
            for run in ("r1", "r2"):
                action = luck.choice(("accept", "reject", "skip", "tag", "edit"))
                told = {"tag": {"tag": luck.choice(("hard", "odd"))}, "edit": {"query": f"A prime, edited {number}"}}
                workspace.writer.put([rows.decide(f"{run}{number}", idx, action, run, **told.get(action, {}))])
        workspace.writer.flush()
        yield workspace


@pytest.fixture(scope="module")
def frame(filled: Workspace) -> Frame:
    return Frames().of(filled)


def filters(count: int) -> list[Filter]:
    luck = random.Random(9)

    def some(values: tuple[str | None, ...]) -> list[str | None]:
        return luck.sample(values, luck.randint(1, min(2, len(values))))

    def ends(low: float, high: float) -> list[float | None]:
        found = sorted(round(luck.uniform(low, high), 2) for _ in range(2))
        return [luck.choice((found[0], None)), luck.choice((found[1], None))]

    make: dict[str, Any] = {
        "run": lambda: some(("r1", "r2", "none")),
        "generator": lambda: some(("qgen-a", "other")),
        "topic": lambda: some((*TOPICS, None)),
        "level": lambda: some(("Level 1", "Level 2", "none", None)),
        "status": lambda: some(STATUSES),
        "tags": lambda: some(("hard", "odd", None)),
        "drop_stage": lambda: some((*STAGES, None)),
        "drop_reason": lambda: some((*REASONS.values(), None)),
        "ids": lambda: [f"r1-{luck.randrange(ROWS):08d}" for _ in range(40)] + ["nonsense", "r1-x", None],
        "difficulty": lambda: luck.choice(([0.3, 0.3], ends(0, 1))),
        "reward": lambda: luck.choice(([-0.5, -0.5], ends(-1, 0))),
        "agreement": lambda: luck.choice(([0.3333, 0.6667], ends(0, 1))),
        "n_solutions": lambda: [luck.choice((0, 1)), None],
        "near_duplicates": lambda: [0, 0],
        "pass_rate": lambda: luck.choice(
            (
                [0.125, 0.5],
                {"model": "first", "range": [0.25, None]},
                {"model": "second", "range": [0, 1 / 3]},
                {"model": "second"},
                {"model": "other", "range": [0, 1]},
            )
        ),
        "query_chars": lambda: luck.choice(([20, 20], ends(5, 60))),
        "response_tokens": lambda: [12, luck.choice((12, 13, None))],
        "solvable": lambda: luck.random() < 0.5,
        "contaminated": lambda: luck.random() < 0.5,
        "majority": lambda: some((*MAJORITY, None)),
        "edited": lambda: luck.random() < 0.5,
        "stage": lambda: luck.choice(("generated", *STAGES)),
        "text": lambda: luck.choice(("PRIME", "%", "_", "edited 1", "nowhere")),
    }
    chosen = [Filter(), *(Filter.from_json({name: made()}) for name, made in make.items() for _ in range(3))]
    while len(chosen) < count:
        names = luck.sample(list(make), luck.randint(2, 4))
        chosen.append(Filter.from_json({name: make[name]() for name in names}))
    return chosen


def ask(workspace: Workspace, what: str, asked: Filter, view: Any = "items") -> list[tuple[Any, ...]]:
    condition, values = asked.to_sql(view)
    with workspace.cursor() as cursor:
        return cursor.execute(f"SELECT {what} FROM {view} WHERE {condition}", values).fetchall()


def column_of(name: str, asked: Filter) -> str:
    """The column of a chart: of pass rates that of the filter's model."""
    if name != "pass_rate" or asked.rate_model is None:
        return COLUMNS.get(name, name)
    mine = f"r.model = '{asked.rate_model}' AND r.question_id = items.question_id"
    return f"(SELECT max(pass_rate) FROM rates r WHERE {mine})"


def binned(bins: Bins, values: list[float | None]) -> tuple[list[int], int]:
    found = Counter(
        min(max(bisect_right(bins.edges, value) - 1, 0), bins.count - 1) for value in values if value is not None
    )
    return [found[k] for k in range(bins.count)], values.count(None)


@pytest.mark.parametrize("asked", filters(120), ids=lambda asked: asked.to_json())
def test_every_count_is_what_the_views_count(filled: Workspace, frame: Frame, asked: Filter) -> None:
    told = query.tally(query.select(filled, frame, asked))
    keys = {key for (key,) in ask(filled, "question_id", asked)}
    assert told.count == len(keys)
    with filled.cursor() as cursor:
        pairs = {key for (key,) in cursor.execute("SELECT question_id FROM pairs").fetchall()}
    assert told.pairs == len(keys & pairs)
    for name in NUMBERS:
        values = [value for (value,) in ask(filled, column_of(name, asked), asked.without(name))]
        assert told.numbers[name] == binned(frame.of_model(asked.rate_model).bins[name], values), name
    for name in COUNTED:
        found = Counter(value for (value,) in ask(filled, COLUMNS.get(name, name), asked.without(name)))
        assert {value: count for value, count in told.values[name] if count} == dict(found), name


@pytest.mark.parametrize("run", ["r1", "r2", None])
def test_the_funnel_of_a_run_is_the_views_funnel(filled: Workspace, frame: Frame, run: str | None) -> None:
    told = query.tally(query.select(filled, frame, Filter(run=() if run is None else (run,)))).funnel
    with filled.cursor() as cursor:
        views = [run_queries.funnel(cursor, r) for r in ("r1", "r2") if run in (None, r)]
    for place, row in enumerate(told):
        assert row.stage == views[0][place].stage
        for name in ("entered", "kept", "dropped", "pending"):
            assert getattr(row, name) == sum(getattr(view[place], name) for view in views), (row.stage, name)


@pytest.mark.parametrize("by", ORDERS)
@pytest.mark.parametrize("descending", [True, False])
def test_paging_visits_every_row_once_in_order(filled: Workspace, frame: Frame, by: str, descending: bool) -> None:
    asked = Filter(run=("r1", "r2"), status=("unreviewed", "skipped", "rejected"))
    chosen = query.select(filled, frame, asked)
    pages = [query.page(filled, chosen, by, descending)]
    while pages[-1].start + len(pages[-1].rows) < pages[-1].total:
        pages.append(query.page(filled, chosen, by, descending, after=pages[-1].rows[-1].question_id))
    visited = [row for page in pages for row in page.rows]
    column = {"reward": "best_reward", "newest": "NULL::INTEGER", "disagreement": "1 - agreement"}.get(by, by)
    age = f"(run_id = 'r1')::INTEGER {'DESC' if by != 'newest' or descending else ''}, right(question_id, 8)"
    way = "DESC" if descending else "ASC"
    tie = "DESC" if by != "newest" or descending else ""
    condition, values = asked.to_sql()
    with filled.cursor() as cursor:
        sql = f"SELECT question_id FROM items WHERE {condition} ORDER BY {column} {way} NULLS LAST, {age} {tie}"
        assert [row.question_id for row in visited] == [key for (key,) in cursor.execute(sql, values).fetchall()]
    assert [page.start for page in pages] == list(range(0, len(visited), query.PAGE))
    back = query.page(filled, chosen, by, descending, before=pages[-1].rows[0].question_id)
    assert back == pages[-2]
    for number, row in ((0, visited[0]), (len(visited) - 1, visited[-1])):
        assert row in query.page(filled, chosen, by, descending, at=row.question_id).rows
        place = query.place(chosen, row.question_id, by, descending)
        assert (place.number, place.total) == (number, len(visited))
    middle = query.place(chosen, visited[60].question_id, by, descending)
    assert (middle.before, middle.after) == (visited[59].question_id, visited[61].question_id)


def test_a_row_shows_what_the_view_shows(filled: Workspace, frame: Frame) -> None:
    columns = (
        "question_id, query, topic, difficulty, best_reward, agreement, n_solutions, status, drop_stage, drop_reason, "
        "correct, pass_rate, run_id, generator, "
        f"{LEVEL}, query_chars, response_chars, near_duplicates, contaminated, majority, novelty"
    )
    shown = query.page(filled, query.select(filled, frame, Filter())).rows
    told = {row[0]: row for row in ask(filled, columns, Filter(ids=tuple(row.question_id for row in shown)))}
    assert len(shown) == query.PAGE
    for row in shown:
        texts = ("answer", "solution")  # read on demand
        assert tuple(getattr(row, name) for name in type(row).__slots__ if name not in texts) == told[row.question_id]
        assert (row.answer, row.solution) == (None, None)


def test_the_part_to_remove_is_the_one_that_brings_back_most(filled: Workspace, frame: Frame) -> None:
    asked = Filter(topic=("Algebra",), drop_reason=("truncated",), run=("r1",), text="nowhere")
    best = query.best_removal(filled, frame, asked)
    assert best is None or best[0] == "text"
    asked = Filter(difficulty=(0.0, 1.0), drop_stage=("language",))
    counts = {name: len(ask(filled, "1", asked.without(name))) for name in ("difficulty", "drop_stage")}
    assert query.best_removal(filled, frame, asked) == (max(counts, key=lambda n: counts[n]), max(counts.values()))


def test_unknown_questions_are_the_beginning_and_have_no_place(filled: Workspace, frame: Frame) -> None:
    chosen = query.select(filled, frame, Filter())
    for key in ("r1-99999999", "r9-00000001", "nonsense", "r1-0000000１", "r1-1"):
        assert query.page(filled, chosen, after=key).start == 0
        assert query.place(chosen, key) == query.Place(None, chosen.frame.size, None, None)


def test_a_frame_is_read_again_when_rows_or_decisions_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.frame.cache._LOOK_AGAIN", 0.0)
    monkeypatch.setattr("store.frame.cache._READ_AGAIN", 0.0)
    monkeypatch.setattr("store.frame.cache._TIMES", 0.0)
    frames = Frames()
    with Workspace.open(tmp_path / "w") as workspace:
        empty = frames.of(workspace)
        told = query.tally(query.select(workspace, empty, Filter(topic=("Algebra",), text="x", ids=("r1-1",))))
        assert (empty.size, told.count, told.funnel[0].entered) == (0, 0, 0)
        assert query.page(workspace, query.select(workspace, empty, Filter())).rows == []
        assert frames.of(workspace) is empty
        workspace.create_run(rows.run())
        workspace.writer.put(rows.whole(0))
        workspace.writer.flush()
        one = frames.of(workspace)
        assert (one.size, one.version == empty.version) == (1, False)
        assert frames.of(workspace) is one
        workspace.writer.put([rows.decide("e0", 0, "edit", query="New words")])
        workspace.writer.flush()
        edited = frames.of(workspace)
        assert edited.version != one.version
        (row,) = query.page(workspace, query.select(workspace, edited, Filter(text="new WORDS"))).rows
        assert row.query == "New words"
        assert query.tally(query.select(workspace, edited, Filter(text="What is"))).count == 0


def test_outliers_stand_in_the_outermost_bins(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        workspace.create_run(rows.run())
        for idx in range(400):
            rewards = (-9999.0 if idx == 7 else -idx / 400,)
            workspace.writer.put([rows.question(idx), *rows.verdicts(idx), *rows.solutions(idx, rewards=rewards)])
        workspace.writer.flush()
        frame = Frames().of(workspace)
        told = query.tally(query.select(workspace, frame, Filter()))
    bins = frame.bins["reward"]
    assert bins.below
    assert (bins.edges[0], bins.edges[-1]) == (-1.0, 0.0)
    assert sum(told.numbers["reward"][0]) == 400


def test_of_many_questions_a_sample_comes_first_and_then_all(
    filled: Workspace, frame: Frame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.frame.cache.MANY", ROWS // 2)
    monkeypatch.setattr("store.database.ids._RANGE", ROWS // 7)  # and all are read in several parts
    frames = Frames()
    first = frames.of(filled)
    assert (first.size, first.total) == (len(first.q), ROWS)
    assert 0 < first.size < ROWS // 10
    deadline = time.monotonic() + 30
    while (now := frames.of(filled)).size < now.total:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert [now.key(at) for at in range(now.size)] == [frame.key(at) for at in range(frame.size)]
    for asked in filters(20):
        one, other = (query.tally(query.select(filled, read, asked)) for read in (now, frame))
        for field in ("count", "pairs", "numbers", "funnel"):
            assert getattr(one, field) == getattr(other, field)
        assert {n: dict(v) for n, v in one.values.items()} == {n: dict(v) for n, v in other.values.items()}


def test_a_story_tells_what_the_views_do(filled: Workspace, frame: Frame) -> None:
    views: dict[str, dict[Any, dict[str, Any]]] = {}
    with filled.cursor() as cursor:
        for view in ("questions", "solutions", "pairs"):
            cursor.execute(f"FROM {view}")
            names = [column[0] for column in cursor.description or []]
            views[view] = {row[0]: dict(zip(names, row, strict=True)) for row in cursor.fetchall()}
        stories = [read_question(cursor, frame.key(at)) for at in range(frame.size)]
    assert {told["question"]["question_id"]: told["pair"] for told in stories if told["pair"]} == views["pairs"]
    for told in stories:
        question = views["questions"][told["question"]["question_id"]]
        times = {"created_at": from_db(question["created_at"])}
        read = {name: json.loads(question[name]) for name in ("params", "extra") if question[name] is not None}
        assert told["question"] == question | times | read
        for solution in told["solutions"]:
            wanted = views["solutions"][solution["solution_id"]]
            assert solution == wanted | {"created_at": from_db(wanted["created_at"]), "rewards": solution["rewards"]}
    assert sum(len(told["solutions"]) for told in stories) == len(views["solutions"]) > 0
    assert any(told["pair"] and not told["decisions"] for told in stories)
