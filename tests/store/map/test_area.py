"""The filter's area: the same questions in SQL, in a frame and by hand; hostile values are one sentence."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import pytest

from engine.embedding import job
from store.database.workspace import Workspace
from store.errors import InputError
from store.explore import query
from store.filters.filter import Filter
from store.filters.map_area import Area
from store.frame.cache import Frames
from store.map import files, tiles
from tests.engine.checks.stored import imported
from tests.engine.embedding.conftest import MANY, texts

VERSION = "0123456789ab"
SQUARE = [[20, 20], [70, 20], [70, 70], [20, 70]]


def by_sql(workspace: Workspace, asked: Filter, view: str) -> set[str]:
    condition, values = asked.to_sql(view, files.keys_in_area(workspace, asked))  # type: ignore[arg-type]
    with workspace.cursor() as cursor:
        return {
            key for (key,) in cursor.execute(f"SELECT question_id FROM {view} WHERE {condition}", values).fetchall()
        }


def by_frame(workspace: Workspace, asked: Filter) -> set[str]:
    frame = Frames().of(workspace)
    return {frame.key(int(at)) for at in np.flatnonzero(query.select(workspace, frame, asked).rows)}


def drawn(workspace: Workspace, points: Any) -> Filter:
    made = files.current_map(workspace)
    assert made is not None
    return Filter.from_json(json.dumps({"area": {"map": made.meta.version, "points": points}}))


def test_a_square_holds_the_points_in_it(workspace: Workspace) -> None:
    made = files.current_map(workspace)
    assert made is not None
    within = ((made.places > 20) & (made.places < 70)).all(axis=1)
    found = by_frame(workspace, drawn(workspace, SQUARE))
    assert 0 < len(found) == int(within.sum()) < MANY


def test_sql_and_the_frame_find_the_same_for_any_polygon(workspace: Workspace) -> None:
    luck = random.Random(5)
    for corners in (3, 4, 7, 30, 100):
        points = [[luck.uniform(-10, 110), luck.uniform(-10, 110)] for _ in range(corners)]  # its lines cross
        asked = drawn(workspace, points)
        found = by_frame(workspace, asked)
        assert found == by_sql(workspace, asked, "items")
        assert by_sql(workspace, asked, "pairs") == found  # every one of them is a pair here
        both = Filter.from_json({**asked.to_dict(), "words": "how"})
        assert by_frame(workspace, both) == by_sql(workspace, both, "items")


def test_the_filter_reads_what_it_writes_rounded_to_three_decimals(workspace: Workspace) -> None:
    asked = drawn(workspace, [[1.00049, -0.0], [50, 1e2], [3.14159, 99.9999]])
    assert asked.to_dict()["area"]["points"] == [[1.0, 0.0], [50.0, 100.0], [3.142, 100.0]]
    assert Filter.from_json(asked.to_json()) == asked


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ([], "not an area"),
        ("x" * 100_000, "not an area"),
        ({"map": VERSION}, "not an area"),
        ({"map": VERSION, "points": SQUARE, "more": 1}, "not an area"),
        ({"map": "'; DROP TABLE runs; --", "points": SQUARE}, "not the version"),
        ({"map": ["../.."], "points": SQUARE}, "not the version"),
        ({"map": VERSION, "points": SQUARE[:2]}, "not the corners"),
        ({"map": VERSION, "points": [[1, 1]] * 101}, "not the corners"),
        ({"map": VERSION, "points": {"0": [1, 1]}}, "not the corners"),
        ({"map": VERSION, "points": [[1, 1], [2, 2], [3]]}, "not a pair"),
        ({"map": VERSION, "points": [[1, 1], [2, 2], ["3", 3]]}, "not a place"),
        ({"map": VERSION, "points": [[1, 1], [2, 2], [True, 3]]}, "not a place"),
        ({"map": VERSION, "points": [[1, 1], [2, 2], [float("nan"), 3]]}, "not a place"),
        ({"map": VERSION, "points": [[1, 1], [2, 2], [1e300, 3]]}, "not a place"),
        ({"map": VERSION, "points": [[1, 1], [2, 2], [10**400, 3]]}, "not a place"),
    ],
)
def test_what_is_no_area_is_one_sentence(value: Any, says: str) -> None:
    with pytest.raises(InputError, match=says) as refused:
        Filter.from_json({"area": value})
    assert str(refused.value).startswith("filter.area")
    assert len(str(refused.value)) < 300


def test_an_area_of_another_map_or_of_none_is_one_sentence(workspace: Workspace) -> None:
    asked = Filter.from_json({"area": {"map": VERSION, "points": SQUARE}})
    for ask in (lambda: by_frame(workspace, asked), lambda: by_sql(workspace, asked, "items")):
        with pytest.raises(InputError, match="another map"):
            ask()
    (files.map_folder(workspace.path) / "meta.json").unlink()
    with pytest.raises(InputError, match="does not exist"):
        by_frame(workspace, asked)
    with pytest.raises(InputError, match="cannot be used here"):
        asked.to_sql()


def test_a_deleted_run_is_gone_from_the_map_at_once_and_new_questions_are_not_in_any_area(
    workspace: Workspace,
) -> None:
    imported(workspace, texts(40, seed=9), run_id="i2")
    asked = drawn(workspace, [[-1, -1], [101, -1], [101, 101], [-1, 101]])
    assert len(by_frame(workspace, asked)) == MANY
    job.run(workspace)
    assert len(by_frame(workspace, asked)) == MANY + 40 == len(by_sql(workspace, asked, "items"))
    workspace.delete_run("i1")
    assert len(by_frame(workspace, asked)) == 40 == len(by_sql(workspace, asked, "items"))
    frame, made = Frames().of(workspace), files.current_map(workspace)
    assert made is not None
    assert len(tiles.map_points(frame, made).positions) == 40


def test_an_area_holds_what_a_ray_crosses_an_odd_number_of_times() -> None:
    star = Area(VERSION, ((0, 0), (10, 0), (0, 8), (5, -4), (10, 8)))
    places = np.array([[5, 3], [5, -3], [5, 20], [-1, 0], [5, 1]], np.float32)
    matched = [by_hand(star.points, *map(float, place)) for place in places]
    assert star.holds(places).tolist() == matched


def by_hand(points: tuple[tuple[float, float], ...], x: float, y: float) -> bool:
    crossings = 0
    for (x1, y1), (x2, y2) in zip(points, points[1:] + points[:1], strict=True):
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1):
            crossings += 1
    return crossings % 2 == 1
