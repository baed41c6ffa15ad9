"""Known layouts of published data sets and of trainers' files: one entry each.

The general guess by usual names (``guess``) reads most files; an entry says what it can't know. ``needs``: paths with a
value in the first rows. ``mapping``: its fields go before the guessed ones; a column that is missing is left out. An
entry has an example in ``benchmarks/layouts``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.data.rows import Row
from engine.imports.paths import columns_of, is_there


@dataclass(frozen=True, slots=True)
class Layout:
    """``values``: what a path must hold in most of the first rows, besides being there. ``none``: fields that are read
    from no column."""

    name: str
    needs: tuple[str, ...]
    mapping: Mapping[str, str]
    values: Mapping[str, type | tuple[type, ...]] = field(default_factory=dict)
    none: tuple[str, ...] = ()


LAYOUTS: tuple[Layout, ...] = (
    Layout(
        "openr1_math",
        ("problem", "generations", "is_reasoning_complete"),
        {
            "query": "problem",
            "response": "generations",
            "answer": "answer",
            "finish_reason": "finish_reasons+is_reasoning_complete",
        },
        {"generations": list},
    ),
    Layout(
        "open_math_reasoning",
        ("problem", "generated_solution", "expected_answer"),
        {
            "query": "problem",
            "response": "generated_solution",
            "answer": "expected_answer",
            "solver": "generation_model",
            "pass_rate": "pass_rate_72b_tir",
        },
    ),
    Layout(
        "deepmath",
        ("question", "final_answer", "r1_solution_1"),
        {
            "query": "question",
            "response": "r1_solution_*",
            "answer": "final_answer",
            "topic": "topic",
            "level": "difficulty",
        },
        none=("difficulty",),
    ),
    Layout(
        "big_math",
        ("problem", "answer", "llama8b_solve_rate"),
        {"query": "problem", "answer": "answer", "topic": "domain", "pass_rate": "llama8b_solve_rate"},
    ),
    Layout(
        "skywork_or1",
        ("prompt", "reward_model.ground_truth", "extra_info.model_difficulty"),
        {
            "query": "prompt",
            "answer": "reward_model.ground_truth",
            "pass_rate": "1-extra_info.model_difficulty/16",
        },
        none=("response",),
    ),
    Layout(
        "verl",
        ("prompt", "reward_model.ground_truth"),
        {"query": "prompt", "answer": "reward_model.ground_truth"},
    ),
    Layout(
        "skyrl",
        ("prompt", "reward_spec.ground_truth"),
        {"query": "prompt", "answer": "reward_spec.ground_truth"},
    ),
    Layout(
        "slime",
        ("prompt", "label"),
        {"query": "prompt", "answer": "label"},
        {"prompt": list, "label": (str, int, float)},
    ),
    Layout(
        "synthetic",
        ("prompt", "verification_info"),
        {
            "query": "prompt",
            "response": "llm_response",
            "answer": "verification_info.ground_truth|gold_standard_solution",
        },
    ),
    Layout(
        "nemo_gym",
        ("responses_create_params.input",),
        {"query": "question|problem|responses_create_params.input", "answer": "expected_answer|answer"},
    ),
    Layout(
        "kodcode", ("question", "solution", "test"), {"query": "question", "response": "solution", "answer": "test"}
    ),
    Layout(
        "opencode",
        ("r1_generation", "test_code"),
        {"response": "r1_generation|solution", "answer": "test_code"},
    ),
    Layout(
        "humaneval",
        ("prompt", "canonical_solution", "test"),
        {"query": "prompt", "response": "canonical_solution", "answer": "test"},
    ),
    Layout(
        "code_with_tests",
        ("solution", "test_code"),
        {"response": "solution", "answer": "test_code"},
    ),
    Layout(
        "openthoughts",
        ("problem", "deepseek_solution", "deepseek_reasoning"),
        {"query": "problem", "response": "deepseek_solution", "reasoning": "deepseek_reasoning"},
    ),
    Layout(  # likelihoods of options: pairs of a number and a truth value are no responses
        "lm_eval_choices",
        ("doc", "resps.0.0"),
        {"answer": "doc.answer|doc.gold|doc.label|target"},
        {"doc": dict, "resps.0.0": list},
        none=("response",),
    ),
    Layout(
        "lighteval",
        ("doc.query", "doc.gold_index", "model_response.text"),
        {"query": "doc.query", "response": "model_response.text", "answer": "doc.choices@doc.gold_index"},
    ),
    Layout("orz", ("0.from", "1.ground_truth"), {"query": "0", "answer": "1.ground_truth"}, none=("response",)),
    Layout(
        "trl_stepwise",
        ("prompt", "completions.joined", "labels"),
        {"query": "prompt", "response": "completions.joined"},
        {"labels": list},
    ),
    Layout(
        "lm_eval",
        ("doc", "resps"),
        {"response": "resps", "answer": "target"},
        {"doc": dict, "resps": list},
    ),
    Layout(
        "math_eval",
        ("gt", "code", "pred"),
        {"response": "code", "answer": "gt|answer"},
        {"code": list},
        none=("reward",),
    ),
)


def of(rows: Sequence[Row], columns: Sequence[str]) -> tuple[str, dict[str, str]]:
    """The name and mapping of the first layout that these rows have; empty where they have none.

    A field with an empty column is read from none.
    """
    for layout in LAYOUTS:
        if all(_has(rows, columns, path, layout.values.get(path)) for path in layout.needs):
            mapping = {name: _present(spec, rows, columns) for name, spec in layout.mapping.items()}
            return layout.name, {name: spec for name, spec in mapping.items() if spec} | dict.fromkeys(layout.none, "")
    return "", {}


def _has(rows: Sequence[Row], columns: Sequence[str], path: str, kind: Any) -> bool:
    if not is_there(path, rows, columns):
        return False
    where = columns_of(path, columns).choices[0][0]
    values = [value for row in rows if (value := where.of(row)) is not None]
    if kind is None:
        return bool(values)
    kinds = kind if isinstance(kind, tuple) else (kind,)
    fitting = sum(isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool)) for value in values)
    return fitting * 2 > len(values)


def _present(spec: str, rows: Sequence[Row], columns: Sequence[str]) -> str:
    """The part of ``spec`` whose columns are there."""
    kept = []
    for choice in spec.split("|"):
        names = [one for one in choice.split("+") if is_there(one.removeprefix("1-").partition("/")[0], rows, columns)]
        if names:
            kept.append("+".join(names))
    return "|".join(kept)
