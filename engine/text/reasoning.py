"""Reasoning apart from the response: what a model writes between ``<think>`` and ``</think>`` is no part of its answer.

The tags are those of DeepSeek-R1 and Qwen3 (``<think>``), of a few chat templates (``<thinking>``) and of OpenThoughts
and Sky-T1 (``<|begin_of_thought|>``, with the response between ``<|begin_of_solution|>`` and its end).
"""

from __future__ import annotations

import re

_OPEN = re.compile(r"\s*(?:<think>|<thinking>|<thought>|<\|begin_of_thought\|>)", re.IGNORECASE)
_CLOSE = re.compile(r"</think>|</thinking>|</thought>|<\|end_of_thought\|>", re.IGNORECASE)
_SOLUTION = re.compile(r"<\|(?:begin|end)_of_solution\|>|\A\s*<output>|</output>\s*\Z", re.IGNORECASE)


def split_reasoning(text: str) -> tuple[str | None, str]:
    """``(reasoning, response)`` without their tags and outer blanks; reasoning is None for a text without tags.

    The response stands behind the last closing tag. The opening tag may be missing, because chat templates put it into
    the prompt. Where thinking never ends, all of the text is reasoning and the response is empty. What stands before
    an opening tag is kept, with the tag, as part of the reasoning; where that one never ends, it is the response.
    """
    opened = _OPEN.match(text)
    start = opened.end() if opened else 0
    closings = list(_CLOSE.finditer(text))
    if closings:
        last = closings[-1]
        return text[start : last.start()].strip(), _SOLUTION.sub("", text[last.end() :]).strip()
    if opened:
        return text[start:].strip(), ""
    late = _OPEN.search(text)
    return (None, text) if late is None else (text[late.end() :].strip(), text[: late.start()].strip())


def join_reasoning(reasoning: str | None, response: str) -> str:
    """The text that ``split_reasoning`` takes apart, as models trained on it expect it."""
    return response if reasoning is None else f"<think>\n{reasoning}\n</think>\n\n{response}"
