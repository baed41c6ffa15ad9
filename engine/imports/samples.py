"""The responses in a value: a text, a chat, a list of either, or objects that hold a text and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from engine.data import columns as usual
from engine.imports import chats
from engine.imports.values import is_cut, is_null, parsed, reward
from engine.text.reasoning import split_reasoning

_TEXT = (
    "completion", "response", "text", "content", "output", "generation", "generated_text", "generated_solution",
    "solution", "model_output", "message", "value", "answer",
)  # fmt: skip
_REASONING = ("reasoning", "reasoning_content", "thinking", "thought")
_SOLVER = ("model", "model_name", "solver", "generator", "engine")
_FINISH = ("finish_reason", "stop_reason")
_REWARD = ("reward", "score", "rm_score", "overall_score", "rating")


@dataclass(frozen=True, slots=True)
class Sample:
    """One response. ``cut``: whether it was cut off, None where unknown."""

    text: str
    reasoning: str | None = None
    cut: bool | None = None
    solver: str | None = None
    reward: float | None = None


@dataclass(frozen=True, slots=True)
class Samples:
    """``found``: by place, None for a place without a text. ``left``: what of the value is not in them."""

    found: list[Sample | None]
    left: Any = None


NONE = Samples([])


def of(value: Any) -> Samples | None:
    """The responses in a value; None for a value that holds none although it is not empty."""
    if isinstance(value, str):
        listed = parsed(value) if value[:64].lstrip().startswith("[") else value
        if isinstance(listed, list) and listed and all(isinstance(one, (str, dict)) for one in listed):
            found = of(listed)
            return None if found is None else Samples(found.found, None if found.left is None else value)
        return NONE if is_null(value) else Samples([sample(value)])
    if is_null(value):
        return NONE
    if isinstance(value, dict):
        return _object(value)
    return _list(value) if isinstance(value, list) else None


def sample(text: str) -> Sample:
    """A response with its reasoning apart. One whose thinking never ends was cut off."""
    if "<think" in text or "</think" in text or "_thought|>" in text or "</Thought>" in text:
        reasoning, response = split_reasoning(text)
        if reasoning is not None:
            return Sample(response, reasoning, None if response else True)
    return Sample(text)


def joined(turn: chats.Turn) -> Sample:
    """A turn of the assistant as a response."""
    found = sample(turn.text)
    if turn.reasoning is None:
        return found
    thought = turn.reasoning if found.reasoning is None else f"{turn.reasoning}\n{found.reasoning}"
    return replace(found, reasoning=thought, cut=None if found.text.strip() else True)


def _list(value: list[Any]) -> Samples | None:
    turns = chats.turns_of(value)
    if turns is not None and (len(value) == 1 or any(turn.role == chats.USER for turn in turns)):
        said = [turn for turn in turns if turn.role == chats.ASSISTANT]
        if not said and not any(turn.role == chats.USER for turn in turns):
            return None
        left = None if len(value) == len(said) == 1 and said[0].plain else value
        return Samples([joined(said[-1])] if said else [], left)
    several = [of(one) for one in value]
    if any(one is None for one in several):
        return None
    found: list[Sample | None] = []
    for one in several:
        assert one is not None
        found += one.found or [None]
    if any(one is None for one in found):
        return Samples(found, value)
    left = [one.left if one is not None else None for one in several]
    return Samples(found, left if any(one is not None for one in left) else None)


def _object(value: dict[str, Any]) -> Samples | None:
    turns = chats.turns_of(value)
    if turns is not None:
        said = [turn for turn in turns if turn.role == chats.ASSISTANT]
        return Samples([joined(said[-1])], None if said[-1].plain else value) if said else None
    keys = {usual.key(str(key)): key for key in reversed(value)}
    choices = value.get(keys.get("choices", ""))
    if isinstance(choices, list):
        found = of(choices)
        solver = _text(value, keys, _SOLVER)
        named = found and [None if one is None else replace(one, solver=one.solver or solver) for one in found.found]
        return Samples(named, value) if named else None
    body = value.get(keys.get("body", ""))  # a line of a batch's output
    if isinstance(body, dict) and (found := of(body)) is not None:
        return Samples(found.found, value)
    for name in _TEXT:
        key = keys.get(usual.key(name))
        if key is None or value[key] is None or isinstance(value[key], (int, float)):
            continue
        inner = of(value[key])
        if inner is None or len(inner.found) != 1 or inner.found[0] is None:
            continue
        left = {name: one for name, one in value.items() if name != key}
        if inner.left is not None:
            left[key] = inner.left
        return Samples([_known(inner.found[0], value, keys)], left or None)
    return None


def _known(found: Sample, value: dict[str, Any], keys: dict[str, str]) -> Sample:
    """With what the object around the text says of it."""
    ends = next((is_cut(value[keys[usual.key(name)]]) for name in _FINISH if usual.key(name) in keys), None)
    score = next((reward(value[keys[usual.key(name)]]) for name in _REWARD if usual.key(name) in keys), None)
    return Sample(
        found.text,
        found.reasoning if found.reasoning is not None else _text(value, keys, _REASONING),
        ends if ends is not None else found.cut,
        found.solver or _text(value, keys, _SOLVER),
        score if score is not None else found.reward,
    )


def _text(value: dict[str, Any], keys: dict[str, str], names: tuple[str, ...]) -> str | None:
    found = (value[keys[usual.key(name)]] for name in names if usual.key(name) in keys)
    return next((one for one in found if isinstance(one, str) and one), None)
