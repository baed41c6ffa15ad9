"""Where reasoning ends and the response begins."""

from __future__ import annotations

import pytest

from engine.text.reasoning import join_reasoning, split_reasoning

APART = {
    "<think>two and two</think>It is 4.": ("two and two", "It is 4."),
    "<think>\nhm\n</think>\n\n\\boxed{8}": ("hm", "\\boxed{8}"),
    "\n<think>\n\n</think>\n\nDirect.": ("", "Direct."),
    "the template had the tag\n</think>\n\nThe answer is 4.": ("the template had the tag", "The answer is 4."),
    "<think>a</think> b <think>c</think> d": ("a</think> b <think>c", "d"),
    "<thinking>a</thinking>b": ("a", "b"),
    "<|begin_of_thought|>\n\na\n\n<|end_of_thought|>\n\n<|begin_of_solution|>\n\nb\n\n<|end_of_solution|>": ("a", "b"),
    "<think>never done": ("never done", ""),
    "So: <think>never done": ("never done", "So:"),
    "No tags, 2 < 3.": (None, "No tags, 2 < 3."),
    "": (None, ""),
}


@pytest.mark.parametrize("text", APART)
def test_the_response_stands_behind_the_last_closing_tag(text: str) -> None:
    assert split_reasoning(text) == APART[text]


@pytest.mark.parametrize(
    ("reasoning", "response"), [("a\n\nb", "c"), ("", "c"), ("<b> & 1 < 2", "\\boxed{1}"), (None, "c")]
)
def test_what_is_joined_comes_apart_again(reasoning: str | None, response: str) -> None:
    assert split_reasoning(join_reasoning(reasoning, response)) == (reasoning, response)
