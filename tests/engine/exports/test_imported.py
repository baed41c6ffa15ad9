"""What imports bring leaves again: gold answers, rates, reasoning, further columns, all samples, preferences."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from engine.exports import job, verify
from engine.exports.plan import Plan
from engine.text.reasoning import join_reasoning, split_reasoning
from store.database.workspace import Workspace
from store.errors import InputError
from store.export.formats import OLD_PAIR, PAIR, SAMPLE
from store.filters.filter import Filter
from store.records import Label, Question, Record, Reward, Solution, question_id
from tests.engine.exports.conftest import Make
from tests.engine.exports.test_formats import lines
from tests.store import rows

HOSTILE = 'a\u2028b "quoted" \\ </think> {"x": 1}\n<think>\t\u0007 \u00e9'
EXTRA = {"id": "a-1", "source": "aops", "license": "MIT", "system": "You're terse.", "big": 12345678901234567890}
THOUGHTS = {(0, 1): "First, add.\nThen stop.", (2, 1): HOSTILE, (2, 0): "Hm.", (3, 0): ""}


def question(idx: int) -> list[Record]:
    """Samples 0 and 1, of which 1 is chosen and right; some with reasoning. Question 1 has a third, cut-off sample."""
    made: list[Record] = []
    for one in rows.whole(idx):
        if isinstance(one, Question) and idx != 4:
            one = replace(one, reference_answer=str(2 * idx), extra=EXTRA if idx == 0 else {})
        elif isinstance(one, Solution):
            thought = THOUGHTS.get((idx, one.sample))
            state = "same" if one.sample == 1 else "undecided"
            one = replace(one, reasoning=thought, reasoning_tokens=None if thought is None else 4, correct=state)
        made.append(one)
    key = question_id("r1", idx)
    if idx == 1:
        cut = Solution(f"{key}-2", key, 2, "It is", None, "solver", 2, 9, 0.1, "length", correct=None)
        made += [cut, Reward(cut.solution_id, "reward", -3.0)]
    if idx == 2:
        made.append(Label(key, "rejected", "0", "import"))
    return [*made, Label(key, "level", f"Level {idx}", "import"), Label(key, "checkability", "open", "rule")]


def fill(opened: Workspace) -> None:
    opened.create_run(rows.run(status="done"))
    for idx in range(5):
        opened.writer.put(question(idx))
    opened.writer.put([rows.rate(0, correct=2), rows.rate(0, model="B/b", correct=8), rows.rate(1, correct=0)])
    opened.writer.flush()


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with Workspace.open(tmp_path_factory.mktemp("imported") / "w") as opened:
        fill(opened)
        yield opened


def first(make: Make, form: str, **options: Any) -> list[dict[str, Any]]:
    return lines(make(form, **options) / "train.jsonl")


def test_a_full_export_has_the_old_columns_first_and_all_that_was_imported(make: Make) -> None:
    found = first(make, "jsonl", full=True)
    assert [tuple(row) for row in found] == [PAIR] * 5
    assert PAIR[: len(OLD_PAIR)] == OLD_PAIR
    row = found[0]
    assert (row["level"], row["reference_answer"], row["correct"]) == ("Level 0", "0", "same")
    assert json.loads(row["rates"]) == {"B/b": 1.0, "a model": 0.25}
    assert row["pass_rate"] == 0.25
    named = lines(make("jsonl", {"pass_rate": {"model": "B/b"}}, full=True) / "train.jsonl")
    assert [one["pass_rate"] for one in named] == [1.0, *[None] * 4]
    assert json.loads(row["extra"]) == EXTRA
    assert (row["reasoning"], row["reasoning_tokens"]) == (THOUGHTS[0, 1], 4)
    assert (row["checkability"], row["finish_reason"]) == ("open", "stop")
    assert (found[1]["extra"], found[2]["rates"], found[3]["reasoning"]) == (None, None, None)
    assert pq.read_table(make("parquet", full=True) / "train.parquet").to_pylist() == found
    assert pq.read_table(make("hf") / "data" / "train-00000-of-00001.parquet").to_pylist() == found


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("jsonl", lambda row: row["response"]),
        ("messages", lambda row: row["messages"][1]["content"]),
        ("sharegpt", lambda row: row["conversations"][1]["value"]),
        ("alpaca", lambda row: row["output"]),
        ("prompt_completion", lambda row: row["completion"]),
        ("dpo", lambda row: row["chosen"]),
    ],
)
def test_reasoning_stands_before_the_response_unless_it_is_left_out(make: Make, form: str, text: Any) -> None:
    found = [text(row) for row in first(make, form, same_answers=form == "dpo")]
    plain = [f"Sample 1: \\boxed{{{2 * idx}}}" for idx in range(5)]
    assert found == [join_reasoning(THOUGHTS.get((idx, 1)), answer) for idx, answer in enumerate(plain)]
    assert split_reasoning(found[2]) == (HOSTILE.strip(), plain[2])
    without = [text(row) for row in first(make, form, same_answers=form == "dpo", reasoning="none")]
    assert without == plain


def test_reasoning_as_a_field_is_beside_the_content_only_where_there_is_some(make: Make) -> None:
    found = first(make, "messages", reasoning="field")
    assert found[0]["messages"][1] == {
        "role": "assistant",
        "reasoning_content": THOUGHTS[0, 1],
        "content": "Sample 1: \\boxed{0}",
    }
    assert found[1] == first(make, "messages")[1]
    brief = first(make, "jsonl", reasoning="field")
    assert [row["reasoning"] for row in brief] == [THOUGHTS.get((idx, 1)) for idx in range(5)]
    whole = first(make, "jsonl", full=True, reasoning="inline")
    assert "reasoning" not in whole[0]
    assert whole[0]["response"].startswith("<think>\nFirst, add.")


def test_rows_without_reasoning_are_the_same_bytes_wherever_it_would_go(workspace: Workspace, make: Make) -> None:
    asked = {"ids": ["r1-00000001", "r1-00000004"]}
    for form in ("messages", "sharegpt", "jsonl"):
        places = ("inline", "none", "field") if form == "messages" else ("inline", "none")
        assert len({(make(form, asked, reasoning=one) / "train.jsonl").read_bytes() for one in places}) == 1


def test_all_samples_are_one_row_each_with_their_own_values(make: Make) -> None:
    found = first(make, "jsonl", full=True, all_samples=True)
    assert [tuple(row) for row in found] == [(*PAIR, *SAMPLE)] * 11
    places = [(int(row["question_id"][-8:]), row["sample"]) for row in found]
    assert places == sorted(places)
    assert [row["chosen"] for row in found] == [row["sample"] == 1 for row in found]
    cut = found[places.index((1, 2))]
    assert (cut["response"], cut["finish_reason"], cut["reward"], cut["correct"]) == ("It is", "length", -3.0, None)
    assert found[places.index((2, 0))]["reasoning"] == "Hm."
    assert found[places.index((2, 0))]["correct"] == "undecided"


def test_a_text_format_of_all_samples_leaves_out_those_that_were_cut_off(make: Make) -> None:
    found = first(make, "prompt_completion", all_samples=True)
    assert len(found) == 10
    assert "It is" not in [row["completion"] for row in found]


def test_samples_of_a_question_land_on_one_side_of_a_split(workspace: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "out"
    job.start(workspace, Plan("jsonl", Filter(), True, 0.5, all_samples=True), out)
    sides = [{row["question_id"] for row in lines(out / f"{split}.jsonl")} for split in ("train", "validation")]
    assert not sides[0] & sides[1]
    assert sum(len(lines(out / f"{split}.jsonl")) for split in ("train", "validation")) == 11
    assert verify.start(workspace, out).message is None
    (out / "manifest.json").write_text((out / "manifest.json").read_text().replace('"all_samples": true', '"x": 1'))
    with pytest.raises(InputError, match="is not an option"):
        verify.start(workspace, out)


def test_a_preference_that_was_imported_names_the_rejected_response(make: Make) -> None:
    found = {row["prompt"]: row for row in first(make, "dpo")}
    assert list(found) == ["What is 1 + 1?", "What is 2 + 2?"]  # other questions' samples state the same answer
    assert found["What is 2 + 2?"]["rejected"] == "<think>\nHm.\n</think>\n\nSample 0: \\boxed{4}"
    assert found["What is 1 + 1?"]["rejected"] == "It is"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"format": "alpaca", "reasoning": "field"}, "alpaca, whose rows have no field for it"),
        ({"format": "jsonl", "reasoning": "outside"}, "choose from inline, field, none"),
        ({"format": "rejected", "reasoning": "none"}, "does not apply to rejected"),
        ({"format": "dpo", "all_samples": True}, "has no row for each sample"),
    ],
)
def test_options_that_do_not_fit_the_format_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Plan(**options)


def test_an_export_of_an_older_version_is_told_from_changed_rows(workspace: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "out"
    job.start(workspace, Plan("jsonl", full=True), out)
    manifest = json.loads((out / "manifest.json").read_text())
    del manifest["columns"]
    manifest["files"]["train.jsonl"]["sha256"] = "0"
    again = json.loads((out / "manifest.json").read_text())
    assert "has other columns" in str(verify.differs(manifest, again))


def test_a_card_counts_right_answers_pass_rates_by_model_and_reasoning(make: Make) -> None:
    card = (make("hf") / "README.md").read_text(encoding="utf-8")
    assert "| the same | 5 | 100.0% |" in card
    assert "| B/b | 1 | 1.000 | 0 | 1 |" in card
    assert "| a model | 2 | 0.125 | 1 | 0 |" in card
    assert "| tokens of reasoning per solution (the solver's) | 2 |" in card
    assert "| `extra` | string | JSON text" in card
    samples = (make("hf", all_samples=True) / "README.md").read_text(encoding="utf-8")
    assert "| `chosen` | bool |" in samples


def test_a_card_without_gold_answers_and_rates_has_no_table_of_them(workspace: Workspace, tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as plain:
        plain.create_run(rows.run(status="done"))
        plain.writer.put(rows.whole(1))
        plain.writer.flush()
        job.start(plain, Plan("hf"), tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "gold answer |" not in card
    assert "never solved" not in card
