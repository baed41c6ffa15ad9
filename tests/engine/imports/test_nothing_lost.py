"""Whatever a row holds is found again: in the question, in its solutions, or in ``extra``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.data import columns
from engine.imports import mapping as mappings
from engine.imports.part import Part
from engine.imports.rows import Reader
from engine.imports.values import parsed

_WORDS = st.text("abc xyz\n$\\{}<>|:#[]\"'é0123456789", max_size=24)
_TEXTS = st.one_of(
    _WORDS,
    st.sampled_from([
        "<think>\nwhy\n</think>\n\nso", "<think>why", "n/a", "None", '["a", "b"]', '{"a": [1]}', "[0, 1]", "x\n#### 7",
        "\\boxed{7}", "Human: a?\n\nAssistant: b", "<|im_start|>user\na?<|im_end|>\n<|im_start|>assistant\n",
        "0.5", "length",
    ]),
)  # fmt: skip
_NUMBERS = st.one_of(st.integers(-(10**30), 10**30), st.integers(0, 12), st.floats(0, 1), st.booleans())
_SCALARS = st.one_of(st.none(), _TEXTS, _NUMBERS)
_ROLES = st.sampled_from(["system", "user", "assistant", "tool", "human", "gpt"])
_MESSAGES = st.one_of(
    st.fixed_dictionaries({"role": _ROLES, "content": st.one_of(_TEXTS, st.none())}),
    st.fixed_dictionaries({"from": _ROLES, "value": _TEXTS, "weight": _NUMBERS}),
    st.fixed_dictionaries({"role": _ROLES, "content": _TEXTS, "reasoning_content": _TEXTS}),
    st.fixed_dictionaries({"role": _ROLES, "content": st.lists(st.fixed_dictionaries(
        {"type": st.sampled_from(["text", "reasoning", "image"]), "text": _TEXTS}), max_size=3)}),
)  # fmt: skip
_OBJECTS = st.dictionaries(
    st.sampled_from(
        ["text", "completion", "model", "score", "finish_reason", "ground_truth", "problem", "other", "message"]
    ),
    _SCALARS,
    max_size=4,
)
_VALUES = st.one_of(
    _SCALARS,
    st.lists(_TEXTS, max_size=3),
    st.lists(_NUMBERS, max_size=3),
    st.lists(_MESSAGES, min_size=1, max_size=4),
    st.lists(_OBJECTS, max_size=3),
    st.lists(st.lists(_SCALARS, max_size=2), max_size=2),
    _OBJECTS,
)
_NAMES = st.sampled_from([
    "query", "problem", "question", "prompt", "instruction", "input", "messages", "response", "responses", "solution",
    "generations", "completion", "completions", "chosen", "rejected", "r1_solution_1", "r1_solution_2", "answer",
    "target",
    "final_answer", "reward_model", "verification_info", "label", "reasoning", "topic", "level", "difficulty",
    "pass_rate", "llama8b_solve_rate", "reward", "score", "finish_reason", "model", "generator", "options", "body",
    "id", "text", "doc", "resps", "anything", "What else?",
])  # fmt: skip
_ASKED = st.one_of(
    st.fixed_dictionaries({"problem": st.sampled_from(["What is 1 + 1?", "What is 2 + 2?"])}),
    st.fixed_dictionaries({"messages": st.lists(_MESSAGES, min_size=1, max_size=4).map(
        lambda turns: [{"role": "user", "content": "What is it?"}, *turns])}),
    st.fixed_dictionaries({"doc": st.fixed_dictionaries({"question": st.just("What is it?"), "answer": _SCALARS})}),
    st.just({}),
)  # fmt: skip
_ROWS = st.tuples(st.dictionaries(_NAMES, _VALUES, min_size=1, max_size=7), _ASKED).map(
    lambda two: {**two[0], **two[1]}
)


@given(st.lists(_ROWS, min_size=1, max_size=4), st.booleans())
@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_value_of_a_row_is_stored_somewhere(rows: list[dict[str, Any]], grouped: bool) -> None:
    mapping = replace(mappings.found(rows, {}, "file"), grouped=grouped)
    if mapping["query"] is None:
        return
    given = ((place, json.loads(json.dumps(row))) for place, row in enumerate(rows))
    for part in Reader(mapping, columns.of(rows)).parts(given):
        refused = {place for place, _, _ in part.refused}
        read = [row for place, row in enumerate(rows) if place not in refused]
        assert len(read) == len(part) + part.grouped
        texts, numbers = _stored(part)
        for row in read:
            for leaf in _leaves(row):
                assert _is_stored(leaf, texts, numbers), (leaf, mapping.words, part.extra, part.samples)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for name, one in value.items():
            if name not in ("role", "from"):  # which a question and its response are
                yield from _leaves(one)
    elif isinstance(value, list):
        for one in value:
            yield from _leaves(one)
    elif value is not None and value != "":
        yield value


def _stored(part: Part) -> tuple[list[str], list[Any]]:
    extra = [leaf for one in part.extra for leaf in _leaves(json.loads(one))]
    of_samples = (*part.samples, *part.reasoning.values(), *part.solvers.values())
    columns = (part.texts, part.references, part.topics, part.levels, part.generators, *of_samples)
    texts = [one for several in columns for one in several if one is not None]
    numbers = [*part.difficulties, *(one for several in part.rewards.values() for one in several)]
    numbers += [one for one in extra if not isinstance(one, str)]
    return texts + [one for one in extra if isinstance(one, str)], numbers


def _is_stored(leaf: Any, texts: list[str], numbers: list[Any]) -> bool:
    if not isinstance(leaf, str):
        return (
            any(one == leaf and isinstance(one, bool) == isinstance(leaf, bool) for one in numbers)
            or str(leaf) in texts
        )
    if leaf in ("stop", "length") or any(leaf.strip() in text for text in texts):
        return True
    spelled = parsed(leaf)
    if spelled is not leaf:
        return all(_is_stored(one, texts, numbers) for one in _leaves(spelled))
    thought, _, said = leaf.removeprefix("<think>").partition("</think>")  # stored apart, without the tags
    return all(any(one.strip() in text for text in texts) for one in (thought, said))
