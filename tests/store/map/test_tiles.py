"""What is drawn: tiles and points are what a count by hand gives; and the neighbours of a question."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import pytest

from engine.embedding import job
from engine.job_registry import JobRegistry
from store.database.workspace import Workspace
from store.errors import InputError
from store.explore import query
from store.filters.filter import Filter
from store.frame.cache import Frames
from store.frame.frame import Frame
from store.map import files, neighbours, tiles
from store.map.files import Map
from store.map.tiles import GRID, SinglePoints, Tiles
from store.records import question_id
from tests.engine.checks.stored import imported
from tests.engine.embedding.conftest import MANY, PARAPHRASE, texts
from ui.tabs.explore.map import MapRequest, look
from ui.web.requests import parse


@pytest.fixture
def drawn(workspace: Workspace) -> tuple[Frame, Map]:
    made = files.current_map(workspace)
    assert made is not None
    return Frames().of(workspace), made


def test_few_points_are_given_one_by_one(workspace: Workspace, drawn: tuple[Frame, Map]) -> None:
    frame, made = drawn
    chosen = query.select(workspace, frame, Filter(words="how"))
    found = tiles.points_in_view(frame, tiles.map_points(frame, made), chosen.rows, (0, 0, 100, 100), "density")
    assert isinstance(found, SinglePoints)
    assert set(found.positions.tolist()) == set(np.flatnonzero(chosen.rows).tolist())
    place = {int(key): tuple(xy) for key, xy in zip(made.keys, made.places.tolist(), strict=True)}
    for at, x, y in zip(found.positions, found.x, found.y, strict=True):
        assert (float(x), float(y)) == place[int(frame.q[at])]


def test_a_view_holds_the_points_in_it_and_no_others(workspace: Workspace, drawn: tuple[Frame, Map]) -> None:
    frame, made = drawn
    points, every = tiles.map_points(frame, made), np.ones(frame.size, bool)
    luck = random.Random(1)
    for _ in range(50):
        span = luck.uniform(0.02, 100)
        left, low = luck.uniform(0, 100 - span), luck.uniform(0, 100 - span)
        found = tiles.points_in_view(frame, points, every, (left, low, left + span, low + span), "density")
        assert isinstance(found, SinglePoints)
        x, y = made.places[:, 0], made.places[:, 1]
        within = (x >= left) & (x < left + span) & (y >= low) & (y < low + span)
        assert abs(len(found.positions) - int(within.sum())) <= 1  # a point on the edge may be on either side


def test_tiles_count_every_point_of_the_selection(
    workspace: Workspace, drawn: tuple[Frame, Map], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiles, "FEW", 10)
    frame, made = drawn
    points = tiles.map_points(frame, made)
    chosen = query.select(workspace, frame, Filter(words="how"))
    for colour in ("density", "topic", "difficulty"):
        found = tiles.points_in_view(frame, points, chosen.rows, (0, 0, 100, 100), colour)
        assert isinstance(found, Tiles)
        cells = np.minimum((made.places * np.float32(GRID / 100)).astype(int), GRID - 1)
        there = chosen.rows[np.searchsorted(frame.q, made.keys)]
        counts = np.zeros((GRID, GRID), int)
        np.add.at(counts, (cells[there, 1], cells[there, 0]), 1)
        assert np.array_equal(found.counts, counts)
        assert found.total == chosen.rows.sum()
        if found.values is not None and colour == "topic":
            assert ((found.values >= 0) == (counts > 0)).all()


def test_a_paraphrase_is_the_nearest_neighbour(workspace: Workspace, drawn: tuple[Frame, Map]) -> None:
    frame, made = drawn
    found = neighbours.nearest(workspace, frame, made, question_id("i1", MANY - 2))
    assert found is not None
    assert len(found) == neighbours.LIMIT
    assert texts()[int(frame.idx[found[0].position])] == PARAPHRASE
    likeness = [one.similarity for one in found]
    assert likeness == sorted(likeness, reverse=True)
    assert 0.5 < likeness[0] <= 1.01


def test_neighbours_are_what_a_plain_product_finds(workspace: Workspace, drawn: tuple[Frame, Map]) -> None:
    frame, made = drawn
    vectors = made.vectors.astype(float) / files.SCALE
    for idx in range(0, MANY, 37):
        found = neighbours.nearest(workspace, frame, made, question_id("i1", idx))
        assert found is not None
        plain = vectors @ vectors[idx]
        plain[idx] = -9
        assert np.allclose([one.similarity for one in found], np.sort(plain)[::-1][: len(found)], atol=1e-5)


def test_a_deleted_run_is_nobodys_neighbour_and_a_new_question_has_none_yet(workspace: Workspace) -> None:
    imported(workspace, texts(), run_id="i2")
    job.run(workspace)
    workspace.delete_run("i1")
    imported(workspace, texts(20, seed=4), run_id="i3")
    made = files.current_map(workspace)
    assert made is not None
    frame = Frames().of(workspace)
    found = neighbours.nearest(workspace, frame, made, question_id("i2", 5))
    assert found is not None
    assert {frame.key(one.position).partition("-")[0] for one in found} == {"i2"}
    assert neighbours.nearest(workspace, frame, made, question_id("i3", 5)) is None
    with pytest.raises(InputError, match="not in this workspace"):
        neighbours.nearest(workspace, frame, made, "nonsense")


@pytest.mark.parametrize(
    "asked",
    [
        {"view": "all"},
        {"view": [1, 2, 3]},
        {"view": [float("nan"), "x", None, 10**400]},
        {"view": [90, 90, 10, 10]},
        {"view": [-1e9, -1e9, 1e9, 1e9]},
        {"colour": ["density"]},
        {"colour": "run"},
        {"filter": "{"},
        {"filter": {"area": {"map": "0123456789ab", "points": [[0, 0], [1, 0], [1, 1]]}}},
        {"filter": ["x"] * 10},
    ],
)
def test_what_a_browser_may_send_is_answered(workspace: Workspace, asked: dict[str, Any]) -> None:
    reply = look(workspace, Frames(), JobRegistry(workspace), parse(MapRequest, asked))
    reply = json.loads(json.dumps(reply, allow_nan=False))
    assert reply["colour"] == "density"
    left, low, right, high = reply["view"]
    assert 0 <= left < right <= 100
    assert 0 <= low < high <= 100
    assert ("left out" in (reply["refused"] or "")) == ("filter" in asked)
