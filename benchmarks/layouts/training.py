"""Layouts of training data: instructions, chats, templates, preferences, several samples."""

from benchmarks.layouts.case import BAD, BOTH, GOLD, PAIRS, Q1, Q2, S1, S2, Case, Right, assistant, two, user

TRAINING = (
    Case(
        "alpaca",
        two("instruction", "input", "output", first=("Count them.", Q1, S1), second=(Q2, "", S2)),
        [Right(f"Count them.\n\n{Q1}", [S1]), PAIRS[1]],
    ),
    Case("prompt_completion", two("prompt", "completion", first=(Q1, S1), second=(Q2, S2)), PAIRS),
    Case(
        "conversational_prompts",
        [{"prompt": [user(q)], "completion": [assistant(s)]} for q, s in ((Q1, S1), (Q2, S2))],
        PAIRS,
    ),
    Case(
        "messages_with_system",
        [{"messages": [{"role": "system", "content": "Be brief."}, user(Q1), assistant(S1)]}],
        [
            Right(
                Q1,
                [S1],
                None,
                {"extra": {"messages": [{"role": "system", "content": "Be brief."}, user(Q1), assistant(S1)]}},
            )
        ],
    ),
    Case(
        "reasoning_content",
        [
            {"messages": [user(Q1), assistant(S1, reasoning_content="hm")]},
            {"messages": [user(Q2), assistant(S2, reasoning_content="so")]},
        ],
        [Right(Q1, [S1], None, {"reasoning": ["hm"]}), Right(Q2, [S2], None, {"reasoning": ["so"]})],
    ),
    Case(
        "thinking_key",
        [{"messages": [user(Q1), assistant(S1, thinking="hm")]}],
        [Right(Q1, [S1], None, {"reasoning": ["hm"]})],
    ),
    Case(
        "thinking_column",
        two("problem", "thinking_content", "solution", first=(Q1, "hm, so", S1), second=(Q2, "so, hm", S2)),
        [Right(Q1, [S1], None, {"reasoning": ["hm, so"]}), Right(Q2, [S2], None, {"reasoning": ["so, hm"]})],
    ),
    Case(
        "reasoning_as_a_switch",
        [{"input": [user(q)], "output": s, "reasoning": "off"} for q, s in ((Q1, S1), (Q2, S2))],
        [Right(q, [s], None, {"extra": {"reasoning": "off"}}) for q, s in ((Q1, S1), (Q2, S2))],
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
        PAIRS,
    ),
    Case(
        "several_turns",
        [{"messages": [user("Say hi."), assistant("Hi."), user(Q1), assistant(S1)]}],
        [
            Right(
                Q1,
                [S1],
                None,
                {"extra": {"messages": [user("Say hi."), assistant("Hi."), user(Q1), assistant(S1)]}},
            )
        ],
    ),
    Case(
        "a_turn_asked_back",
        [{"messages": [user(Q1), assistant("All trays?"), user("One tray."), assistant(S1)]}],
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
        [GOLD[0]],
    ),
    Case(
        "dpo",
        two("prompt", "chosen", "rejected", first=(Q1, S1, BAD), second=(Q2, S2, "\\boxed{3}")),
        [Right(Q1, [S1, BAD], None, {"chosen": "0", "rejected": "1"}), Right(Q2, [S2, "\\boxed{3}"])],
    ),
    Case(
        "dpo_messages",
        [
            {
                "chosen": [user(Q1), assistant(S1)],
                "rejected": [user(Q1), assistant(BAD)],
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
        two("prompt", "completion", "label", first=(Q1, BAD, False), second=(Q2, S2, True)),
        [Right(Q1, [BAD], None, {"dropped": "pair"}), PAIRS[1]],
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
            BOTH[1],
        ],
    ),
)
