"""Layouts of published data sets and of the trainers that read them."""

from benchmarks.layouts.case import BAD, BOTH, GOLD, PAIRS, Q1, Q2, S1, S2, Case, Right, assistant, think, two, user

PUBLISHED = (
    Case(
        "openr1_math",
        [
            {
                "problem": Q1,
                "solution": "A person's own words.",
                "answer": "30",
                "generations": [think("5 * 6", S1), "<think>\n5 * 6, or wait"],
                "is_reasoning_complete": [True, False],
                "correctness_math_verify": [True, False],
                "finish_reasons": None,
                "uuid": "u1",
            },
            {
                "problem": Q2,
                "solution": "By hand.",
                "answer": "2",
                "generations": [think("48", S2), S2],
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
        two(
            "expected_answer",
            "problem",
            "generated_solution",
            "pass_rate_72b_tir",
            "generation_model",
            "problem_type",
            first=("30", Q1, think("count", S1), "0.25", "R1", "has_answer"),
            second=("2", Q2, think("divide", S2), "n/a", "QwQ", "no_answer"),
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
        two(
            "question",
            "final_answer",
            "difficulty",
            "topic",
            "r1_solution_1",
            "r1_solution_2",
            "r1_solution_3",
            first=(Q1, "30", 3.5, "Mathematics -> Number Theory", S1, think("hm", S1), BAD),
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
        two(
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
        two(
            "data_source",
            "prompt",
            "reward_model",
            "extra_info",
            first=(
                "a",
                [user(Q1)],
                {"ground_truth": '["30"]', "style": "rule"},
                {"index": 7, "model_difficulty": {"small": 16, "large": 4}},
            ),
            second=(
                "a",
                [user(Q2)],
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
        two(
            "data_source",
            "prompt",
            "ability",
            "reward_model",
            "extra_info",
            first=(
                "gsm8k",
                [user(Q1)],
                "math",
                {"style": "rule", "ground_truth": "30"},
                {"split": "train", "index": 0, "answer": "5 * 6 = 30\n#### 30", "question": "5 rows of 6?"},
            ),
            second=(
                "gsm8k",
                [user(Q2)],
                "math",
                {"style": "rule", "ground_truth": "2"},
                {"split": "train", "index": 1, "answer": "2\n#### 2", "question": "50 by 8?"},
            ),
        ),
        [Right(Q1, gold="30", more={"extra": {"ability": "math"}}), GOLD[1]],
    ),
    Case(
        "skyrl",
        two(
            "data_source",
            "prompt",
            "env_class",
            "reward_spec",
            first=("a", [user(Q1)], "aime", {"method": "rule", "ground_truth": 30}),
            second=("a", [user(Q2)], "aime", {"method": "rule", "ground_truth": 2}),
        ),
        [Right(Q1, gold="30", more={"extra": {"env_class": "aime"}}), GOLD[1]],
    ),
    Case(
        "slime",
        two("prompt", "label", "metadata", first=([user(Q1)], "30", {"a": 1}), second=([user(Q2)], "2", {"a": 2})),
        [Right(Q1, gold="30", more={"extra": {"metadata": {"a": 1}}}), GOLD[1]],
    ),
    Case(
        "synthetic",
        two(
            "problem_id",
            "task_type",
            "prompt",
            "gold_standard_solution",
            "verification_info",
            first=("v1", "verifiable_math", Q1, "so \\boxed{30}", '{"ground_truth": "30"}'),
            second=("v2", "verifiable_math", Q2, "\\boxed{2}", "{}"),
        ),
        [Right(Q1, gold="30", more={"extra": {"gold_standard_solution": "so \\boxed{30}"}}), GOLD[1]],
    ),
    Case(
        "synthetic_with_responses",
        two(
            "prompt",
            "llm_response",
            "verification_info",
            first=(Q1, think("30?", S1), '{"ground_truth": "30"}'),
            second=(Q2, think("2?", S2), '{"ground_truth": "2"}'),
        ),
        [Right(Q1, [S1], "30", {"reasoning": ["30?"]}), BOTH[1]],
    ),
    Case(
        "nemo_gym",
        two(
            "responses_create_params",
            "question",
            "expected_answer",
            "verifier_metadata",
            first=({"input": [user(Q1)], "tools": []}, Q1, "30", {"unit_tests": ["a"]}),
            second=({"input": [user(Q2)], "tools": []}, Q2, "2", {"unit_tests": []}),
        ),
        [Right(Q1, gold="30", more={"extra": {"verifier_metadata": {"unit_tests": ["a"]}}}), GOLD[1]],
    ),
    Case(
        "nemo_gym_messages",
        two(
            "responses_create_params",
            "expected_answer",
            first=({"input": [{"role": "system", "content": "Be brief."}, user(Q1)]}, "30"),
            second=({"input": [user(Q2)]}, "2"),
        ),
        GOLD,
    ),
    Case(
        "scalediff",
        two("problem", "solution", first=(Q1, think("a", S1)), second=(Q2, think("b", S2))),
        [Right(Q1, [S1], None, {"reasoning": ["a"]}), Right(Q2, [S2], None, {"reasoning": ["b"]})],
    ),
    Case(
        "openthoughts_conversations",
        two(
            "system",
            "conversations",
            first=(
                "Think.",
                [
                    {"from": "user", "value": Q1},
                    {
                        "from": "assistant",
                        "value": "<|begin_of_thought|>\n\nhm\n\n<|end_of_thought|>\n\n"
                        f"<|begin_of_solution|>\n\n{S1}\n\n<|end_of_solution|>",
                    },
                ],
            ),
            second=("Think.", [{"from": "user", "value": Q2}, {"from": "assistant", "value": S2}]),
        ),
        [Right(Q1, [S1], None, {"reasoning": ["hm"], "extra": {"system": "Think."}}), PAIRS[1]],
    ),
    Case(
        "openthoughts",
        two(
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
            {"messages": [{**user(q), "info": {"source": "m"}}, {**assistant(think("hm", s)), "info": {"test": 1}}]}
            for q, s in ((Q1, S1), (Q2, S2))
        ],
        [Right(q, [s], None, {"reasoning": ["hm"]}) for q, s in ((Q1, S1), (Q2, S2))],
    ),
    Case(
        "kodcode",
        two(
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
        two(
            "question",
            "r1_generation",
            "solution",
            "pass_rate",
            "test_code",
            first=("Write add(a, b).", think("easy", "a + b"), "x", "0.75", "add(1, 2)"),
            second=("Write one().", think("easy", "1"), "y", "-1", "one()"),
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
            {"source": "a", "problem": q, "solution": s, "messages": [user(q), assistant(s)]}
            for q, s in ((Q1, S1), (Q2, S2))
        ],
        PAIRS,
    ),
    Case(
        "gsm8k",
        two("question", "answer", first=(Q1, "5 * 6 = <<5*6=30>>30\n#### 30"), second=(Q2, "50 - 48 = 2\n#### 2")),
        [
            Right(Q1, ["5 * 6 = <<5*6=30>>30\n#### 30"], "30", {"correct": ["same"]}),
            Right(Q2, ["50 - 48 = 2\n#### 2"], "2"),
        ],
    ),
    Case(
        "math",
        two(
            "problem",
            "solution",
            "answer",
            "subject",
            "level",
            first=(Q1, S1, "30", "Prealgebra", 1),
            second=(Q2, S2, "2", "Number Theory", 2),
        ),
        [Right(Q1, [S1], "30", {"topic": "Prealgebra", "level": "1"}), BOTH[1]],
    ),
    Case(
        "s1k",
        two(
            "question",
            "solution",
            "thinking_trajectories",
            "attempt",
            first=(Q1, "30", ["hm"], S1),
            second=(Q2, "2", ["so"], S2),
        ),
        PAIRS,
    ),
)
