"""The usual names of columns, in the order in which they are tried. A data set's layout is read off them.

Names are compared by their letters and digits alone: ``Final Answer``, ``final-answer`` and ``finalAnswer`` are one.
"""

import re
from collections.abc import Iterable, Sequence

QUESTION = (
    "query", "problem", "question", "instruction", "prompt", "problem_statement", "question_text", "problem_text",
    "question_content", "user_prompt", "input", "origin_prompt", "example", "full_prompt", "message_1",
)  # fmt: skip
RESPONSE = (
    "response", "responses", "generations", "generation", "generated_solution", "generated_solutions", "generated_text",
    "r1_generation", "r1_generations", "r1_solution", "r1_solutions", "llm_response", "llm_responses", "model_output",
    "model_outputs", "model_response", "model_responses", "deepseek_solution", "deepseek_attempt", "completions",
    "completion", "samples", "rollouts", "candidates", "outputs", "output", "resps", "chosen", "predictions",
    "prediction", "attempt", "solutions", "solution", "reference_solution", "assistant", "rationale", "worked_solution",
    "explanation", "chain_of_thought", "cot", "pred", "output_list", "message_2",
)  # fmt: skip
REASONING = (
    "reasoning", "reasoning_content", "thinking", "thought", "thoughts", "deepseek_reasoning", "r1_reasoning",
    "deepseek_thinking_trajectory", "gemini_thinking_trajectory", "thinking_trajectory", "think_content",
    "thinking_content", "reasoning_trace", "reasoning_text", "reasoning_chain", "model_reasoning", "r1_thinking",
    "thinking_process", "thought_process", "long_cot",
)  # fmt: skip
CHAT = ("messages", "conversations", "conversation", "chat", "dialogue", "dialog", "turns")
"""A list of messages: the last answer of the assistant is the response, what the user said before it the question."""
ANSWER = (
    "reference_answer", "ground_truth", "gold_answer", "expected_answer", "correct_answer", "answer", "final_answer",
    "ground_truth_answer", "gold", "gt", "gts", "gt_answer", "target", "answer_key", "solution_answer",
    "verified_answer", "short_answer", "gold_standard_solution", "answers",
)  # fmt: skip
CHOSEN, REJECTED = ("chosen", "chosen_response"), ("rejected", "rejected_response")
STORY = ("body", "passage", "context", "story", "background")
"""What a question without it cannot be answered."""
OPTIONS = ("options", "choices", "answer_choices", "option_list", "multiple_choice_options")
TOPIC = ("topic", "subject", "type", "domain", "category", "problem_type")
SOLVER = ("solver", "generation_model", "response_model", "solution_model", "teacher", "teacher_model", "model",
          "model_name")  # fmt: skip
FINISH = ("finish_reasons", "finish_reason", "stop_reason", "is_reasoning_complete", "reasoning_complete")
REWARD = ("reward", "rewards", "rm_score", "rm_scores", "reward_score", "reward_scores", "reward_model_score", "score",
          "scores", "rating", "ratings")  # fmt: skip
ID = ("query_id", "question_id", "id")
RATE: tuple[tuple[str, ...], ...] = (
    ("fail_rate",),
    ("pass_rate",),
    ("tot_n_corrects", "tot_n_samples"),
    ("n_correct", "n_samples"),
    ("correct", "n"),
)
"""How a fail rate is spelled: the rate itself, its complement, or counts of correct samples and of all."""
_KEY = re.compile(r"[\W_]+")


def key(name: str) -> str:
    """Equal for names that differ in case and in what separates their words."""
    return _KEY.sub("", name).casefold()


def first(names: Iterable[str], columns: Sequence[str]) -> str | None:
    """The first of the names that is a column."""
    return next((name for name in names if name in columns), None)


def find(names: Sequence[str], columns: Sequence[str]) -> str | None:
    """As ``first``; where no name is a column, one that is spelled otherwise (``key``)."""
    known = {key(column): column for column in reversed(columns)}
    return first(names, columns) or next((known[key(name)] for name in names if key(name) in known), None)


def of(rows: Iterable[object]) -> list[str]:
    """The names of the columns in these rows; refused rows have none."""
    return list(dict.fromkeys(name for row in rows if isinstance(row, dict) for name in row))
