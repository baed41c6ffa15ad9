"""Sampling from nano models and grading: the oracle reads questions, string equality grades answers.

For the training data of scorers and for evaluation.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from engine.config.sampling import Sampling
from engine.models.base import Completion
from engine.models.local.decode import sample_all
from engine.seeds import item_seed
from engine.training.confidence import Measured
from engine.training.curriculum import Problem, Reading, read
from engine.training.fit import Example, collate, sequence_logprobs
from engine.training.nano.text import END, PRE_QUERY, encode, to_solve
from store.statistics import effective_number

QUESTION_TOKENS, SOLUTION_TOKENS = 128, 384
BOX, BOX_END = "\\boxed{", "}."


def slots_for(model: Any, sequences: int) -> int:
    """How many sequences to decode at once: a GPU wants many; on a CPU 320 give 1.5 times the tokens/s of 64."""
    return max(1, min(1024 if next(model.parameters()).is_cuda else 320, sequences))


def sample_questions(model: Any, tokenizer: Any, n: int, seed: int, temperature: float = 1.0,
                     progress: Callable[[int], None] | None = None) -> list[Completion]:  # fmt: skip
    """``n`` continuations of the pre-query template."""
    sampling = Sampling(temperature, 1.0, QUESTION_TOKENS, (END,))
    seeds = [item_seed(seed, i, "question") for i in range(n)]
    return sample_all(model, tokenizer, [PRE_QUERY] * n, sampling, seeds, slots_for(model, len(seeds)), progress)


def sample_solutions(model: Any, tokenizer: Any, questions: Sequence[str], n: int, seed: int, temperature: float = 0.7,
                     progress: Callable[[int], None] | None = None) -> list[list[str]]:  # fmt: skip
    """``n`` solutions of every question, at the paper's T=0.7 and top_p=0.95 (greedy: temperature 0)."""
    sampling = Sampling(temperature, 0.95 if temperature else 1.0, SOLUTION_TOKENS, (END,))
    prompts = [to_solve(q) for q in questions for _ in range(n)]
    seeds = [item_seed(seed, i, "solution", s) for i in range(len(questions)) for s in range(n)]
    done = sample_all(model, tokenizer, prompts, sampling, seeds, slots_for(model, len(seeds)), progress)
    return [[c.text for c in done[i * n : (i + 1) * n]] for i in range(len(questions))]


def greedy(model: Any, tokenizer: Any, questions: Sequence[str]) -> list[Completion]:
    """The greedy solution of every question, with the log-probabilities of its tokens."""
    prompts = [to_solve(q) for q in questions]
    sampling = Sampling(0.0, 1.0, SOLUTION_TOKENS, (END,))
    return sample_all(
        model, tokenizer, prompts, sampling, [0] * len(prompts), slots_for(model, len(prompts)), logprobs=True
    )


def rollouts(
    model: Any, tokenizer: Any, problems: Sequence[Problem], n: int, seed: int
) -> tuple[list[Measured], list[list[bool]]]:
    """Of each problem its greedy solution's confidence and the failures among ``n`` samples; and which samples were
    right."""
    questions = [p.question for p in problems]
    found = sample_solutions(model, tokenizer, questions, n, seed)
    marks = correct(found, [p.answer for p in problems])
    lengths = [sum(map(len, encode(tokenizer, texts))) / n for texts in found]
    rows = [
        Measured(one.logprobs, one.finish_reason != "stop", n - sum(row), n, length)
        for one, row, length in zip(greedy(model, tokenizer, questions), marks, lengths, strict=True)
    ]
    return rows, marks


def stated(solution: str) -> str | None:
    """The boxed answer of a nano solution."""
    _, found, rest = solution.rpartition(BOX)
    return rest.rpartition(BOX_END)[0] or None if found else None


def correct(solutions: Sequence[Sequence[str]], answers: Sequence[str]) -> list[list[bool]]:
    return [[stated(text) == answer for text in texts] for texts, answer in zip(solutions, answers, strict=True)]


def greedy_correct(model: Any, tokenizer: Any, problems: Sequence[Problem]) -> list[bool]:
    found = greedy(model, tokenizer, [p.question for p in problems])
    return [stated(one.text) == p.answer for one, p in zip(found, problems, strict=True)]


def readings(completions: Sequence[Completion]) -> list[Reading]:
    """The oracle's reading of each; a text that was cut off is ``unk``."""
    return [read(c.text) if c.finish_reason == "stop" else Reading("unk") for c in completions]


def share(found: Sequence[Reading], status: str) -> float:
    return sum(r.status == status for r in found) / max(len(found), 1)


def effective_kinds(found: Sequence[Reading]) -> float:
    """Effective number of kinds among the valid questions."""
    return effective_number(Counter(r.kind.name for r in found if r.status == "ok" and r.kind).values()) or 0.0


def _batches(ids: Sequence[Sequence[int]], device: torch.device) -> Iterator[list[int]]:
    """The places of the rows, in batches of similar length."""
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    size = 1024 if device.type == "cuda" else 64
    return (order[at : at + size] for at in range(0, len(order), size))


@torch.inference_mode()
def logprobs(model: Any, tokenizer: Any, questions: Sequence[str], solutions: Sequence[str]) -> list[tuple[float, int]]:
    """(summed log-probability of the solution and its end token, number of tokens) of each pair."""
    device = next(model.parameters()).device
    prompts = encode(tokenizer, [to_solve(q) for q in questions])
    both = [a + b for a, b in zip(prompts, encode(tokenizer, [s + END for s in solutions]), strict=True)]
    rows: list[tuple[float, int]] = [(0.0, 0)] * len(prompts)
    for batch in _batches(both, device):
        ids, labels = collate([Example(both[i], len(prompts[i])) for i in batch], device)
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
    for batch in _batches(ids, device):
        rows, labels = collate([Example(ids[i]) for i in batch], device)
        logits = model(input_ids=rows, attention_mask=(labels != -100).long()).logits[:, 0].float()
        for i, value in zip(batch, torch.sigmoid(logits).tolist(), strict=True):
            found[i] = value
    return found


def split(values: Sequence[float], marks: Sequence[bool]) -> tuple[list[float], list[float]]:
    """(values that are marked, the others)."""
    pairs = list(zip(values, marks, strict=True))
    return [value for value, mark in pairs if mark], [value for value, mark in pairs if not mark]


def within_question(rewards: Sequence[Sequence[float]], right: Sequence[Sequence[bool]]) -> float:
    """Share of (correct, wrong) pairs of solutions to one question that the reward orders correctly; ties count
    half."""
    good, total = 0.0, 0
    for values, marks in zip(rewards, right, strict=True):
        ups, downs = split(values, marks)
        good += sum(1.0 if u > d else 0.5 if u == d else 0.0 for u in ups for d in downs)
        total += len(ups) * len(downs)
    return good / total if total else float("nan")
