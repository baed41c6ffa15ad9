"""Layouts of further published data sets: questions, thoughts, steps, and rated or preferred samples."""

import json

from benchmarks.layouts.case import (
    ASKED,
    BAD,
    GOLD,
    LONG,
    PAIRS,
    Q1,
    Q2,
    S1,
    THOUGHT,
    THOUGHT_BOTH,
    Case,
    Right,
    assistant,
    gpt,
    human,
    think,
    user,
)

_STEPS1 = ["Step 1: There are 5 rows of 6 buns.", "Step 2: 5 + 6 = 11.", "Step 3: The answer is \\boxed{11}."]
_STEPS2 = ["Step 1: 6 * 8 = 48.", "Step 2: The answer is \\boxed{2}."]
_PREFERRED = [Right(q, [s, BAD], None, {"chosen": "0", "rejected": "1"}) for q, s, _, _ in ASKED]

CORPORA = (
    Case(
        "acemath_instruct",
        [{"messages": [user(q)], "answer": s} for q, s, _, _ in LONG],
        [Right(q, [s]) for q, s, _, _ in LONG],
    ),
    Case(
        "megascience",
        [{"question": q, "subject": "math", "reference_answer": gold, "answer": s} for q, s, _, gold in LONG],
        [Right(q, [s], gold, {"correct": ["same"]}) for q, s, _, gold in LONG],
    ),
    Case(
        "scp116k",
        [
            {
                "domain": "physics",
                "problem": q,
                "solution": f"From the book: {gold}",
                "o1_solution": f"O1. {s}",
                "o1_matched": True,
                "r1_reasoning": t,
                "r1_solution": s,
                "r1_matched": True,
            }
            for q, s, t, gold in LONG
        ],
        [Right(q, [s], None, {"reasoning": [t], "extra": {"o1_matched": True}}) for q, s, t, _ in LONG],
    ),
    Case(
        "dapo_processed",
        [
            {
                "prompt": q,
                "solution": gold,
                "source_prompt": [user(f"Solve the following math problem step by step.\n\n{q}")],
                "ability": "MATH",
                "reward_model": {"ground_truth": gold, "style": "rule-lighteval/MATH_v2"},
                "extra_info": {"index": "x"},
            }
            for q, _, _, gold in ASKED
        ],
        GOLD,
    ),
    Case(
        "orz",
        [
            {"0": human(q), "1": {"from": "assistant", "ground_truth": {"value": gold, "pass_at_n": 0.25}}}
            for q, _, _, gold in ASKED
        ],
        GOLD,
    ),
    Case(
        "orz_json",
        json.dumps([[human(q), {"from": "assistant", "ground_truth": {"value": gold}}] for q, _, _, gold in ASKED]),
        GOLD,
    ),
    Case(
        "olympiadbench",
        [
            {
                "id": 1,
                "question": q,
                "solution": [s],
                "final_answer": [gold],
                "context": None,
                "is_multiple_answer": False,
                "answer_type": "Numerical",
                "error": None,
            }
            for q, s, _, gold in ASKED
        ],
        [Right(q, [s], gold) for q, s, _, gold in ASKED],
    ),
    Case(
        "openmathinstruct",
        [
            {
                "question": Q1,
                "expected_answer": "30",
                "predicted_answer": predicted,
                "error_message": "",
                "is_correct": predicted == "30",
                "generated_solution": s,
            }
            for s, predicted in ((BAD, "11"), (S1, "30"))
        ],
        [Right(Q1, [BAD, S1], "30", {"correct": ["different", "same"], "chosen": "1"})],
    ),
    Case(
        "camel_math",
        [{"role_1": "a", "topic;": "Algebra", "message_1": q, "message_2": s} for q, s, _, _ in ASKED],
        PAIRS,
    ),
    Case(
        "s1k_tokenized",
        [
            {
                "text": f"<|im_start|>system\nBe helpful.<|im_end|>\n<|im_start|>user\n{q}<|im_end|>\n"
                f"<|im_start|>assistant\n<|im_start|>think\n{t}\n<|im_start|>answer\n{s}<|im_end|>"
            }
            for q, s, t, _ in ASKED
        ],
        THOUGHT,
    ),
    Case(
        "s1k_11",
        [
            {
                "solution": gold,
                "question": q,
                "metadata": f"{{'answer': '{gold}', 'problem_type': None}}",
                "gemini_thinking_trajectory": f"Gemini: {t}",
                "gemini_attempt": f"Gemini says. {s}",
                "deepseek_thinking_trajectory": t,
                "deepseek_attempt": s,
                "deepseek_grade": "Yes",
            }
            for q, s, t, gold in LONG
        ],
        [Right(q, [s], gold, {"reasoning": [t]}) for q, s, t, gold in LONG],
    ),
    Case(
        "openo1",
        [{"instruction": q, "output": f"<Thought>\n{t}\n</Thought>\n<Output>\n{s}\n</Output>"} for q, s, t, _ in ASKED],
        THOUGHT,
    ),
    Case(
        "am_with_gold",
        [
            {
                "messages": [
                    {**user(q), "info": {"source": "x", "reference_answer": gold, "think_content": None}},
                    assistant(think(t, s), info={"source": "x", "reference_answer": None, "think_content": t}),
                ]
            }
            for q, s, t, gold in ASKED
        ],
        THOUGHT_BOTH,
    ),
    Case(
        "nemotron",
        [
            {
                "generator": "R1",
                "category": "math",
                "reasoning": "on",
                "messages": [{**user(q), "tool_calls": []}, assistant(think(t, s), tool_calls=[])],
                "metadata": json.dumps({"expected_answer": gold, "problem_source": "x"}),
            }
            for q, s, t, gold in ASKED
        ],
        THOUGHT_BOTH,
    ),
    Case(
        "math_shepherd",
        [
            {
                "input": f"{Q1} Step 1: 5 + 6 = 11 ки\nStep 2: The answer is: 11 ки",
                "label": f"{Q1} Step 1: 5 + 6 = 11 -\nStep 2: The answer is: 11 -",
                "task": "GSM8K",
            }
        ],
        [
            Right(
                f"{Q1} Step 1: 5 + 6 = 11 ки\nStep 2: The answer is: 11 ки",
                more={"extra": {"task": "GSM8K"}},  # without a solution it waits for one
            )
        ],
    ),
    Case(
        "trl_stepwise",
        [
            {"prompt": Q1, "completions": _STEPS1, "labels": [True, False, False]},
            {"prompt": Q2, "completions": _STEPS2, "labels": [True, True]},
        ],
        [Right(Q1, ["\n".join(_STEPS1)]), Right(Q2, ["\n".join(_STEPS2)])],
    ),
)

PREFERENCES = (
    Case(
        "distilabel_math_dpo",
        [
            {
                "metadata": '{"length": 100}',
                "instruction": q,
                "chosen_response": s,
                "chosen_rating": 9.0,
                "rejected_response": BAD,
                "rejected_rating": 7.0,
            }
            for q, s, _, _ in ASKED
        ],
        [Right(q, [s, BAD], None, {"chosen": "0", "rejected": "1", "rewards": [9.0, 7.0]}) for q, s, _, _ in ASKED],
    ),
    Case(
        "distilabel_orca_dpo",
        [
            {
                "system": "Be helpful.",
                "input": q,
                "chosen": s,
                "rejected": BAD,
                "generations": [BAD, s],
                "order": ["rejected", "chosen"],
                "rating": [7.0, 9.0],
                "status": "swapped",
                "original_chosen": BAD,
                "original_rejected": s,
                "chosen_score": 9.0,
            }
            for q, s, _, _ in ASKED
        ],
        _PREFERRED,
    ),
    Case(
        "llamafactory_preference",
        [{"conversations": [human(q)], "chosen": gpt(s), "rejected": gpt(BAD)} for q, s, _, _ in ASKED],
        _PREFERRED,
    ),
    Case(
        "helpsteer3",
        [
            {
                "context": [user(q)],
                "response1": s,
                "response2": BAD,
                "overall_preference": -2,
                "individual_preference": [{"score": -2, "reasoning": "The first is right.", "feedback1": "ok"}],
            }
            for q, s, _, _ in ASKED
        ],
        [Right(q, [s, BAD], None, {"extra": {"overall_preference": -2}}) for q, s, _, _ in ASKED],
    ),
    Case(
        "nectar",
        [
            {
                "prompt": f"\n\nHuman: {Q1}\n\nAssistant: ",
                "answers": [{"answer": S1, "model": "m1", "rank": 1.0}, {"answer": BAD, "model": "m2", "rank": 2.0}],
                "turns": 1,
                "num_responses": 2,
                "good_natured": True,
            }
        ],
        [Right(Q1, [S1, BAD], None, {"solvers": ["m1", "m2"]})],
    ),
    Case(
        "ultrafeedback",
        [
            {
                "instruction": Q1,
                "models": ["m1", "m2"],
                "completions": [
                    {"annotations": {"helpfulness": {"Rating": "2"}}, "model": model, "response": s, "overall_score": x}
                    for model, s, x in (("m1", BAD, 2.0), ("m2", S1, 9.0))
                ],
                "correct_answers": ["None"],
            }
        ],
        [Right(Q1, [BAD, S1], None, {"solvers": ["m1", "m2"], "rewards": [2.0, 9.0], "chosen": "1"})],
    ),
    Case(
        "safe_rlhf",
        [{"prompt": Q1, "response_0": BAD, "response_1": S1, "better_response_id": 1, "safer_response_id": 1}],
        [Right(Q1, [BAD, S1], None, {"extra": {"better_response_id": 1}})],
    ),
)
