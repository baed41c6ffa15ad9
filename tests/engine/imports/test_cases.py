"""Small files that were read wrongly once, each standing for a kind, and more inputs of each kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.imports import job
from engine.imports.mapping import mapped
from store.errors import InputError
from tests.engine.imports.conftest import Bring

CASES = Path(__file__).parent / "cases"
CRATE = "A crate holds 14 lemons and 9 limes. How many fruits are in the crate?"
PRODUCT = "What is the product of 6 and 13?"
Rows = list[dict[str, Any]]


def extra(made: Any) -> list[Any]:
    return [json.loads(one) for (one,) in made.ask("SELECT extra FROM questions WHERE run_id = $run ORDER BY idx")]


def golds(made: Any) -> list[Any]:
    rows = made.ask("SELECT query, reference_answer FROM prompts ORDER BY question_id")
    return [tuple(row) for row in rows]


def items(made: Any, columns: str) -> list[Any]:
    return list(made.ask(f"SELECT {columns} FROM items WHERE run_id = $run ORDER BY question_id"))


def test_long_format_becomes_samples(bring: Bring) -> None:
    made = bring(CASES / "long_format.jsonl")
    assert items(made, "n_solutions, agreement, majority_answer, drop_reason") == [
        (3, pytest.approx(2 / 3, abs=1e-4), "23", None),
        (2, 1.0, "78", None),
    ]
    assert "3 rows were taken as further samples" in made.end["report"]
    apart = bring(CASES / "long_format.jsonl", group="none")
    assert items(apart, "drop_reason") == [(None,), *[("exact_duplicate",)] * 2, (None,), ("exact_duplicate",)]


def test_rows_that_only_repeat_each_other_stay_duplicates_unless_asked(bring: Bring) -> None:
    rows = [{"question": CRATE, "response": "\\boxed{23}"}, {"question": PRODUCT, "response": "\\boxed{78}"}]
    assert items(bring([*rows, rows[0]]), "drop_reason") == [(None,), (None,), ("exact_duplicate",)]
    asked = bring([*rows, rows[0]], group="question")
    assert items(asked, "n_solutions, agreement") == [(2, 1.0), (1, None)]


def test_what_differs_between_rows_of_one_question_is_kept_by_sample(bring: Bring) -> None:
    rows = [
        {"question": CRATE, "response": "\\boxed{23}", "seed": 1, "source": "s", "reward": 0.5},
        {"question": PRODUCT, "response": "\\boxed{78}", "seed": 1, "source": "s", "reward": 0.1},
        {"question": CRATE, "response": "\\boxed{24}", "seed": 2, "source": "s", "reward": 0.9},
    ]
    made = bring(rows)
    assert extra(made) == [
        {"source": "s", "per_sample": [{"seed": 1}, {"seed": 2}]},
        {"seed": 1, "source": "s"},
    ]
    assert made.pairs("response, reward") == [("\\boxed{24}", 0.9), ("\\boxed{78}", 0.1)]


def test_another_way_to_group_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--group 'some' is not a way .* auto, question, none"):
        job.preview(str(CASES / "long_format.jsonl"), group="some")


@pytest.mark.parametrize("name", ["best_of_n", "nested_rewards"])
def test_the_best_reward_makes_the_pair(bring: Bring, name: str) -> None:
    made = bring(CASES / f"{name}.jsonl")
    chosen = {"best_of_n": [("23", 0.9), ("78", 0.7)], "nested_rewards": [("23", 0.9), ("78", 0.8)]}
    assert made.pairs("answer, reward") == chosen[name]
    agreements = {"best_of_n": [pytest.approx(2 / 3, abs=1e-4)] * 2, "nested_rewards": [0.5, 0.5]}
    assert [one for (one,) in items(made, "agreement")] == agreements[name]


@pytest.mark.parametrize(
    ("rewards", "best"),
    [([0.1, 0.9, 0.5], 1), ([[0.1], [0.2], [0.9]], 2), ([{"score": 3}, {"score": 1}, {"score": 2}], 0),
     ('[0.1, 0.2, 0.05]', 1)],
)  # fmt: skip
def test_rewards_of_every_form_are_numbers(bring: Bring, rewards: Any, best: int) -> None:
    texts = [f"It is \\boxed{{{n}}}." for n in (1, 2, 3)]
    made = bring([{"prompt": CRATE, "responses": texts, "rewards": rewards}])
    assert made.pairs("response") == [(texts[best],)]


def test_without_rewards_the_right_one_is_chosen_else_the_majority_and_a_cut_one_last(bring: Bring) -> None:
    several = ["\\boxed{1}", "\\boxed{2}", "\\boxed{2}", "\\boxed{23}"]
    rows = [
        {"problem": CRATE, "generations": several, "answer": "23"},
        {"problem": PRODUCT, "generations": several, "answer": "5"},
        {"problem": "What is 3 * 3?", "generations": several, "answer": "23",
         "finish_reasons": ["stop", "stop", "stop", "length"]},
    ]  # fmt: skip
    assert bring(rows).pairs("response, correct") == [
        ("\\boxed{23}", "same"), ("\\boxed{2}", "different"), ("\\boxed{2}", "different")
    ]  # fmt: skip


def test_preferences_keep_both_sides(bring: Bring) -> None:
    for name, first in (
        ("preference", "14 + 9 = 23. The answer is \\boxed{23}."),
        ("preference_messages", "\\boxed{23}"),
    ):
        made = bring(CASES / f"{name}.jsonl")
        assert made.pairs("query, response")[0] == (CRATE, first)
        labels = "SELECT value FROM labels WHERE key = 'rejected' AND question_id LIKE ? ORDER BY question_id"
        assert {one for (one,) in made.ask(labels, f"{made.run_id}%")} == {"1"}
    assert extra(made)[0]["conversations"][0] == {"from": "system", "value": "Answer briefly."}


def test_a_transcript_is_split_at_its_last_turn(bring: Bring) -> None:
    made = bring(CASES / "transcript_pairs.jsonl")
    samples = made.ask("SELECT text FROM solutions ORDER BY sample")
    assert made.pairs("query") == [(CRATE,)]
    assert samples == [("\\boxed{23}",), ("\\boxed{24}",)]
    assert "Do you want a number?" in extra(made)[0]["chosen"]


@pytest.mark.parametrize(
    "text",
    ["\n\nHuman: {q}\n\nAssistant: {a}", "Human: {q}\nAssistant: {a}", "### Instruction:\n{q}\n\n### Response:\n{a}",
     "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n{q}<|im_end|>\n<|im_start|>assistant\n{a}<|im_end|>",
     "<s>[INST] {q} [/INST] {a}</s>", "<|user|>\n{q}</s>\n<|assistant|>\n{a}</s>",
     "<start_of_turn>user\n{q}<end_of_turn>\n<start_of_turn>model\n{a}<end_of_turn>"],
)  # fmt: skip
def test_no_query_holds_its_answer(bring: Bring, text: str) -> None:
    chosen, rejected = (text.format(q=CRATE, a=answer) for answer in ("\\boxed{23}", "\\boxed{24}"))
    made = bring([{"chosen": chosen, "rejected": rejected}])
    assert made.pairs("query, response") == [(CRATE, "\\boxed{23}")]
    alone = bring([{"text": chosen}], name="alone")
    assert alone.pairs("query, response") == [(CRATE, "\\boxed{23}")]


def test_preferences_without_a_question_are_no_pairs() -> None:
    rows = [{"chosen": "It is 23.", "rejected": "It is 24."}]
    with pytest.raises(InputError, match="no column that is known to hold questions"):
        mapped(rows, {}, "file")


def test_labels_of_preference_data_are_verdicts(bring: Bring) -> None:
    made = bring(CASES / "kto_label.jsonl")
    assert items(made, "drop_stage, drop_reason") == [("pair", "bad_label"), (None, None)]
    assert made.pairs("response") == [("\\boxed{78}",)]
    rows = [{"prompt": CRATE, "completion": f"\\boxed{{{n}}}", "label": n == 23} for n in (24, 23, 25)]
    assert bring(rows, name="several").pairs("response, n_solutions") == [("\\boxed{23}", 3)]


@pytest.mark.parametrize("name", ["capital_names", "input_target"])
def test_names_differ_in_case_and_inputs_have_targets(bring: Bring, name: str) -> None:
    assert golds(bring(CASES / f"{name}.jsonl")) == [(CRATE, "23.0"), (PRODUCT, "78.0")]


@pytest.mark.parametrize(
    "names", [("Problem", "FINAL_ANSWER"), ("Question Text", "groundTruth"), ("QUERY", "gold-answer")]
)
def test_a_name_is_known_however_it_is_spelled(bring: Bring, names: tuple[str, str]) -> None:
    assert golds(bring([dict(zip(names, (CRATE, 23), strict=True))])) == [(CRATE, "23")]


@pytest.mark.parametrize("name", ["input_output.jsonl", "columns.json"])
def test_two_texts_are_pairs(bring: Bring, name: str) -> None:
    assert bring(CASES / name).pairs("query, response") == [(CRATE, "\\boxed{23}"), (PRODUCT, "\\boxed{78}")]


@pytest.mark.parametrize("name", ["wrapped", "dict_of_rows", "concatenated"])
def test_a_container_is_opened(bring: Bring, name: str) -> None:
    assert golds(bring(CASES / f"{name}.json")) == [(CRATE, "23"), (PRODUCT, "78")]


def test_options_belong_to_the_question(bring: Bring) -> None:
    made = bring(CASES / "options_list.jsonl")
    assert made.pairs("query, answer, reference_answer, correct") == [
        ("Which of these is prime?\n(A) 21\n(B) 23\n(C) 27", "B", "B", "same"),
        ("Which of these is prime?\n(A) 33\n(B) 35\n(C) 37", "C", "C", "same"),
    ]
    assert bring(CASES / "options_list.jsonl", query="question+options").pairs("query") == made.pairs("query")


@pytest.mark.parametrize(
    ("options", "lines"),
    [(["1", "2"], "1\n2"), ({"A": 1, "B": 2}, "(A) 1\n(B) 2"),
     ({"label": ["x", "y"], "text": ["1", "2"]}, "(x) 1\n(y) 2"),
     ('["1", "2"]', "1\n2")],
)  # fmt: skip
def test_options_of_every_form_are_lines(bring: Bring, options: Any, lines: str) -> None:
    made = bring([{"question": "Which is even?", "choices": options, "answer": "2"}])
    assert golds(made) == [(f"Which is even?\n{lines}", "2")]
    assert extra(made)[0]["choices"] == options


def test_options_that_the_question_has_already_are_not_repeated(bring: Bring) -> None:
    made = bring([{"question": "Which is even? 1 or 2", "options": ["1", "2"], "answer": "2"}])
    assert golds(made) == [("Which is even? 1 or 2", "2")]


def test_a_story_belongs_to_its_question(bring: Bring) -> None:
    assert golds(bring(CASES / "body_question.jsonl"))[0] == (
        "A shelf has 12 red and 5 blue books.\n\nHow many books are there?",
        "17 (books)",
    )


def test_objects_with_completions_are_samples(bring: Bring) -> None:
    made = bring(CASES / "completions_dicts.jsonl")
    assert made.ask("SELECT text, solver FROM solutions ORDER BY question_id, sample")[:2] == [
        ("\\boxed{23}", "m1"),
        ("\\boxed{24}", "m2"),
    ]
    assert extra(made)[0] == {"completions": [{"model": "m1"}, {"model": "m2"}], "id": "k1"}


@pytest.mark.parametrize(
    "responses",
    [
        [{"text": "\\boxed{23}", "finish_reason": "stop"}, {"text": "\\boxed{24}", "finish_reason": "length"}],
        [{"message": {"role": "assistant", "content": "\\boxed{23}"}, "finish_reason": "stop"},
         {"message": {"role": "assistant", "content": "\\boxed{24}"}, "finish_reason": "length"}],
        {"choices": [{"text": "\\boxed{23}"}, {"text": "\\boxed{24}", "finish_reason": "length"}]},
        '[{"output": "\\\\boxed{23}"}, {"output": "\\\\boxed{24}", "stop_reason": "max_tokens"}]',
    ],
)  # fmt: skip
def test_objects_of_every_form_are_samples(bring: Bring, responses: Any) -> None:
    made = bring([{"prompt": CRATE, "responses": responses}])
    assert made.ask("SELECT text, finish_reason FROM solutions ORDER BY sample") == [
        ("\\boxed{23}", "stop"),
        ("\\boxed{24}", "length"),
    ]


def test_answers_of_every_kind_are_gold(bring: Bring) -> None:
    made = bring(CASES / "answer_list.jsonl")
    assert [one for (one,) in made.pairs("reference_answer")] == ["23", "78.0", "False"]


@pytest.mark.parametrize(
    ("given", "gold"),
    [(["2", "3"], "2, 3"), ('["\\\\frac{1}{2}"]', "\\frac{1}{2}"), ("[0, 1]", "[0, 1]"), (True, "True"),
     (10**30, str(10**30)), ({"value": "7"}, "7"), ("so \\boxed{7}", "7"), ("x\n#### 7", "7")],
)  # fmt: skip
def test_a_gold_answer_is_read_from_every_form(bring: Bring, given: Any, gold: str) -> None:
    assert golds(bring([{"problem": CRATE, "final_answer": given}])) == [(CRATE, gold)]


@pytest.mark.parametrize("null", ["n/a", "None", "null", "NaN", "", " ", None])
def test_what_stands_for_no_value_is_none(bring: Bring, null: Any) -> None:
    rows = [
        {"problem": CRATE, "answer": "23", "pass_rate_m": 0.5},
        {"problem": PRODUCT, "answer": null, "pass_rate_m": null},
    ]
    made = bring(rows)
    assert made.ask("SELECT reference_answer FROM questions ORDER BY idx") == [("23",), (None,)]
    assert made.ask("SELECT model, pass_rate FROM rates") == [("m", 0.5)]
    assert not made.end["unread"]


def test_a_solution_that_states_no_answer_stands_beside_its_gold(bring: Bring) -> None:
    made = bring(CASES / "gold_not_stated.jsonl")
    assert [one for (one,) in made.pairs("reference_answer")] == ["23", "8"]


def test_a_pair_that_contradicts_its_gold_is_marked(bring: Bring) -> None:
    made = bring(CASES / "wrong_against_reference.jsonl")
    assert made.pairs("answer, correct") == [("24", "different"), ("78", "same")]


def test_a_bold_answer_is_the_same_answer(bring: Bring) -> None:
    made = bring(CASES / "bold_answers.jsonl")
    assert items(made, "n_solutions, agreement") == [(4, 1.0)]


def test_what_a_response_says_is_its_answer(bring: Bring) -> None:
    made = bring(CASES / "answers_said.jsonl")
    assert [one for (one,) in items(made, "correct")] == ["same"] * 10


def test_own_columns_are_kept(bring: Bring) -> None:
    assert extra(bring(CASES / "own_columns.jsonl"))[0] == {"id": "x-1", "source": "hand", "license": "cc0"}


def test_turns_besides_the_exchange_are_kept(bring: Bring) -> None:
    made = bring(CASES / "chat_turns.jsonl")
    assert items(made, "query, n_solutions")[:2] == [(CRATE, 0), (PRODUCT, 1)]
    assert made.pairs("response") == [("\\boxed{78}",), ("\\boxed{8}",)]
    assert extra(made)[0]["messages"][0]["content"] == "You are a strict tutor."
    assert extra(made)[2]["messages"][0]["weight"] == 0


def test_of_several_turns_the_last_answer_counts(bring: Bring) -> None:
    made = bring(CASES / "multiturn.jsonl")
    assert made.pairs("response") == [(f"\\boxed{{{n}}}",) for n in (12, 13, 14, 15)]
    assert [one["messages"][1]["content"] for one in extra(made)] == ["Which base?"] * 4


def test_the_same_last_turn_after_other_turns_is_another_question(bring: Bring) -> None:
    def chat(first: str, answer: str) -> dict[str, Any]:
        turns = (("user", first), ("assistant", "Noted."), ("user", "And its double?"), ("assistant", answer))
        return {"messages": [{"role": role, "content": said} for role, said in turns]}

    made = bring([chat("Take 4.", "\\boxed{8}"), chat("Take 5.", "\\boxed{10}")])
    assert made.pairs("query, response") == [("And its double?", "\\boxed{8}"), ("And its double?", "\\boxed{10}")]


def test_parts_of_a_message_are_its_text_and_its_reasoning(bring: Bring) -> None:
    made = bring(CASES / "content_value.jsonl")
    assert made.pairs("query, response, reasoning") == [(CRATE, "\\boxed{23}", "add")]


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning", "thinking"])
def test_reasoning_beside_the_content_is_kept_apart(bring: Bring, key: str) -> None:
    chat = [{"role": "user", "content": CRATE}, {"role": "assistant", key: "hm", "content": "\\boxed{23}"}]
    assert bring([{"messages": chat}]).pairs("response, reasoning") == [("\\boxed{23}", "hm")]


def test_the_layout_of_reasoning_content(bring: Bring) -> None:
    made = bring(CASES / "reasoning_content.jsonl")
    assert made.pairs("query, response, reasoning")[0] == ("Find 11+0.", "\\boxed{11}", "hm")
    assert extra(made) == [{}] * 4


def test_a_template_is_no_part_of_the_question(bring: Bring) -> None:
    made = bring(CASES / "template_prompt.jsonl")
    asked = f"{CRATE}\nPlease reason step by step, and put your final answer within \\boxed{{}}."
    assert made.pairs("query, response") == [(asked, "\\boxed{23}")]
    assert extra(made)[0]["prompt"].startswith("<|im_start|>user")


def test_nested_columns_are_named_by_paths_and_guessed(bring: Bring) -> None:
    for given in ({}, {"query": "question.problem"}):
        assert golds(bring(CASES / "nested_columns.jsonl", **given))[0] == (CRATE, "23")
    with pytest.raises(InputError, match="no such column"):
        bring(CASES / "nested_columns.jsonl", query="question.nothing")


def test_samples_of_an_evaluation_harness(bring: Bring) -> None:
    made = bring(CASES / "lm_eval_samples.jsonl")
    assert made.pairs("query, response, reference_answer, correct") == [
        (CRATE, "14 + 9 = 23. The answer is 23.", "23", "same")
    ]
    assert extra(made)[0]["exact_match"] == 1.0


def test_a_difficulty_on_another_scale_is_refused_rescaled_as_a_whole_or_a_level(bring: Bring) -> None:
    with pytest.raises(
        InputError, match=r"holds 1 to 6, and a difficulty is a fail rate from 0 to 1; divide the whole"
    ):
        bring(CASES / "difficulty_scale.jsonl", difficulty="difficulty")
    scaled = bring(CASES / "difficulty_scale.jsonl", difficulty="difficulty/10")
    assert [one for (one,) in items(scaled, "difficulty")] == [0.35, 0.6, 0.1]
    guessed = bring(CASES / "difficulty_scale.jsonl")
    assert [one["difficulty"] for one in extra(guessed)] == [3.5, 6.0, 1.0]


@pytest.mark.parametrize("numbers", [(1, 2, 1, 1), (40, 80, 100), (0, 1, 1, 5)])
def test_a_scale_that_begins_like_a_share_is_not_bent(bring: Bring, numbers: tuple[int, ...]) -> None:
    rows = [
        {"problem": f"What is {n} + {k}?", "solution": "\\boxed{1}", "difficulty": n} for k, n in enumerate(numbers)
    ]
    with pytest.raises(InputError, match="divide the whole column"):
        bring(rows, difficulty="difficulty")
    assert "difficulty" not in bring(rows).events[0]["mapping"]


def test_what_cannot_be_read_is_said_before_and_after(bring: Bring, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    rows = [{"problem": f"What is {k} + 1?", "solution": f"\\boxed{{{k + 1}}}", "reward": 0.5} for k in range(5)]
    rows[3]["reward"] = "good"
    path.write_text("\n".join(map(json.dumps, rows)))
    said = "reward in 1 (not one number a response)"
    assert said in job.preview(str(path)).remarks[0]
    made = bring(path)
    assert said in made.end["report"]
    assert extra(made)[3] == {"reward": "good"}


PROMPTS = {
    "bigmath": ("Find 4+0.", "4"),
    "deepmath": ("Find 5+0.", "5"),
    "nemogym": ("Find 7+0.", "7"),
    "omr": ("Find 0+0.", "0"),
    "skyrl": ("Find 3+0.", "3"),
    "skywork": ("Find 2+0.", "2"),
    "slime": ("Find 9+0.", "9"),
    "synth1": ("Find 10+0.", "10"),
}


@pytest.mark.parametrize("name", PROMPTS)
def test_a_layout_of_a_trainer_or_a_data_set_is_known(bring: Bring, name: str) -> None:
    assert golds(bring(CASES / f"{name}.jsonl"))[0] == PROMPTS[name]


def test_measured_rates_name_their_models(bring: Bring) -> None:
    rates = "SELECT model, pass_rate, n, correct FROM rates WHERE question_id LIKE ? ORDER BY question_id"
    found = {name: bring(CASES / f"{name}.jsonl") for name in ("bigmath", "omr", "skywork")}
    stored = {name: made.ask(rates, f"{made.run_id}%") for name, made in found.items()}
    assert stored["bigmath"] == [("llama8b", rate, None, None) for rate in (0.0, 0.25, 0.5)]
    assert {one[:2] for one in stored["omr"]} == {("72b_tir", 0.5)}
    assert stored["skywork"][3] == ("DeepSeek-R1-Distill-Qwen-7B", 13 / 16, 16, 13)


@pytest.mark.parametrize(
    "prompt",
    [[{"role": "user", "content": CRATE}], json.dumps([{"role": "user", "content": CRATE}]),
     f"<|im_start|>user\n{CRATE}<|im_end|>\n<|im_start|>assistant\n"],
)  # fmt: skip
def test_short_solutions_beside_messages_are_gold_answers(bring: Bring, prompt: Any) -> None:
    made = bring([{"prompt": prompt, "solution": "$23$"}])
    if isinstance(prompt, list):
        assert golds(made) == [(CRATE, "$23$")]
    else:
        assert items(made, "query") == [(CRATE,)]


@pytest.mark.parametrize("info", ['{"ground_truth": "23"}', "{'ground_truth': '23'}", {"ground_truth": 23}])
def test_objects_as_text_are_read_as_objects(bring: Bring, info: Any) -> None:
    made = bring([{"prompt": CRATE, "verification_info": info}])
    assert golds(made) == [(CRATE, "23")]
    assert extra(made) == [{"verification_info": info}]
