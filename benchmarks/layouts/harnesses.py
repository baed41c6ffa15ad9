"""Layouts of what evaluation harnesses, inference engines and trainers write of their own runs."""

import json

from benchmarks.layouts.case import (
    ASKED,
    BAD,
    BOTH,
    L1,
    Q1,
    S1,
    THOUGHT_BOTH,
    Case,
    Right,
    assistant,
    think,
    user,
)

_SORT = "Three cards have the letters a, b, c. Sort them."
_CODES = ["```python\nprint(1)\n```", "```python\nprint(2)\n```"]
_LONG_BAD = "Adding the two numbers of the text gives five plus six, which makes \\boxed{11}."

HARNESSES = (
    Case(
        "lm_eval_choices",
        [
            {
                "doc_id": 0,
                "doc": {"question": Q1, "choices": ["11", "30"], "answer": 1},
                "target": "1",
                "arguments": {"gen_args_0": {"arg_0": f"{Q1}\nA. 11\nB. 30\nAnswer:", "arg_1": " A"}},
                "resps": [[["-1.25", "False"]], [["-0.5", "True"]]],
                "filtered_resps": [["-1.25", "False"], ["-0.5", "True"]],
                "acc": 1.0,
            }
        ],
        [Right(f"{Q1}\n(A) 11\n(B) 30", gold="B", more={"extra": {"acc": 1.0}})],
    ),
    Case(
        "lighteval_old",
        [
            {
                "choices": None,
                "cont_tokens": None,
                "example": q,
                "full_prompt": q,
                "gold": [gold],
                "gold_index": [0],
                "instruction": "",
                "metrics": {"extractive_match": 1.0},
                "predictions": [think(t, s)],
                "truncated": 0,
            }
            for q, s, t, gold in ASKED
        ],
        THOUGHT_BOTH,
    ),
    Case(
        "lighteval",
        [
            {
                "doc": {"query": q, "choices": [gold], "gold_index": 0, "instruction": None, "id": "0"},
                "metric": {"pass@1": 1.0},
                "model_response": {"text": [think(t, s)], "input": None, "reasonings": [None]},
            }
            for q, s, t, gold in ASKED
        ],
        THOUGHT_BOTH,
    ),
    Case(
        "opencompass",
        json.dumps(
            {
                str(place): {"origin_prompt": [{"role": "HUMAN", "prompt": q}], "prediction": s, "gold": gold}
                for place, (q, s, _, gold) in enumerate(ASKED)
            },
            indent=4,
        ),
        BOTH,
    ),
    Case(
        "inspect_log",
        json.dumps(
            {
                "version": 2,
                "status": "success",
                "eval": {"task": "t", "model": "m"},
                "plan": {"name": "plan", "steps": [{"solver": "generate", "params": {}}]},
                "results": {"total_samples": 2, "scores": [{"name": "match", "metrics": {}}]},
                "samples": [
                    {
                        "id": place,
                        "epoch": 1,
                        "input": q,
                        "target": gold,
                        "messages": [user(q), assistant(s, source="generate")],
                        "output": {"model": "m", "choices": [{"message": assistant(s), "stop_reason": "stop"}]},
                        "scores": {"match": {"value": "C", "answer": gold}},
                    }
                    for place, (q, s, _, gold) in enumerate(ASKED)
                ],
            },
            indent=2,
        ),
        BOTH,
    ),
    Case(
        "livecodebench_outputs",
        [
            {
                "question_title": "Short Sort",
                "question_content": _SORT,
                "question_id": "1",
                "starter_code": "",
                "difficulty": "easy",
                "output_list": _CODES,
                "code_list": ["print(1)", "print(2)"],
                "graded_list": [True, False],
                "pass@1": 0.5,
            }
        ],
        [Right(_SORT, _CODES, None, {"dropped": "solution", "extra": {"graded_list": [True, False]}})],
    ),
    Case(
        "matharena_outputs",
        [
            {
                "problem_idx": 1,
                "problem": Q1,
                "model_name": model,
                "idx_answer": 0,
                "user_message": f"Put your final answer within \\boxed{{}}.\n\n{Q1}",
                "answer": s,
                "gold_answer": "30",
                "parsed_answer": parsed,
                "correct": parsed == "30",
            }
            for model, s, parsed in (("m1", L1, "30"), ("m2", _LONG_BAD, "11"))
        ],
        [Right(Q1, [L1, _LONG_BAD], "30", {"solvers": ["m1", "m2"], "correct": ["same", "different"]})],
    ),
    Case(
        "nemo_skills",
        [
            {
                "problem": q,
                "expected_answer": gold,
                "generation": think(t, s),
                "predicted_answer": gold,
                "symbolic_correct": True,
                "num_generated_tokens": 9,
            }
            for q, s, t, gold in ASKED
        ],
        THOUGHT_BOTH,
    ),
    Case(
        "vllm_outputs",
        [
            {
                "request_id": "0",
                "prompt": Q1,
                "prompt_token_ids": [1, 2, 3],
                "outputs": [
                    {"index": 0, "text": S1, "cumulative_logprob": -3.5, "finish_reason": "stop"},
                    {"index": 1, "text": BAD, "cumulative_logprob": -9.5, "finish_reason": "length"},
                ],
                "finished": True,
            }
        ],
        [Right(Q1, [S1, BAD], None, {"finish": ["stop", "length"]})],
    ),
    Case(
        "openai_batch_joined",
        [
            {
                "custom_id": "request-1",
                "body": {"model": "m", "messages": [{"role": "system", "content": "Reason step by step."}, user(q)]},
                "response": {
                    "status_code": 200,
                    "body": {
                        "object": "chat.completion",
                        "model": "m",
                        "choices": [
                            {"index": 0, "message": assistant(s, reasoning_content=t), "finish_reason": "stop"}
                        ],
                        "usage": {"prompt_tokens": 9},
                    },
                },
                "error": None,
            }
            for q, s, t, _ in ASKED
        ],
        [Right(q, [s], None, {"reasoning": [t], "finish": ["stop"], "solvers": ["m"]}) for q, s, t, _ in ASKED],
    ),
    Case(
        "verl_rollouts",
        [
            {
                "input": f"<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n{Q1}<|im_end|>\n"
                "<|im_start|>assistant\n",
                "output": s,
                "gts": "30",
                "score": score,
                "step": 10,
                "acc": score > 0,
                "pred": parsed,
            }
            for s, score, parsed in ((S1, 1.0, "30"), (BAD, 0.0, "11"))
        ],
        [Right(Q1, [S1, BAD], "30", {"rewards": [1.0, 0.0], "correct": ["same", "different"]})],
    ),
)
