"""The calibration of greedy confidence, and the rule that turns a fail rate into a number of samples."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.config.calibration import Calibration, parts, samples
from store.errors import InputError

NANO = Calibration.read("assets/nano/confidence.json")


def test_less_confident_solutions_get_higher_fail_rates() -> None:
    sure, unsure = NANO.fail_rate(-1e-5, -1e-4), NANO.fail_rate(-0.05, -0.7)
    assert 0.0 <= sure < 0.05 < 0.2 < unsure <= 1.0
    assert NANO.fail_rate(0.0, 0.0) < 0.05  # float32 rounds the surest to 0
    assert NANO.fail_rate(-1e-5, -1e-4, cut_off=True) == pytest.approx(NANO.cut_off)


def test_a_sample_more_is_taken_while_it_is_likely_to_be_the_first_right_one() -> None:
    assert [samples(rate, 0.05, 1, 8) for rate in (0.0, 0.04, 0.1, 0.5, 0.8, 0.97, 1.0)] == [1, 1, 2, 4, 7, 1, 1]
    assert samples(0.5, 0.05, 3, 4) == 4
    assert samples(0.0, 0.0, 1, 8) == 8


@pytest.mark.parametrize("budget", [1.0, 1.5, 2.5, 4.0, 8.0])
def test_a_budget_holds_for_the_questions_of_the_calibration(budget: float) -> None:
    gain = NANO.gain(budget, 1, 8)
    total = sum(tokens for _, tokens in NANO.questions)
    cost = sum(samples(rate, gain, 1, 8) * tokens for rate, tokens in NANO.questions) / total
    assert budget - 0.5 < cost <= budget + 1e-6


def test_parts_have_equal_sizes_and_rise() -> None:
    found = parts([0.9, 0.1, 0.5, 0.3], [4.0, 1.0, 3.0, 2.0], most=2)
    assert found == ((0.2, 1.5), (0.7, 3.5))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "does not exist; make one by `scalequest train confidence`"),
        ("{", "is not JSON"),
        ("[]", "is not an object"),
        ({"cut_off": 2.0}, "calibration.cut_off"),
        ({"questions": [[2.0, 5.0]]}, "calibration.questions"),
        ({"weight": 1.0}, "calibration.weight"),
    ],
)
def test_a_file_that_is_not_a_calibration_is_refused_in_a_sentence(
    tmp_path: Path, content: str | dict[str, object] | None, said: str
) -> None:
    path = tmp_path / "confidence.json"
    if content is not None:
        path.write_text(content if isinstance(content, str) else json.dumps({**NANO.to_json(), **content}))
    with pytest.raises(InputError, match="calibration") as raised:
        Calibration.read(str(path))
    assert said in str(raised.value)
