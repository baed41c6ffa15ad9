"""Two generators on equal terms: figures of known rows, known intervals, and which generators there are."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest

from engine import compare
from engine.config.profiles import load_profile
from engine.training.curriculum import KINDS, sample
from store.database.workspace import Workspace
from store.errors import InputError
from store.records import Record
from store.statistics import effective_number
from tests.store import rows


def test_figures_of_known_rows(tmp_path: Path) -> None:
    written: list[Record] = []
    for idx, topic in enumerate(["Algebra", "Algebra", "Geometry", "Geometry"]):  # four pairs of two topics
        written += [rows.question(idx), *rows.verdicts(idx), *rows.solutions(idx), *rows.labels(idx, topic=topic)]
    for idx in (4, 5, 6):  # three that the judge dropped, one that the judge kept and the solver could not answer
        written += [rows.question(idx), *rows.verdicts(idx, drop="solvability", reason="not_solvable")]
    written += [rows.question(7), *rows.verdicts(7, drop="solution", reason="no_answer")]
    written += [rows.question(8), *rows.verdicts(8, until="difficulty")]  # undecided: counts for nothing but its tokens
    with Workspace.open(tmp_path / "w") as workspace:
        workspace.create_run(rows.run())
        workspace.writer.put(written)
        workspace.writer.flush()
        found = compare.generator_stats(workspace, "r1")
        with pytest.raises(InputError):
            compare.generator_stats(workspace, "no-such-run")
    assert (found.questions, found.pairs) == (8, 4)
    assert (found.valid.value, found.valid.of) == (5 / 8, 8)
    assert (found.kept.value, found.kept.of) == (4 / 8, 8)
    assert found.difficulty is not None
    assert found.difficulty.value == pytest.approx(0.4)
    assert found.difficulty.low == pytest.approx(0.4)  # all five are equal
    assert found.difficulty.of == 5
    assert found.topics == pytest.approx(2.0)
    assert found.tokens_per_pair == (9 * 9 + 4 * (12 + 13)) / 4


def test_kinds_are_those_of_the_nano_curriculum_alone(tmp_path: Path) -> None:
    ours = [sample(random.Random(seed), kinds=[kind]) for seed, kind in enumerate(list(KINDS)[:3])]
    texts = [problem.question for problem in ours] + ["Who ate all of the pie?"]
    written: list[Record] = []
    for idx, text in enumerate(texts):
        whole = rows.whole(idx)
        whole[0] = rows.question(idx, text=text)
        written += whole
    with Workspace.open(tmp_path / "w") as workspace:
        workspace.create_run(rows.run())
        workspace.writer.put(written)
        workspace.writer.flush()
        found = compare.generator_stats(workspace, "r1")
    assert found.read == 3
    assert found.kinds == pytest.approx(3.0)


def test_a_run_without_rows_claims_nothing(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        workspace.create_run(rows.run())
        found = compare.generator_stats(workspace, "r1")
    assert (found.questions, found.pairs, found.read) == (0, 0, 0)
    assert (found.valid.low, found.valid.high) == (0.0, 1.0)
    assert found.difficulty is found.topics is found.kinds is found.tokens_per_pair is None


def test_wilsons_interval() -> None:
    found = compare.share(8, 10)
    assert (round(found.low, 3), round(found.high, 3)) == (0.490, 0.943)
    assert compare.share(0, 10).low == 0.0
    assert compare.share(10, 10).high == 1.0


def test_a_means_interval_and_that_of_a_difference() -> None:
    first, second = compare.mean([0.0, 1.0, 0.0, 1.0]), compare.mean([0.5, 0.5])
    assert first is not None
    assert second is not None
    assert first.value == 0.5
    assert first.high - first.value == pytest.approx(1.96 * math.sqrt(1 / 3 / 4))
    assert compare.mean([0.3]) is None
    gap = compare.difference(first, second)
    assert gap.value == 0.0
    assert gap.low == pytest.approx(-(first.high - first.value))
    # Newcombe (1998), table II: 56/70 against 48/80 gives 0.2 (0.0524 to 0.3339)
    known = compare.difference(compare.share(48, 80), compare.share(56, 70))
    assert (round(known.low, 4), round(known.high, 4)) == (0.0524, 0.3339)


def test_the_effective_number_is_that_of_equally_frequent_ones() -> None:
    assert effective_number([5, 5, 5, 0]) == pytest.approx(3.0)
    assert effective_number([9]) == 1.0
    assert effective_number([]) is None


def test_the_bundled_generators_can_be_compared_with_what_they_were_before_qpo(nano: Path) -> None:
    profile = load_profile("nano")
    found = compare.comparable_generators(profile)
    assert list(found) == ["qgen-a", "qgen-a-qft", "qgen-b", "qgen-b-qft"]
    before = found["qgen-a-qft"]
    assert before.path == nano / "qgen-a-qft"
    first, second = (compare.run_config_for(profile, found[name], 20, 3) for name in ("qgen-a-qft", "qgen-a"))
    assert (first.questions, first.seed) == (second.questions, second.seed) == (20, 3)
    assert [g.name for g in first.profile.generators] == ["qgen-a-qft"]
    assert list(compare.comparable_generators(load_profile("paper"))) == [
        g.name for g in load_profile("paper").generators
    ]
