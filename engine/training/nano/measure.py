"""Sampling from nano models and grading what comes: the oracle reads questions, string equality grades answers.

Serves both training (what a scorer learns from) and evaluation (what is reported). Trains nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import torch

from engine.config.sampling import Sampling
from engine.models.base import Completion
from engine.models.local.decode import sample_all
from engine.seeds import item_seed
from engine.training.curriculum import Problem, Reading, read
from engine.training.fit import Example, collate, sequence_logprobs
from engine.training.nano.text import END, PRE_QUERY, encode, to_solve

QUESTION_TOKENS, SOLUTION_TOKENS = 128, 384
BOX, BOX_END = "\\boxed{", "}."


def slots_for(model: Any) -> int:
    """How many sequences to decode at once: a GPU wants many."""
    return 1024 if next(model.parameters()).is_cuda else 64


def sample_questions(model: Any, tokenizer: Any, n: int, seed: int, temperature: float = 1.0,
                     progress: Callable[[int], None] | None = None) -> list[Completion]:  # fmt: skip
    """``n`` continuations of the pre-query template."""
    sampling = Sampling(temperature, 1.0, QUESTION_TOKENS, (END,))
    seeds = [item_seed(seed, i, "question") for i in range(n)]
    return sample_all(model, tokenizer, [PRE_QUERY] * n, sampling, seeds, slots_for(model), progress)


def sample_solutions(model: Any, tokenizer: Any, questions: Sequence[str], n: int, seed: int, temperature: float = 0.7,
                     progress: Callable[[int], None] | None = None) -> list[list[str]]:  # fmt: skip
    """``n`` solutions of every question, at the paper's T=0.7 and top_p=0.95 (greedy: temperature 0)."""
    sampling = Sampling(temperature, 0.95 if temperature else 1.0, SOLUTION_TOKENS, (END,))
    prompts = [to_solve(q) for q in questions for _ in range(n)]
    seeds = [item_seed(seed, i, "solution", s) for i in range(len(questions)) for s in range(n)]
    done = sample_all(model, tokenizer, prompts, sampling, seeds, slots_for(model), progress)
    return [[c.text for c in done[i * n : (i + 1) * n]] for i in range(len(questions))]


def stated(solution: str) -> str | None:
    """The boxed answer of a nano solution."""
    _, found, rest = solution.rpartition(BOX)
    return rest.rpartition(BOX_END)[0] or None if found else None


def correct(solutions: Sequence[Sequence[str]], answers: Sequence[str]) -> list[list[bool]]:
    return [[stated(text) == answer for text in texts] for texts, answer in zip(solutions, answers, strict=True)]


def greedy_correct(model: Any, tokenizer: Any, problems: Sequence[Problem]) -> list[bool]:
    texts = sample_solutions(model, tokenizer, [p.question for p in problems], 1, 0, temperature=0.0)
    return [row[0] for row in correct(texts, [p.answer for p in problems])]


def readings(completions: Sequence[Completion]) -> list[Reading]:
    """The oracle's reading of each; a text that was cut off is ``unk``."""
    return [read(c.text) if c.finish_reason == "stop" else Reading("unk") for c in completions]


def share(found: Sequence[Reading], status: str) -> float:
    return sum(r.status == status for r in found) / max(len(found), 1)


def effective_kinds(found: Sequence[Reading]) -> float:
    """exp(entropy) of the kinds among the valid questions: how many equally frequent kinds would look like this."""
    counts = Counter(r.kind.name for r in found if r.status == "ok" and r.kind)
    total = sum(counts.values())
    return math.exp(-sum(c / total * math.log(c / total) for c in counts.values())) if total else 0.0


@torch.inference_mode()
def logprobs(model: Any, tokenizer: Any, questions: Sequence[str], solutions: Sequence[str]) -> list[tuple[float, int]]:
    """(summed log-probability of the solution and its end token, number of tokens) of each pair."""
    device = next(model.parameters()).device
    prompts, answers = (
        encode(tokenizer, [to_solve(q) for q in questions]),
        encode(tokenizer, [s + END for s in solutions]),
    )
    rows: list[tuple[float, int]] = [(0.0, 0)] * len(prompts)
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]) + len(answers[i]))
    size = 1024 if device.type == "cuda" else 64
    for at in range(0, len(order), size):
        batch = order[at : at + size]
        ids, labels = collate([Example(prompts[i] + answers[i], len(prompts[i])) for i in batch], device)
        sums, lengths = sequence_logprobs(model, ids, labels)
        for i, total, length in zip(batch, sums.tolist(), lengths.tolist(), strict=True):
            rows[i] = (total, int(length))
    return rows


@torch.inference_mode()
def scores(model: Any, tokenizer: Any, texts: Sequence[str]) -> list[float]:
    """sigmoid(logit) of a one-label scorer on each rendered text."""
    device = next(model.parameters()).device
    ids = encode(tokenizer, list(texts))
    found = [0.0] * len(ids)
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    size = 1024 if device.type == "cuda" else 64
    for at in range(0, len(order), size):
        batch = order[at : at + size]
        rows, labels = collate([Example(ids[i]) for i in batch], device)
        logits = model(input_ids=rows, attention_mask=(labels != -100).long()).logits[:, 0].float()
        for i, value in zip(batch, torch.sigmoid(logits).tolist(), strict=True):
            found[i] = value
    return found


def within_question(rewards: Sequence[Sequence[float]], right: Sequence[Sequence[bool]]) -> float:
    """Share of (correct, wrong) pairs of solutions to the same question that the reward orders rightly; ties count
    half.
    """
    good, total = 0.0, 0
    for values, marks in zip(rewards, right, strict=True):
        ups, downs = (
            [v for v, m in zip(values, marks, strict=True) if m],
            [v for v, m in zip(values, marks, strict=True) if not m],
        )
        good += sum(1.0 if u > d else 0.5 if u == d else 0.0 for u in ups for d in downs)
        total += len(ups) * len(downs)
    return good / total if total else float("nan")
