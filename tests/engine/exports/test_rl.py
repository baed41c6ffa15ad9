"""Exports for trainers of reinforcement learning: each file as its trainer reads it, each rule run on its answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.exports import job, self_test, verify
from engine.exports.plan import Plan
from engine.exports.preview import look
from engine.exports.rl_rows import plain, rate_columns
from engine.exports.rl_trainers import TRAINERS
from store.database.workspace import Workspace
from store.errors import InputError
from store.export import rows as export_rows
from store.filters.filter import Filter
from store.records import Label, Record, question_id
from tests.engine.exports.test_formats import lines
from tests.store import rows

HOSTILE = 'Find "x"\u2028\\ \t</think>{}\u0007 <|im_end|> \u00e9?'
GOLDS = {
    0: ("5", "open"),
    1: ("$\\frac{1}{2}$", "open"),
    2: ("\\text{(B)}", "choice"),
    3: ("\\boxed{x^2+1}", None),
    4: ("(1, 2)", "open"),
    5: ("By induction on n.", "proof"),
    6: ("Yes", "yes_no"),
    7: ("12", "open"),
    8: ("3", "open"),
}
KEPT = [0, 1, 2, 3, 4, 8]
"""Of the others no rule checks 5 and 6, and a reviewer rejected 7; 9 has no gold answer, 10 was dropped."""
ANSWERS = {0: "5", 1: "\\frac{1}{2}", 2: "B", 3: "x^2+1", 4: "(1, 2)", 8: "3"}
RATES = ("pass_rate_Qwen_Qwen_2.5", "pass_rate_llama8b")


def fill(opened: Workspace) -> None:
    opened.create_run(rows.run(status="done"))
    made: list[Record] = []
    for idx, (gold, kind) in GOLDS.items():
        text = {4: HOSTILE, 8: "What is 1 + 2? Put it in \\boxed{}. Answer: $Answer"}.get(idx)
        asked = replace(rows.question(idx, text=text), reference_answer=gold)
        made += [asked, *(rows.whole(idx)[1:] if idx == 0 else rows.verdicts(idx, until="difficulty"))]
        made += [Label(question_id("r1", idx), "checkability", kind, "rule")] if kind else []
    made += [*rows.whole(9), replace(rows.question(10), reference_answer="1"), *rows.verdicts(10, drop="language")]
    made += [rows.decide("x", 7, "reject"), rows.rate(0, model="llama8b", correct=2), rows.rate(5, model="other")]
    made += [rows.rate(1, model="Qwen/Qwen 2.5", correct=8)]
    opened.writer.put(made)
    opened.writer.flush()


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with Workspace.open(tmp_path_factory.mktemp("rl") / "w") as opened:
        fill(opened)
        yield opened


Export = Callable[..., tuple[list[dict[str, Any]], dict[str, Any]]]


@pytest.fixture
def export(workspace: Workspace, tmp_path: Path) -> Export:
    """Exports for a trainer; gives the rows and the manifest."""

    def exported(
        trainer: str, asked: dict[str, Any] | None = None, **options: Any
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        out = tmp_path / f"{trainer}-{len(list(tmp_path.iterdir()))}"
        job.start(workspace, Plan("rl", Filter.from_json(asked or {}), trainer=trainer, **options), out)
        manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
        (file,) = manifest["files"]
        found = lines(out / file) if file.endswith("jsonl") else pq.read_table(out / file).to_pylist()
        return found, manifest

    return exported


GOLD: dict[str, Callable[[dict[str, Any]], str]] = {
    "verl": lambda row: row["reward_model"]["ground_truth"],
    "trl": lambda row: row["solution"],
    "openrlhf": lambda row: row["answer"],
    "skyrl": lambda row: row["reward_spec"]["ground_truth"],
    "nemo-rl": lambda row: row["expected_answer"],
    "nemo-gym": lambda row: row["expected_answer"],
    "verifiers": lambda row: row["answer"],
    "slime": lambda row: row["label"],
    "open-instruct": lambda row: row["ground_truth"],
}
PROMPT: dict[str, Callable[[dict[str, Any]], str]] = {
    "openrlhf": lambda row: row["input"],
    "nemo-rl": lambda row: row["problem"],
    "nemo-gym": lambda row: row["responses_create_params"]["input"][0]["content"],
    "verifiers": lambda row: row["question"],
    "open-instruct": lambda row: row["messages"][0]["content"],
}
MORE: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "verl": lambda row: row["extra_info"],
    "skyrl": lambda row: row["extra_info"],
    "verifiers": lambda row: json.loads(row["info"]),
    "slime": lambda row: row["metadata"],
}


@pytest.mark.parametrize("trainer", TRAINERS)
def test_every_trainer_gets_the_prompts_with_gold_answers_and_its_rule_tells_right_from_wrong(
    export: Export, trainer: str
) -> None:
    found, manifest = export(trainer)
    boxed = (lambda gold: f"\\boxed{{{gold}}}") if trainer == "trl" else str
    assert [GOLD[trainer](row) for row in found] == [boxed(ANSWERS[idx]) for idx in KEPT]
    counts = manifest["counts"]
    assert (counts["selected"], counts["uncheckable_left_out"], counts["rejected_left_out"]) == (6, 2, 1)
    assert manifest["self_test"] == {
        "rule": TRAINERS[trainer].rule,
        "tested": 6,
        "right_accepted": 6,
        "wrong_rejected": 6,
        "right_rejected": [],
    }


@pytest.mark.parametrize("trainer", TRAINERS)
def test_the_prompt_asks_for_the_form_that_the_rule_reads_once(export: Export, trainer: str) -> None:
    prompt = PROMPT.get(trainer, lambda row: row["prompt"][0]["content"])
    texts = [prompt(row) for row in export(trainer)[0]]
    mark = "'Answer: '" if trainer == "skyrl" else "\\boxed"
    assert [text.count(mark) for text in texts[:-1]] == [1] * 5
    assert texts[4].startswith(HOSTILE)
    assert texts[-1] == "What is 1 + 2? Put it in \\boxed{}. Answer: $Answer"


@pytest.mark.parametrize("trainer", TRAINERS)
def test_measured_pass_rates_are_columns_of_every_row_by_model(export: Export, trainer: str) -> None:
    more = [MORE.get(trainer, dict)(row) for row in export(trainer)[0]]
    assert [row.get("question_id") for row in more] == [question_id("r1", idx) for idx in KEPT]
    assert [[row.get(name) for name in RATES] for row in more[:3]] == [[None, 0.25], [1.0, None], [None, None]]
    named = {name for row in more for name in row if name.startswith("pass_rate")}
    assert named == set(RATES)  # the model that only measured a question left out has no column
    assert [set(RATES) <= set(row) for row in more] == ([False] * 6 if trainer == "nemo-gym" else [True] * 6)


def test_parquet_has_the_columns_that_the_trainers_document(workspace: Workspace, tmp_path: Path) -> None:
    expected = {
        "verl": ["data_source", "prompt", "ability", "reward_model", "extra_info"],
        "skyrl": ["data_source", "prompt", "env_class", "reward_spec", "reward_model", "extra_info"],
        "trl": ["prompt", "solution", "question_id", "topic", "difficulty", *RATES],
        "verifiers": ["question", "answer", "info", "task"],
        "open-instruct": ["messages", "ground_truth", "dataset", "question_id", "topic", "difficulty", *RATES],
    }
    for trainer, names in expected.items():
        job.start(workspace, Plan("rl", trainer=trainer), tmp_path / trainer)
        table = pq.read_table(tmp_path / trainer / "train.parquet")
        assert table.column_names == names
    verl = pq.read_schema(tmp_path / "verl" / "train.parquet")
    assert verl.field("reward_model").type == pa.struct([("style", pa.string()), ("ground_truth", pa.string())])
    rows_of_verl = pq.read_table(tmp_path / "verl" / "train.parquet").to_pylist()
    assert {row["data_source"] for row in rows_of_verl} == {"DigitalLearningGmbH/MATH-lighteval"}
    assert [row["extra_info"]["index"] for row in rows_of_verl] == list(range(6))


def test_nemo_gym_gets_no_nulls_and_slime_its_rule_in_each_row(export: Export) -> None:
    for row in export("nemo-gym")[0]:
        assert None not in row.values()
    for row in export("slime")[0]:
        assert list(row) == ["prompt", "label", "metadata"]
        assert row["metadata"]["rm_type"] == "math"


def test_uncheckable_prompts_come_where_they_are_asked_for_and_their_refusals_are_counted(export: Export) -> None:
    found, manifest = export("verl", uncheckable=True)
    assert len(found) == 8
    assert manifest["counts"]["uncheckable_left_out"] == 0
    assert manifest["options"] == {"trainer": "verl", "uncheckable": True}
    assert export("slime", {"status": ["rejected"]})[0][0]["label"] == "12"


def test_a_filter_by_checkability_decides_by_itself_what_is_kept(export: Export) -> None:
    found, manifest = export("openrlhf", {"checkability": ["proof", "choice"]})
    assert [row["answer"] for row in found] == ["B", "By induction on n."]
    assert manifest["counts"]["uncheckable_left_out"] == 0


def test_a_right_answer_that_a_rule_cannot_read_is_counted_and_named(workspace: Workspace) -> None:
    tested = [("r1-1", "2", "2"), ("r1-2", "} never closes {", "} never closes {")]
    result = self_test.run(TRAINERS["verl"], tested)
    assert (result["right_accepted"], result["wrong_rejected"], result["right_rejected"]) == (1, 2, ["r1-2"])
    assert "rejects the right response of 1 rows, such as r1-2" in self_test.in_words(result)


def test_an_answer_that_would_never_be_compared_ends_and_counts_as_rejected() -> None:
    asked = [(TRAINERS["nemo-rl"].rule, "\\boxed{9^{9^{9^{9}}}+1}", "9^{9^{9^{9}}}"), ("verl: MATH", "\\boxed{1}", "1")]
    assert self_test.verdicts(asked) == [False, True]


@pytest.mark.parametrize("trainer", ["verl", "slime"])
def test_the_same_prompts_twice_are_the_same_bytes_with_their_splits(
    workspace: Workspace, tmp_path: Path, trainer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = Plan("rl", validation=0.4, trainer=trainer)
    job.start(workspace, plan, tmp_path / "a")
    monkeypatch.setattr(export_rows, "_FIRST", 2)
    monkeypatch.setattr(export_rows, "_PART_BYTES", 1)
    job.start(workspace, plan, tmp_path / "b")
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes(), file.name
    assert len(list((tmp_path / "a").iterdir())) == 3
    assert verify.start(workspace, tmp_path / "a").message is None


def test_a_look_shows_the_rows_as_the_trainer_gets_them(workspace: Workspace) -> None:
    seen = look(workspace, Plan("rl", trainer="trl"))
    assert (seen.written, seen.counts["uncheckable_left_out"]) == (6, 2)
    assert json.loads(seen.rows[0])["solution"] == "\\boxed{5}"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"format": "rl"}, "is missing; choose from verl"),
        ({"format": "rl", "trainer": "ppo"}, "'ppo' is not known"),
        ({"format": "jsonl", "trainer": "verl"}, "does not apply to jsonl"),
        ({"format": "jsonl", "uncheckable": True}, "does not apply to jsonl"),
        ({"format": "rl", "trainer": "verl", "all_samples": True}, "has no row for each sample"),
        ({"format": "rl", "trainer": "verl", "reasoning": "inline"}, "does not apply to rl"),
    ],
)
def test_options_that_do_not_fit_are_refused_in_a_sentence(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Plan(**options)


def test_a_workspace_without_gold_answers_says_what_is_needed(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no question with a gold answer"):
        job.start(workspace, Plan("rl", Filter.from_json({"ids": ["r1-00000009"]}), trainer="trl"), tmp_path / "out")


@pytest.mark.parametrize(
    ("gold", "kind", "expected"),
    [
        ("$5$", "open", "5"),
        ("$$\\boxed{5}$$", "open", "5"),
        ("$1$ and $2$", "open", "$1$ and $2$"),
        ("\\boxed{1} + \\boxed{2}", "open", "\\boxed{1} + \\boxed{2}"),
        ("(C)", "choice", "C"),
        ("(C)", "open", "(C)"),
        ("D.", "choice", "D"),
        ("$$", "open", "$$"),
    ],
)
def test_a_gold_answer_loses_what_stands_around_it(gold: str, kind: str, expected: str) -> None:
    assert plain(gold, kind) == expected


def test_models_whose_names_become_equal_keep_columns_of_their_own() -> None:
    assert len(set(rate_columns(["a/b", "a b", "a_b"]).values())) == 3
