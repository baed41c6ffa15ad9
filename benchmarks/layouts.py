"""Layouts in which data sets, trainers and evaluations hold questions, each with a few rows and what is right of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Q1, Q2 = "A tray has 5 rows of 6 buns. How many buns is that?", "What is the remainder of 50 divided by 8?"
S1, S2 = "Five times six is \\boxed{30}.", "50 = 6 * 8 + 2, so \\boxed{2}."
BAD = "Five plus six is \\boxed{11}."


@dataclass(frozen=True, slots=True)
class Right:
    """What is right of one question. ``more``: further stored fields (``reasoning``, ``finish``, ``rates`` ...), each
    whole; ``extra`` names columns that must be there unchanged."""

    query: str
    responses: Sequence[str] = ()
    gold: str | None = None
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Case:
    """Rows of a layout; a text is a whole file of JSON."""

    name: str
    rows: list[dict[str, Any]] | str
    right: list[Right]


def _user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def _assistant(text: str | None, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": text, **more}


def _think(thought: str, text: str) -> str:
    return f"<think>\n{thought}\n</think>\n\n{text}"


_GOLD = [Right(Q1, gold="30"), Right(Q2, gold="2")]
_PAIRS = [Right(Q1, [S1]), Right(Q2, [S2])]
_BOTH = [Right(Q1, [S1], "30", {"correct": ["same"]}), Right(Q2, [S2], "2", {"correct": ["same"]})]


def _two(*names: str, first: Sequence[Any], second: Sequence[Any]) -> list[dict[str, Any]]:
    return [dict(zip(names, first, strict=True)), dict(zip(names, second, strict=True))]


PUBLISHED = (
    Case(
        "openr1_math",
        [
            {
                "problem": Q1,
                "solution": "A person's own words.",
                "answer": "30",
                "generations": [_think("5 * 6", S1), "<think>\n5 * 6, or wait"],
                "is_reasoning_complete": [True, False],
                "correctness_math_verify": [True, False],
                "finish_reasons": None,
                "uuid": "u1",
            },
            {
                "problem": Q2,
                "solution": "By hand.",
                "answer": "2",
                "generations": [_think("48", S2), S2],
                "is_reasoning_complete": [True, True],
                "correctness_math_verify": [True, True],
                "finish_reasons": ["stop", "length"],
                "uuid": "u2",
            },
        ],
        [
            Right(
                Q1,
                [S1, ""],
                "30",
                {
                    "reasoning": ["5 * 6", "5 * 6, or wait"],
                    "finish": ["stop", "length"],
                    "chosen": "0",
                    "correct": ["same", "different"],
                    "extra": {"correctness_math_verify": [True, False], "solution": "A person's own words."},
                },
            ),
            Right(Q2, [S2, S2], "2", {"finish": ["stop", "length"], "chosen": "0", "agreement": 1.0}),
        ],
    ),
    Case(
        "open_math_reasoning",
        _two(
            "expected_answer",
            "problem",
            "generated_solution",
            "pass_rate_72b_tir",
            "generation_model",
            "problem_type",
            first=("30", Q1, _think("count", S1), "0.25", "R1", "has_answer"),
            second=("2", Q2, _think("divide", S2), "n/a", "QwQ", "no_answer"),
        ),
        [
            Right(Q1, [S1], "30", {"reasoning": ["count"], "rates": {"72b_tir": (0.25, None)}, "solvers": ["R1"]}),
            Right(
                Q2,
                [S2],
                "2",
                {
                    "reasoning": ["divide"],
                    "rates": {},
                    "solvers": ["QwQ"],
                    "extra": {"problem_type": "no_answer", "pass_rate_72b_tir": "n/a"},
                },
            ),
        ],
    ),
    Case(
        "deepmath",
        _two(
            "question",
            "final_answer",
            "difficulty",
            "topic",
            "r1_solution_1",
            "r1_solution_2",
            "r1_solution_3",
            first=(Q1, "30", 3.5, "Mathematics -> Number Theory", S1, _think("hm", S1), BAD),
            second=(Q2, "2", 8, "Mathematics -> Algebra -> Intermediate Algebra -> Other", S2, S2, None),
        ),
        [
            Right(
                Q1,
                [S1, S1, BAD],
                "30",
                {
                    "reasoning": [None, "hm", None],
                    "correct": ["same", "same", "different"],
                    "topic": "Number Theory",
                    "level": "3.5",
                    "extra": {"difficulty": 3.5},
                },
            ),
            Right(Q2, [S2, S2], "2", {"topic": "Intermediate Algebra", "level": "8"}),
        ],
    ),
    Case(
        "big_math",
        _two(
            "problem",
            "answer",
            "source",
            "domain",
            "llama8b_solve_rate",
            first=(Q1, "30", "a", ["Mathematics -> Prealgebra"], 0.875),
            second=(Q2, "2", "b", ["Mathematics -> Number Theory"], None),
        ),
        [
            Right(Q1, gold="30", more={"rates": {"llama8b": (0.875, None)}, "topic": "Prealgebra"}),
            Right(Q2, gold="2", more={"rates": {}, "extra": {"domain": ["Mathematics -> Number Theory"]}}),
        ],
    ),
    Case(
        "skywork_or1",
        _two(
            "data_source",
            "prompt",
            "reward_model",
            "extra_info",
            first=(
                "a",
                [_user(Q1)],
                {"ground_truth": '["30"]', "style": "rule"},
                {"index": 7, "model_difficulty": {"small": 16, "large": 4}},
            ),
            second=(
                "a",
                [_user(Q2)],
                {"ground_truth": '["2"]', "style": "rule"},
                {"index": 8, "model_difficulty": {"small": 8, "large": 0}},
            ),
        ),
        [
            Right(Q1, gold="30", more={"rates": {"small": (0.0, 16), "large": (0.75, 16)}}),
            Right(
                Q2, gold="2", more={"rates": {"small": (0.5, 16), "large": (1.0, 16)}, "extra": {"data_source": "a"}}
            ),
        ],
    ),
    Case(
        "verl",
        _two(
            "data_source",
            "prompt",
            "ability",
            "reward_model",
            "extra_info",
            first=(
                "gsm8k",
                [_user(Q1)],
                "math",
                {"style": "rule", "ground_truth": "30"},
                {"split": "train", "index": 0, "answer": "5 * 6 = 30\n#### 30", "question": "5 rows of 6?"},
            ),
            second=(
                "gsm8k",
                [_user(Q2)],
                "math",
                {"style": "rule", "ground_truth": "2"},
                {"split": "train", "index": 1, "answer": "2\n#### 2", "question": "50 by 8?"},
            ),
        ),
        [Right(Q1, gold="30", more={"extra": {"ability": "math"}}), _GOLD[1]],
    ),
    Case(
        "skyrl",
        _two(
            "data_source",
            "prompt",
            "env_class",
            "reward_spec",
            first=("a", [_user(Q1)], "aime", {"method": "rule", "ground_truth": 30}),
            second=("a", [_user(Q2)], "aime", {"method": "rule", "ground_truth": 2}),
        ),
        [Right(Q1, gold="30", more={"extra": {"env_class": "aime"}}), _GOLD[1]],
    ),
    Case(
        "slime",
        _two("prompt", "label", "metadata", first=([_user(Q1)], "30", {"a": 1}), second=([_user(Q2)], "2", {"a": 2})),
        [Right(Q1, gold="30", more={"extra": {"metadata": {"a": 1}}}), _GOLD[1]],
    ),
    Case(
        "synthetic",
        _two(
            "problem_id",
            "task_type",
            "prompt",
            "gold_standard_solution",
            "verification_info",
            first=("v1", "verifiable_math", Q1, "so \\boxed{30}", '{"ground_truth": "30"}'),
            second=("v2", "verifiable_math", Q2, "\\boxed{2}", "{}"),
        ),
        [Right(Q1, gold="30", more={"extra": {"gold_standard_solution": "so \\boxed{30}"}}), _GOLD[1]],
    ),
    Case(
        "synthetic_with_responses",
        _two(
            "prompt",
            "llm_response",
            "verification_info",
            first=(Q1, _think("30?", S1), '{"ground_truth": "30"}'),
            second=(Q2, _think("2?", S2), '{"ground_truth": "2"}'),
        ),
        [Right(Q1, [S1], "30", {"reasoning": ["30?"]}), _BOTH[1]],
    ),
    Case(
        "nemo_gym",
        _two(
            "responses_create_params",
            "question",
            "expected_answer",
            "verifier_metadata",
            first=({"input": [_user(Q1)], "tools": []}, Q1, "30", {"unit_tests": ["a"]}),
            second=({"input": [_user(Q2)], "tools": []}, Q2, "2", {"unit_tests": []}),
        ),
        [Right(Q1, gold="30", more={"extra": {"verifier_metadata": {"unit_tests": ["a"]}}}), _GOLD[1]],
    ),
    Case(
        "nemo_gym_messages",
        _two(
            "responses_create_params",
            "expected_answer",
            first=({"input": [{"role": "system", "content": "Be brief."}, _user(Q1)]}, "30"),
            second=({"input": [_user(Q2)]}, "2"),
        ),
        _GOLD,
    ),
    Case(
        "scalediff",
        _two("problem", "solution", first=(Q1, _think("a", S1)), second=(Q2, _think("b", S2))),
        [Right(Q1, [S1], None, {"reasoning": ["a"]}), Right(Q2, [S2], None, {"reasoning": ["b"]})],
    ),
    Case(
        "openthoughts_conversations",
        _two(
            "system",
            "conversations",
            first=(
                "Think.",
                [
                    {"from": "user", "value": Q1},
                    {
                        "from": "assistant",
                        "value": f"<|begin_of_thought|>\n\nhm\n\n<|end_of_thought|>\n\n<|begin_of_solution|>\n\n{S1}\n\n"
                        "<|end_of_solution|>",
                    },
                ],
            ),
            second=("Think.", [{"from": "user", "value": Q2}, {"from": "assistant", "value": S2}]),
        ),
        [Right(Q1, [S1], None, {"reasoning": ["hm"], "extra": {"system": "Think."}}), _PAIRS[1]],
    ),
    Case(
        "openthoughts",
        _two(
            "problem",
            "deepseek_reasoning",
            "deepseek_solution",
            "ground_truth_solution",
            first=(Q1, "hm", S1, "thirty"),
            second=(Q2, "so", S2, "two"),
        ),
        [
            Right(Q1, [S1], None, {"reasoning": ["hm"], "extra": {"ground_truth_solution": "thirty"}}),
            Right(Q2, [S2], None, {"reasoning": ["so"]}),
        ],
    ),
    Case(
        "am_distilled",
        [
            {"messages": [{**_user(q), "info": {"source": "m"}}, {**_assistant(_think("hm", s)), "info": {"test": 1}}]}
            for q, s in ((Q1, S1), (Q2, S2))
        ],
        [Right(q, [s], None, {"reasoning": ["hm"]}) for q, s in ((Q1, S1), (Q2, S2))],
    ),
    Case(
        "kodcode",
        _two(
            "question",
            "solution",
            "test",
            "gpt_pass_percentage",
            first=("Write add(a, b).", "def add(a, b): return a + b", "assert add(1, 2) == 3", 0.5),
            second=("Write one().", "def one(): return 1", "assert one() == 1", 1.0),
        ),
        [
            Right("Write add(a, b).", ["def add(a, b): return a + b"], "assert add(1, 2) == 3"),
            Right("Write one().", ["def one(): return 1"], "assert one() == 1"),
        ],
    ),
    Case(
        "opencode_reasoning",
        _two(
            "question",
            "r1_generation",
            "solution",
            "pass_rate",
            "test_code",
            first=("Write add(a, b).", _think("easy", "a + b"), "x", "0.75", "add(1, 2)"),
            second=("Write one().", _think("easy", "1"), "y", "-1", "one()"),
        ),
        [
            Right(
                "Write add(a, b).", ["a + b"], "add(1, 2)", {"rates": {"import": (0.75, None)}, "reasoning": ["easy"]}
            ),
            Right("Write one().", ["1"], "one()", {"rates": {}, "extra": {"solution": "y"}}),
        ],
    ),
    Case(
        "numina",
        [
            {"source": "a", "problem": q, "solution": s, "messages": [_user(q), _assistant(s)]}
            for q, s in ((Q1, S1), (Q2, S2))
        ],
        _PAIRS,
    ),
    Case(
        "gsm8k",
        _two("question", "answer", first=(Q1, "5 * 6 = <<5*6=30>>30\n#### 30"), second=(Q2, "50 - 48 = 2\n#### 2")),
        [
            Right(Q1, ["5 * 6 = <<5*6=30>>30\n#### 30"], "30", {"correct": ["same"]}),
            Right(Q2, ["50 - 48 = 2\n#### 2"], "2"),
        ],
    ),
    Case(
        "math",
        _two(
            "problem",
            "solution",
            "answer",
            "subject",
            "level",
            first=(Q1, S1, "30", "Prealgebra", 1),
            second=(Q2, S2, "2", "Number Theory", 2),
        ),
        [Right(Q1, [S1], "30", {"topic": "Prealgebra", "level": "1"}), _BOTH[1]],
    ),
    Case(
        "s1k",
        _two(
            "question",
            "solution",
            "thinking_trajectories",
            "attempt",
            first=(Q1, "30", ["hm"], S1),
            second=(Q2, "2", ["so"], S2),
        ),
        _PAIRS,
    ),
)

TRAINING = (
    Case(
        "alpaca",
        _two("instruction", "input", "output", first=("Count them.", Q1, S1), second=(Q2, "", S2)),
        [Right(f"Count them.\n\n{Q1}", [S1]), _PAIRS[1]],
    ),
    Case("prompt_completion", _two("prompt", "completion", first=(Q1, S1), second=(Q2, S2)), _PAIRS),
    Case(
        "conversational_prompts",
        [{"prompt": [_user(q)], "completion": [_assistant(s)]} for q, s in ((Q1, S1), (Q2, S2))],
        _PAIRS,
    ),
    Case(
        "messages_with_system",
        [{"messages": [{"role": "system", "content": "Be brief."}, _user(Q1), _assistant(S1)]}],
        [
            Right(
                Q1,
                [S1],
                None,
                {"extra": {"messages": [{"role": "system", "content": "Be brief."}, _user(Q1), _assistant(S1)]}},
            )
        ],
    ),
    Case(
        "reasoning_content",
        [
            {"messages": [_user(Q1), _assistant(S1, reasoning_content="hm")]},
            {"messages": [_user(Q2), _assistant(S2, reasoning_content="so")]},
        ],
        [Right(Q1, [S1], None, {"reasoning": ["hm"]}), Right(Q2, [S2], None, {"reasoning": ["so"]})],
    ),
    Case(
        "thinking_key",
        [{"messages": [_user(Q1), _assistant(S1, thinking="hm")]}],
        [Right(Q1, [S1], None, {"reasoning": ["hm"]})],
    ),
    Case(
        "content_parts",
        [
            {
                "messages": [
                    {"role": "user", "content": [{"type": "text", "text": Q1}]},
                    {
                        "role": "assistant",
                        "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": S1}],
                    },
                ]
            }
        ],
        [Right(Q1, [S1], None, {"reasoning": ["hm"]})],
    ),
    Case(
        "sharegpt",
        [
            {"conversations": [{"from": "human", "value": q}, {"from": "gpt", "value": s}]}
            for q, s in ((Q1, S1), (Q2, S2))
        ],
        _PAIRS,
    ),
    Case(
        "several_turns",
        [{"messages": [_user("Say hi."), _assistant("Hi."), _user(Q1), _assistant(S1)]}],
        [
            Right(
                Q1,
                [S1],
                None,
                {"extra": {"messages": [_user("Say hi."), _assistant("Hi."), _user(Q1), _assistant(S1)]}},
            )
        ],
    ),
    Case(
        "a_turn_asked_back",
        [{"messages": [_user(Q1), _assistant("All trays?"), _user("One tray."), _assistant(S1)]}],
        [Right(Q1, [S1])],
    ),
    Case(
        "chatml_text",
        [{"text": f"<|im_start|>user\n{Q1}<|im_end|>\n<|im_start|>assistant\n{S1}<|im_end|>"}],
        [Right(Q1, [S1])],
    ),
    Case("inst_prompt", [{"prompt": f"<s>[INST] {Q1} [/INST]", "response": S1}], [Right(Q1, [S1])]),
    Case(
        "llama_prompt",
        [
            {
                "prompt": "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n"
                f"{Q1}<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
                "answer": 30,
            }
        ],
        [_GOLD[0]],
    ),
    Case(
        "dpo",
        _two("prompt", "chosen", "rejected", first=(Q1, S1, BAD), second=(Q2, S2, "\\boxed{3}")),
        [Right(Q1, [S1, BAD], None, {"chosen": "0", "rejected": "1"}), Right(Q2, [S2, "\\boxed{3}"])],
    ),
    Case(
        "dpo_messages",
        [
            {
                "chosen": [_user(Q1), _assistant(S1)],
                "rejected": [_user(Q1), _assistant(BAD)],
                "score_chosen": 8.5,
                "score_rejected": 2.0,
            }
        ],
        [Right(Q1, [S1, BAD], None, {"chosen": "0", "rejected": "1", "rewards": [8.5, 2.0]})],
    ),
    Case(
        "hh_transcripts",
        [{"chosen": f"\n\nHuman: {Q1}\n\nAssistant: {S1}", "rejected": f"\n\nHuman: {Q1}\n\nAssistant: {BAD}"}],
        [Right(Q1, [S1, BAD], None, {"chosen": "0", "rejected": "1"})],
    ),
    Case(
        "kto",
        _two("prompt", "completion", "label", first=(Q1, BAD, False), second=(Q2, S2, True)),
        [Right(Q1, [BAD], None, {"dropped": "pair"}), _PAIRS[1]],
    ),
    Case(
        "best_of_n",
        [{"prompt": Q1, "responses": [BAD, S1], "rewards": [0.2, 0.8]}],
        [Right(Q1, [BAD, S1], None, {"rewards": [0.2, 0.8], "chosen": "1", "agreement": 0.5})],
    ),
    Case(
        "nested_rewards",
        [{"prompt": Q1, "responses": [BAD, S1], "reward": [{"score": 0.2}, {"score": 0.8}]}],
        [Right(Q1, [BAD, S1], None, {"rewards": [0.2, 0.8], "chosen": "1"})],
    ),
    Case(
        "long_format",
        [
            {"id": 1, "question": Q1, "response": BAD, "model": "m1", "answer": "30"},
            {"id": 2, "question": Q1, "response": S1, "model": "m2", "answer": "30"},
            {"id": 3, "question": Q2, "response": S2, "model": "m1", "answer": "2"},
        ],
        [
            Right(Q1, [BAD, S1], "30", {"solvers": ["m1", "m2"], "correct": ["different", "same"], "chosen": "1"}),
            _BOTH[1],
        ],
    ),
)

EVALUATION = (
    Case(
        "lm_eval",
        [
            {
                "doc_id": 3,
                "doc": {"question": Q1, "answer": "30\n#### 30"},
                "target": "30\n#### 30",
                "resps": [[S1]],
                "filtered_resps": ["30"],
                "exact_match": 1.0,
            }
        ],
        [Right(Q1, [S1], "30", {"extra": {"exact_match": 1.0, "filtered_resps": ["30"], "doc_id": 3}})],
    ),
    Case(
        "lm_eval_repeats",
        [{"doc": {"problem": Q1}, "target": "30", "resps": [[S1, BAD]], "acc": 0.5}],
        [Right(Q1, [S1, BAD], "30", {"correct": ["same", "different"], "extra": {"acc": 0.5}})],
    ),
    Case(
        "math_eval",
        [
            {
                "idx": 0,
                "question": Q1,
                "gt_cot": "x",
                "gt": "30",
                "code": [S1, BAD],
                "pred": ["30", "11"],
                "score": [True, False],
            }
        ],
        [
            Right(
                Q1,
                [S1, BAD],
                "30",
                {"correct": ["same", "different"], "extra": {"score": [True, False], "pred": ["30", "11"]}},
            )
        ],
    ),
    Case(
        "completions_of_models",
        [{"prompt": Q1, "completions": [{"model": "m1", "completion": S1}, {"model": "m2", "completion": BAD}]}],
        [Right(Q1, [S1, BAD], None, {"solvers": ["m1", "m2"]})],
    ),
    Case(
        "openai_choices",
        [
            {
                "question": Q1,
                "response": {
                    "model": "m",
                    "choices": [
                        {"index": 0, "message": _assistant(S1), "finish_reason": "stop"},
                        {"index": 1, "message": _assistant(BAD), "finish_reason": "length"},
                    ],
                },
            }
        ],
        [Right(Q1, [S1, BAD], None, {"solvers": ["m", "m"], "finish": ["stop", "length"]})],
    ),
    Case("model_output", _two("problem", "model_output", "target", first=(Q1, S1, 30), second=(Q2, S2, 2)), _BOTH),
    Case(
        "multiple_choice",
        [{"question": Q1, "options": ["A. 11", "B. 30"], "answer": "B"}],
        [Right(f"{Q1}\nA. 11\nB. 30", gold="B")],
    ),
    Case(
        "labelled_choices",
        [{"question": Q1, "choices": {"text": ["11", "30"], "label": ["A", "B"]}, "answerKey": "B"}],
        [Right(f"{Q1}\n(A) 11\n(B) 30", gold="B")],
    ),
    Case(
        "story",
        [{"Body": "A tray has 5 rows of 6 buns.", "Question": "How many buns is that?", "Answer": 30.0}],
        [Right("A tray has 5 rows of 6 buns.\n\nHow many buns is that?", gold="30.0")],
    ),
    Case("input_target", _two("input", "target", first=(Q1, "30"), second=(Q2, "2")), _GOLD),
    Case("answers_as_lists", _two("question", "final_answer", first=(Q1, ["30"]), second=(Q2, [2])), _GOLD),
    Case("nested", [{"question": {"problem": Q1, "ground_truth_answer": "30"}, "label": {"steps": []}}], [_GOLD[0]]),
    Case("spelled_otherwise", [{"Problem Statement": Q1, "Final-Answer": "30"}], [_GOLD[0]]),
    Case(
        "pass_rates",
        [{"problem": Q1, "answer": "30", "pass_rates": {"m1": 0.5, "m2": 1}}],
        [
            Right(
                Q1,
                gold="30",
                more={"extra": {"pass_rates": {"m1": 0.5, "m2": 1}}, "rates": {"m1": (0.5, None), "m2": (1.0, None)}},
            )
        ],
    ),
    Case(
        "fail_counts",
        [{"query": Q1, "answer": "30", "n_correct": 3, "n_samples": 4}],
        [Right(Q1, gold="30", more={"rates": {"import": (0.75, 4)}})],
    ),
    Case(
        "large_numbers",
        [{"question": Q1, "answer": 123456789012345678901234567890, "id": 2**70}],
        [Right(Q1, gold="123456789012345678901234567890", more={"extra": {"id": 2**70}})],
    ),
)

_ROW = f'{{"question": "{Q1}", "answer": "30"}}'
CONTAINERS = (
    Case("around_a_list", f'{{"version": "1", "data": [{_ROW}]}}', [_GOLD[0]]),
    Case("dict_of_rows", f'{{\n "a": {_ROW},\n "b": {{"question": "{Q2}", "answer": 2}}}}', _GOLD),
    Case("pandas_columns", f'{{"question": {{"0": "{Q1}", "1": "{Q2}"}}, "answer": {{"0": "30", "1": "2"}}}}', _GOLD),
    Case("pandas_split", f'{{"columns": ["question", "answer"], "index": [0], "data": [["{Q1}", "30"]]}}', [_GOLD[0]]),
    Case("lists_of_columns", f'{{"question": ["{Q1}", "{Q2}"], "answer": ["30", "2"]}}', _GOLD),
    Case(
        "one_after_another",
        f'{{\n "question": "{Q1}",\n "answer": "30"\n}}\n{{\n "question": "{Q2}",\n "answer": 2\n}}',
        _GOLD,
    ),
    Case("an_array", f"[{_ROW}]", [_GOLD[0]]),
)

LAYOUTS: tuple[Case, ...] = (*PUBLISHED, *TRAINING, *EVALUATION, *CONTAINERS)
