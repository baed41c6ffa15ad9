"""``adaptive``: what solutions where they count save, and what they cost in accuracy.

Fresh problems of the curriculum's ``test`` split are solved by the bundled solver twice: with five samples each, as the
paper has it, and as profile ``nano-adaptive`` does, whose first solution is greedy and says how many more there are.
Both choose by the bundled reward model. Samples of the same number are the same ones, as in two runs of equal seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from engine.config.calibration import samples
from engine.config.profiles import Role, load_profile
from engine.config.sampling import Sampling
from engine.models.base import Completion
from engine.models.greedy_score import greedy_logit
from engine.models.local.decode import sample_all
from engine.models.tokenizers import load_tokenizer
from engine.seeds import item_seed
from engine.stages import difficulty, pair, solution
from engine.training.nano import evaluate, family
from engine.training.nano import measure as nano
from store.records import Solution

PROBLEMS, SEED = 1000, 33
GOALS = {
    "token_share": "the solver's tokens with an adaptive n, of those with a fixed one: goal <= 0.5",
    "accuracy_fixed": "of the chosen solution, best of 5",
    "accuracy_adaptive": "with an adaptive n: goal within 0.005",
    "difference_ci95": "adaptive less fixed, paired bootstrap over problems",
    "samples_adaptive": "solutions of a problem, on average",
    "accuracy_greedy": "of the greedy solution alone",
    "problems": "fresh ones",
}


def measure(problems: int = PROBLEMS, seed: int = SEED) -> dict[str, Any]:
    """The figures by name."""
    profile = load_profile("nano-adaptive")
    solver, calibration = profile.solver, profile.difficulty.calibration
    assert solver.path is not None
    assert calibration is not None
    asked = evaluate.draw(seed, problems)
    questions, answers = [one.question for one in asked], [one.answer for one in asked]
    model, tokenizer = family.load(solver.path), load_tokenizer(str(solver.path))

    def solve(wanted: Sequence[tuple[int, int]], sampling: Sampling) -> list[Completion]:
        prompts = [solver.template.render(questions[i]) for i, _ in wanted]
        seeds = [item_seed(seed, i, "solution", sample) for i, sample in wanted]
        return sample_all(model, tokenizer, prompts, sampling, seeds, logprobs=sampling.temperature == 0.0)

    greedy = solve([(i, 0) for i in range(problems)], replace(solver.sampling, temperature=0.0, top_p=1.0))
    rates = [difficulty.judge("", "", greedy_logit(calibration, one), "sigmoid", (0, 1), 0, 0).score for one in greedy]
    counts = [solver.n if rate is None else samples(rate, profile.gain, solver.n_min, solver.n_max) for rate in rates]
    wanted = [(i, sample) for i in range(problems) for sample in range(max(solver.n, counts[i]))]
    sampled = dict(zip(wanted, solve(wanted, solver.sampling), strict=True))
    fixed = [[sampled[i, sample] for sample in range(solver.n)] for i in range(problems)]
    adaptive = [[greedy[i], *(sampled[i, sample] for sample in range(1, counts[i]))] for i in range(problems)]
    assert profile.reward is not None
    before, after = (_right(profile.reward, tokenizer, questions, answers, found) for found in (fixed, adaptive))
    gaps = after.astype(float) - before
    drawn = np.random.default_rng(0).integers(0, problems, (2000, problems))
    low, high = np.quantile(gaps[drawn].mean(1), [0.025, 0.975])
    return {
        "token_share": round(_tokens(adaptive) / _tokens(fixed), 4),
        "accuracy_fixed": round(float(before.mean()), 4),
        "accuracy_adaptive": round(float(after.mean()), 4),
        "difference_ci95": [round(float(low), 4), round(float(high), 4)],
        "samples_adaptive": round(sum(counts) / problems, 3),
        "accuracy_greedy": round(
            sum(nano.stated(one.text) == answer for one, answer in zip(greedy, answers, strict=True)) / problems, 4
        ),
        "problems": problems,
    }


def _tokens(found: Sequence[Sequence[Completion]]) -> int:
    return sum(one.tokens for row in found for one in row)


def _right(
    reward: Role, tokenizer: Any, questions: Sequence[str], answers: Sequence[str], found: Sequence[list[Completion]]
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Whether the solution that the pair stage chooses is right, problem by problem."""
    assert reward.path is not None
    texts = [[one.text for one in row] for row in found]
    scores = evaluate.rewards_of(family.load(reward.path), tokenizer, questions, texts, reward.aggregate)
    right = []
    for row, values, answer in zip(found, scores, answers, strict=True):
        made: list[Solution] = [solution.solution("", k, one, "", 0) for k, one in enumerate(row)]
        chosen = pair.choose(made, values)
        right.append(chosen is not None and nano.stated(row[chosen].text) == answer)
    return np.array(right)
