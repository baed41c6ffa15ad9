"""The filter: round trips, refusals, and the same answers as plain Python over the rows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.database.workspace import Workspace
from store.errors import InputError
from store.filters.filter import Filter, View
from tests.store import rows


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder: Path = tmp_path_factory.mktemp("filters")
    with Workspace.open(folder / "w") as workspace:
        put = workspace.writer.put
        for idx in range(6):
            topic = ("Algebra", "Geometry", "Number Theory")[idx % 3]
            run_id = "r1" if idx < 4 else "r2"
            put([rows.question(idx, run_id), *rows.verdicts(idx, run_id), *rows.labels(idx, run_id, topic=topic)])
            put(rows.solutions(idx, run_id, rewards=(-0.5, -0.1 * idx)))
        put([rows.question(6), *rows.verdicts(6, drop="duplicate", reason="near_duplicate")])
        put([rows.question(7, text="Is 7 PRIME? 100% sure_thing"), *rows.verdicts(7, until="contamination")])
        put([rows.rate(0, correct=8), rows.rate(1, correct=2), rows.rate(1, model="b", correct=6)])
        put([rows.decide("e0", 0, "accept"), rows.decide("e1", 1, "reject"), rows.decide("e2", 6, "skip")])
        put([rows.decide("e3", 0, "tag", tag="hard"), rows.decide("e4", 1, "tag", tag="odd")])
        workspace.writer.flush()
        yield workspace


def found(workspace: Workspace, asked: Filter, view: View = "items") -> list[int]:
    condition, values = asked.to_sql(view)
    with workspace.cursor() as cursor:
        query = f"SELECT CAST(right(question_id, 8) AS BIGINT) FROM {view} WHERE {condition} ORDER BY question_id"
        return sorted(idx for (idx,) in cursor.execute(query, values).fetchall())


@pytest.mark.parametrize(
    ("asked", "items", "pairs"),
    [
        ({}, [0, 1, 2, 3, 4, 5, 6, 7], [0, 1, 2, 3, 4, 5]),
        ({"run": ["r2"]}, [4, 5], [4, 5]),
        ({"topic": ["Algebra", "Geometry"]}, [0, 1, 3, 4], [0, 1, 3, 4]),
        ({"topic": [None]}, [6, 7], []),
        ({"topic": ["Algebra", None]}, [0, 3, 6, 7], [0, 3]),
        ({"topic": []}, [0, 1, 2, 3, 4, 5, 6, 7], [0, 1, 2, 3, 4, 5]),
        ({"difficulty": [0.4, 0.4]}, [0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5]),
        ({"difficulty": [0.41, None]}, [], []),
        ({"reward": [None, -0.3]}, [3, 4, 5], [3, 4, 5]),
        ({"reward": [-0.2, -0.1]}, [1, 2], [1, 2]),
        ({"status": ["accepted", "rejected"]}, [0, 1], [0, 1]),
        ({"status": ["skipped"]}, [6], []),
        ({"tags": ["hard", "other"]}, [0], [0]),
        ({"tags": [None, "odd"]}, [1, 2, 3, 4, 5, 6, 7], [1, 2, 3, 4, 5]),
        ({"drop_stage": ["duplicate"]}, [6], []),
        ({"drop_reason": ["near_duplicate"], "run": ["r1"]}, [6], []),
        ({"stage": "generated"}, [0, 1, 2, 3, 4, 5, 6, 7], [0, 1, 2, 3, 4, 5]),
        ({"stage": "language"}, [0, 1, 2, 3, 4, 5, 6, 7], [0, 1, 2, 3, 4, 5]),
        ({"stage": "contamination"}, [0, 1, 2, 3, 4, 5, 7], [0, 1, 2, 3, 4, 5]),
        ({"stage": "pair"}, [0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5]),
        ({"text": "prime"}, [7], []),
        ({"text": "%"}, [7], []),
        ({"text": "boxed{10}"}, [], [5]),
        ({"words": "7 prime -composite"}, [7], []),
        ({"words": '"is 7"'}, [7], []),
        ({"words": "boxed"}, [], []),
        ({"regex": "PRIME\\?"}, [7], []),
        ({"regex": "^What"}, [0, 1, 2, 3, 4, 5, 6], [0, 1, 2, 3, 4, 5]),
        ({"solvable": True}, [0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5]),
        ({"contaminated": False, "n_solutions": [0, 0]}, [7], []),
        ({"response_tokens": [13, 13], "query_chars": [14, 14]}, [0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5]),
        ({"edited": True}, [], []),
        ({"pass_rate": [0.25, 0.75]}, [1], [1]),
        ({"pass_rate": {"model": "b", "range": [0.75, 1]}}, [1], [1]),
        ({"pass_rate": {"model": "a model", "range": [None, 0.9]}, "topic": ["Geometry"]}, [1], [1]),
        ({"pass_rate": {"model": "b"}, "run": ["r2"]}, [4, 5], [4, 5]),
        ({"pass_rate": {"model": "nobody", "range": [0, 1]}}, [], []),
        ({"ids": ["r1-00000002", "r2-00000004", "x"]}, [2, 4], [2, 4]),
        ({"agreement": [1, 1], "topic": ["Geometry"], "run": ["r1"]}, [1], [1]),
    ],
)
def test_a_filter_finds_what_it_says(
    filled: Workspace, asked: dict[str, Any], items: list[int], pairs: list[int]
) -> None:
    condition = Filter.from_json(asked)
    assert found(filled, condition, "items") == items
    assert found(filled, condition, "pairs") == pairs


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ("{", "filter"),
        ("[]", "filter"),
        ("[" * 100_000, "filter"),
        ({"topics": ["Algebra"]}, "topics"),
        ({"topic": "Algebra"}, "filter.topic"),
        ({"topic": [1]}, "filter.topic"),
        ({"difficulty": [0.1]}, "filter.difficulty"),
        ({"difficulty": [True, 1]}, "filter.difficulty"),
        ({"difficulty": [0.8, 0.3]}, "filter.difficulty"),
        ({"difficulty": [float("nan"), 1]}, "filter.difficulty"),
        ({"reward": {"gte": 1}}, "filter.reward"),
        ({"status": ["fine"]}, "filter.status"),
        ({"pass_rate": {"range": [0, 1]}}, "filter.pass_rate"),
        ({"pass_rate": {"model": "m", "from": 0}}, "filter.pass_rate"),
        ({"pass_rate": {"model": "m", "range": [1, 0]}}, "filter.pass_rate"),
        ({"stage": "sieve"}, "filter.stage"),
        ({"stage": ["pair"]}, "filter.stage"),
        ({"text": 1}, "filter.text"),
        ({"words": "+ $"}, "filter.words"),
        ({"regex": "(ab"}, "filter.regex"),
        ({"solvable": 1}, "filter.solvable"),
    ],
)
def test_a_wrong_filter_is_one_sentence_that_names_the_field(asked: Any, field: str) -> None:
    with pytest.raises(InputError) as caught:
        Filter.from_json(asked)
    assert field in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_documented_example_reads_and_writes_as_it_is() -> None:
    example = {
        "run": ["r1"],
        "topic": ["Algebra"],
        "difficulty": [0.3, 0.8],
        "reward": [0.5, None],
        "status": ["accepted"],
        "stage": "pair",
        "text": "prime",
        "words": '"prime number" -odd',
        "regex": "\\d+",
        "pass_rate": {"model": "m", "range": [0.1, 0.9]},
    }
    assert json.loads(Filter.from_json(json.dumps(example)).to_json()) == example
    assert Filter().to_json() == "{}"


ENDS = st.none() | st.floats(-1e6, 1e6).map(lambda x: x + 0.0)
VALUES = st.lists(st.none() | st.text(max_size=8), max_size=3)
RANGES = st.tuples(ENDS, ENDS).map(
    lambda pair: list(pair) if None in pair else sorted(e for e in pair if e is not None)
)
FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "run": VALUES,
        "topic": VALUES,
        "tags": VALUES,
        "ids": VALUES,
        "drop_reason": VALUES,
        "status": st.lists(st.sampled_from(("accepted", "skipped")), max_size=2),
        "difficulty": RANGES,
        "reward": RANGES,
        "query_chars": RANGES,
        "solvable": st.none() | st.booleans(),
        "stage": st.none() | st.sampled_from(("generated", "solution", "pair")),
        "text": st.none() | st.text(max_size=8),
        "words": st.none() | st.text(max_size=8).map(lambda text: f"7 {text}"),
        "regex": st.none() | st.text(max_size=8).map(re.escape),
    },
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(FILTERS)
def test_any_filter_survives_json_and_runs_on_both_views(filled: Workspace, asked: dict[str, Any]) -> None:
    condition = Filter.from_json(asked)
    assert Filter.from_json(condition.to_json()) == condition
    assert Filter.from_json(condition.to_json()).to_json() == condition.to_json()
    assert set(found(filled, condition, "pairs")) <= set(range(8))
    assert set(found(filled, condition, "items")) <= set(range(8))
