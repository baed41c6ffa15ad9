"""What thresholds would keep is what the views count under the filter that is kept."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from store.database.sources import Demo, Source
from store.database.workspace import Workspace
from store.errors import InputError
from store.explore import query, thresholds
from store.explore.thresholds import Border, NearbyDecisions, ThresholdedSelection, Thresholds
from store.filters.filter import Filter, View
from store.filters.ranges import ModelRange
from store.frame.cache import Frames
from store.frame.frame import Frame
from store.records import Label
from tests.conftest import ROOT
from tests.store import rows
from tests.store.explore.test_query import varied

ROWS = 240


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    luck = random.Random(8)
    with Workspace.open(tmp_path_factory.mktemp("thresholds") / "w") as workspace:
        for run in ("r1", "r2"):
            workspace.create_run(rows.run(run))
        for idx in range(ROWS):
            run = luck.choice(("r1", "r2"))
            workspace.writer.put(varied(idx, run, luck))
            if luck.random() < 0.3:
                workspace.writer.put([Label(rows.question(idx, run).question_id, "near_duplicate", "x", "minhash")])
            workspace.writer.put([rows.decide(f"e{idx}", idx, luck.choice(("accept", "reject", "skip")), run)])
        workspace.writer.flush()
        yield workspace


@pytest.fixture(scope="module", params=["made", "nano"])
def source(request: pytest.FixtureRequest) -> Source:
    if request.param == "made":
        made: Workspace = request.getfixturevalue("filled")
        return made
    folder = ROOT / "assets" / "demo"
    if not (folder / "runs.parquet").is_file():
        pytest.skip("assets/demo holds no rows: run `make demo`")
    return Demo(folder)


@pytest.fixture(scope="module")
def frame(source: Source) -> Frame:
    return Frames().of(source)


def ask(source: Source, what: str, asked: Filter, view: View = "items") -> list[tuple[Any, ...]]:
    condition, values = asked.to_sql(view)
    with source.cursor() as cursor:
        return cursor.execute(f"SELECT {what} FROM {view} WHERE {condition}", values).fetchall()


def candidates(source: Source, frame: Frame, asked: Filter) -> query.Selection:
    return query.select(source, frame, thresholds.split(asked)[0])


BASES = [
    Filter(),
    Filter(stage="pair"),
    Filter(topic=("Algebra", "Number Theory"), difficulty=(0.2, 0.9), text="a"),
    Filter(status=("accepted",), reward=(-0.4, -0.05)),
    Filter(near_duplicates=(1, None), stage="language"),
    Filter(drop_stage=("language",)),
    Filter(pass_rate=(0.25, None)),
    Filter(pass_rate=ModelRange("second", (None, 0.5))),
]


def random_thresholds(frame: Frame, count: int) -> list[Thresholds]:
    """At ends, at values that rows have, and between them."""
    luck = random.Random(3)

    def some(name: str) -> float | None:
        column = frame.numbers[name]
        return luck.choice([None, round(luck.uniform(-1, 1), 2), float(luck.choice(column[column == column].tolist()))])

    found = [Thresholds(), Thresholds(duplicates=False)]
    while len(found) < count:
        ends = [some("difficulty"), some("difficulty")]
        low, high = sorted(ends) if None not in ends else ends  # type: ignore[type-var]
        rates = luck.choice([(None, None), (0.25, None), (0.0, 0.5), (1 / 3, 1 / 3)]) if frame.rates else (None, None)
        found.append(Thresholds((low, high), some("reward"), some("agreement"), luck.random() < 0.5, rates))
    return found


@pytest.mark.parametrize("asked", BASES, ids=lambda asked: asked.to_json())
def test_what_is_kept_is_what_the_views_count_under_the_filter_that_is_kept(
    source: Source, frame: Frame, asked: Filter
) -> None:
    rest, _ = thresholds.split(asked)
    selection = candidates(source, frame, asked)
    before = thresholds.count_candidates(selection)
    everything = ask(source, "topic, response_tokens, difficulty, best_reward, agreement, near_duplicates", rest)
    assert before.count == len(everything)
    assert before.tokens == sum(row[1] or 0 for row in everything)
    assert {topic: n for topic, n in before.topics if n} == Counter(row[0] for row in everything)
    for place, name in enumerate(("difficulty", "reward", "agreement"), 2):
        _, counts, none = before.numbers[name]
        assert (sum(counts), none) == (
            sum(row[place] is not None for row in everything),
            sum(row[place] is None for row in everything),
        )
    assert before.duplicates == sum(row[5] > 0 for row in everything)
    for set_ in random_thresholds(frame, 30):
        kept = ThresholdedSelection(selection, set_).kept()
        try:
            joined = thresholds.join(rest, set_)
        except InputError:
            assert kept.count == 0
            continue
        found = ask(source, "question_id, topic, response_tokens", joined)
        assert kept.count == len(found), joined
        assert kept.tokens == sum(row[2] or 0 for row in found)
        topics = {topic: n for (topic, _), n in zip(before.topics, kept.topics, strict=True) if n}
        assert topics == Counter(row[1] for row in found)
        pairs = {key for (key,) in ask(source, "question_id", Filter(), "pairs")}
        assert kept.pairs == len(pairs & {row[0] for row in found})
        for edge in thresholds.edges(set_):
            if edge.value is not None:
                alone = ask(source, "1", thresholds.join(rest, _open(set_, edge.id)))
                assert kept.fails[edge.id][1] == len(alone) - kept.count, edge


def _open(set_: Thresholds, edge: str) -> Thresholds:
    (low, high), (least, most) = set_.difficulty, set_.pass_rate
    changed: dict[str, Any] = {
        "difficulty_from": {"difficulty": (None, high)},
        "difficulty_to": {"difficulty": (low, None)},
        "pass_rate_from": {"pass_rate": (None, most)},
        "pass_rate_to": {"pass_rate": (least, None)},
        "reward": {"reward": None},
        "agreement": {"agreement": None},
        "duplicates": {"duplicates": True},
    }[edge]
    return replace(set_, **changed)


@pytest.mark.parametrize("asked", [*BASES, Filter(near_duplicates=(None, 0), reward=(-0.5, None), agreement=(0.5, 1))])
def test_a_filter_is_its_candidates_and_its_thresholds(source: Source, asked: Filter) -> None:
    rest, own = thresholds.split(asked)
    assert thresholds.split(thresholds.join(rest, own)) == (rest, own)
    both = replace(asked, stage=rest.stage)
    assert sorted(ask(source, "question_id", thresholds.join(rest, own))) == sorted(ask(source, "question_id", both))


def test_candidates_have_a_chosen_solution(source: Source, frame: Frame) -> None:
    if isinstance(source, Demo):  # in the other one, rows are what no pipeline leaves
        with source.cursor() as cursor:
            chosen = cursor.execute("SELECT count(*) FROM items WHERE response_tokens IS NOT NULL").fetchall()[0][0]
        assert thresholds.count_candidates(candidates(source, frame, Filter())).count == chosen > 0


def test_the_rows_beside_a_threshold_are_the_nearest_that_pass_the_others(source: Source, frame: Frame) -> None:
    selection = candidates(source, frame, Filter())
    rest = thresholds.split(Filter())[0]
    columns = {"reward": "best_reward"}
    shown = 0
    for set_ in random_thresholds(frame, 40):
        if (
            set_.difficulty[0] is not None
            and set_.difficulty[1] is not None
            and set_.difficulty[0] > set_.difficulty[1]
        ):
            continue
        for border in ThresholdedSelection(selection, set_).borders():
            edge = border.edge
            column = columns.get(edge.name, edge.name)
            passing = ask(source, f"question_id, {column}", thresholds.join(rest, _open(set_, edge.id)))
            values = sorted(v for _, v in passing if v is not None and (edge.name != "near_duplicates" or v > 0))
            if edge.value is None:
                kept, dropped = (values[::-1] if edge.upper else values), []
            else:
                end = edge.value
                kept = sorted((v for v in values if (v <= end if edge.upper else v >= end)), key=lambda v: abs(v - end))
                dropped = sorted((v for v in values if v > end) if edge.upper else (v for v in values if v < end))
                dropped = dropped if edge.upper else dropped[::-1]
            of = dict(passing)
            assert [of[frame.key(at)] for at in border.kept] == pytest.approx(kept[: thresholds.NEAR]), border
            assert [of[frame.key(at)] for at in border.dropped] == pytest.approx(dropped[: thresholds.NEAR]), border
            shown += len(border.kept) + len(border.dropped)
    assert shown > 100


def _border(selection: query.Selection, set_: Thresholds, edge: str) -> Border:
    return next(border for border in ThresholdedSelection(selection, set_).borders() if border.edge.id == edge)


def test_the_accept_rate_is_of_the_decided_rows_nearest_to_the_threshold(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        workspace.create_run(rows.run())
        for idx in range(300):
            made = [r for r in rows.whole(idx) if not (isinstance(r, Label) and r.key == "agreement")]
            agreement = Label(rows.question(idx).question_id, "agreement", str(idx / 300), "pair")
            action = ("accept" if idx >= 150 else "reject") if idx < 297 else "skip"
            workspace.writer.put([*made, agreement, rows.decide(f"e{idx}", idx, action)])
        workspace.writer.flush()
        frame = Frames().of(workspace)
        selection = candidates(workspace, frame, Filter())
        middle = _border(selection, Thresholds(agreement=0.4999), "agreement").decided
        assert middle == NearbyDecisions(15, 30, 0.05, 135 / 300, 164 / 300)
        high = _border(selection, Thresholds(agreement=1.0), "agreement").decided
        assert high == NearbyDecisions(12, 12, 0.05, 285 / 300, 296 / 300)
        # a filter on the status says which rows are looked at, not how reviewers decided
        accepted = candidates(workspace, frame, Filter(status=("accepted",)))
        assert _border(accepted, Thresholds(agreement=0.4999), "agreement").decided == middle
        assert _border(selection, Thresholds(), "agreement").decided is None
        nobody = candidates(workspace, frame, Filter(ids=("r1-00000299",)))
        nothing = _border(nobody, Thresholds(agreement=0.5), "agreement").decided
        assert nothing is not None
        assert (nothing.accepted, nothing.n) == (0, 0)


def test_of_many_decided_rows_the_nearest_hundred_are_counted(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        workspace.create_run(rows.run())
        for idx in range(400):  # all 0.4 in difficulty, the newest are accepted
            workspace.writer.put([*rows.whole(idx), rows.decide(f"e{idx}", idx, "accept" if idx >= 330 else "reject")])
        workspace.writer.flush()
        frame = Frames().of(workspace)
        cut = _border(candidates(workspace, frame, Filter()), Thresholds((0.41, None)), "difficulty_from")
        assert cut.decided == NearbyDecisions(70, thresholds.DECIDED, 0.05, 0.4, 0.4)


def test_equals_are_shown_newest_first(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        workspace.create_run(rows.run())
        workspace.writer.put(row for idx in range(20) for row in rows.whole(idx))
        workspace.writer.flush()
        frame = Frames().of(workspace)
        border = _border(candidates(workspace, frame, Filter()), Thresholds(difficulty=(0.4, None)), "difficulty_from")
        assert [frame.key(at) for at in border.kept] == [f"r1-{idx:08d}" for idx in (19, 18, 17, 16, 15)]


def test_nothing_to_ask_about_is_nothing_kept(workspace: Workspace) -> None:
    frame = Frames().of(workspace)
    selection = candidates(workspace, frame, Filter())
    assert thresholds.count_candidates(selection).count == thresholds.count_candidates(selection).tokens == 0
    cut = ThresholdedSelection(selection, Thresholds((0.1, 0.9), 0.0, 0.5, False))
    assert (cut.kept().count, cut.kept().tokens) == (0, 0)
    assert not any(border.kept or border.dropped for border in cut.borders())
    assert not any(border.decided.n for border in cut.borders() if border.decided is not None)
