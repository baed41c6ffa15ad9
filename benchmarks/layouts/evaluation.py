"""Layouts of evaluations and of files that hold all rows in one object."""

from benchmarks.layouts.case import BAD, BOTH, GOLD, Q1, Q2, S1, S2, Case, Right, assistant, two, user

EVALUATION = (
    Case(
        "humaneval",
        [
            {
                "task_id": "t/0",
                "prompt": "def one():\n",
                "canonical_solution": "    return 1",
                "test": "assert one() == 1",
            }
        ],
        [Right("def one():\n", ["    return 1"], "assert one() == 1", {"extra": {"task_id": "t/0"}})],
    ),
    Case(
        "trl_grpo",
        [{"prompt": [user(Q1)], "solution": "$30$", "level": 1}, {"prompt": [user(Q2)], "solution": "$2$", "level": 2}],
        [Right(Q1, gold="$30$", more={"level": "1"}), Right(Q2, gold="$2$")],
    ),
    Case(
        "messages_as_text",
        [{"prompt": f'[{{"role": "user", "content": "{Q1}"}}]', "info": "{'ground_truth': '30'}"}],
        [Right(Q1, gold="30")],
    ),
    Case(
        "code_with_tests",
        two("problem", "solution", "test_code", first=("F?", "f = 1", "f"), second=("G?", "g = 2", "g")),
        [Right("F?", ["f = 1"], "f"), Right("G?", ["g = 2"], "g")],
    ),
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
                        {"index": 0, "message": assistant(S1), "finish_reason": "stop"},
                        {"index": 1, "message": assistant(BAD), "finish_reason": "length"},
                    ],
                },
            }
        ],
        [Right(Q1, [S1, BAD], None, {"solvers": ["m", "m"], "finish": ["stop", "length"]})],
    ),
    Case("model_output", two("problem", "model_output", "target", first=(Q1, S1, 30), second=(Q2, S2, 2)), BOTH),
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
    Case("input_target", two("input", "target", first=(Q1, "30"), second=(Q2, "2")), GOLD),
    Case("answers_as_lists", two("question", "final_answer", first=(Q1, ["30"]), second=(Q2, [2])), GOLD),
    Case("nested", [{"question": {"problem": Q1, "ground_truth_answer": "30"}, "label": {"steps": []}}], [GOLD[0]]),
    Case("spelled_otherwise", [{"Problem Statement": Q1, "Final-Answer": "30"}], [GOLD[0]]),
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
    Case("around_a_list", f'{{"version": "1", "data": [{_ROW}]}}', [GOLD[0]]),
    Case("dict_of_rows", f'{{\n "a": {_ROW},\n "b": {{"question": "{Q2}", "answer": 2}}}}', GOLD),
    Case("pandas_columns", f'{{"question": {{"0": "{Q1}", "1": "{Q2}"}}, "answer": {{"0": "30", "1": "2"}}}}', GOLD),
    Case("pandas_split", f'{{"columns": ["question", "answer"], "index": [0], "data": [["{Q1}", "30"]]}}', [GOLD[0]]),
    Case("lists_of_columns", f'{{"question": ["{Q1}", "{Q2}"], "answer": ["30", "2"]}}', GOLD),
    Case(
        "one_after_another",
        f'{{\n "question": "{Q1}",\n "answer": "30"\n}}\n{{\n "question": "{Q2}",\n "answer": 2\n}}',
        GOLD,
    ),
    Case("an_array", f"[{_ROW}]", [GOLD[0]]),
)
