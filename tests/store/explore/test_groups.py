"""Groups of questions count and average as SQL does."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from store.database.workspace import Workspace
from store.explore import query
from store.explore.groups import GROUPS, MEANS, groups
from store.filters.filter import Filter
from store.frame.cache import Frames
from tests.store import rows
from tests.store.explore.test_query import LEVEL, varied

COLUMNS = {"run": "run_id", "level": LEVEL, "reward": "best_reward"}


@pytest.mark.parametrize("asked", [Filter(), Filter(run=("r1",), difficulty=(0.2, None)), Filter(topic=("Algebra",))])
def test_counts_means_and_intervals_are_those_of_sql(tmp_path: Path, asked: Filter) -> None:
    luck = random.Random(8)
    with Workspace.open(tmp_path / "w") as workspace:
        for run in ("r1", "r2"):
            workspace.create_run(rows.run(run))
        for idx in range(80):
            workspace.writer.put(varied(idx, luck.choice(("r1", "r2")), luck))
        workspace.writer.flush()
        selection = query.select(workspace, Frames().of(workspace, now=True), asked)
        for by in GROUPS:
            made = {group.value: group for group in groups(selection, by)}
            condition, values = asked.without(by).to_sql()
            means = ", ".join(f"count({c}), avg({c}), stddev_samp({c})" for c in (COLUMNS.get(n, n) for n in MEANS))
            with workspace.cursor() as cursor:
                sql = f"SELECT {COLUMNS.get(by, by)} AS g, count(*), {means} FROM items WHERE {condition} GROUP BY g"
                told = cursor.execute(sql, values).fetchall()
            assert {value for value, *_ in told} == set(made)
            total = sum(count for _, count, *_ in told)
            assert [group.count for group in made.values()] == sorted((row[1] for row in told), reverse=True)
            for value, count, *rest in told:
                group = made[value]
                assert (group.count, group.share) == (count, pytest.approx(count / total))
                for name, (n, mean, deviation) in zip(MEANS, zip(*[iter(rest)] * 3, strict=True), strict=True):
                    found = group.means[name]
                    if not n:
                        assert found is None
                        continue
                    assert found is not None
                    assert (found.n, found.value) == (n, pytest.approx(mean))
                    if n == 1:
                        assert (found.low, found.high) == (None, None)
                        continue
                    assert found.low is not None
                    assert found.high is not None
                    half = 1.96 * deviation / n**0.5
                    ends = (mean - half, mean + half)
                    if name != "reward":
                        ends = (max(ends[0], 0), min(ends[1], 1))
                    assert (found.low, found.high) == (pytest.approx(ends[0]), pytest.approx(ends[1]))
