"""The pair stage: best-of-n by reward (five in the paper), and how far the other samples agree with the chosen answer.
Answers are not checked for correctness."""

from collections import Counter
from collections.abc import Container, Sequence

from engine.text import repetition
from store.records import Label, Solution, Verdict

STAGE = "pair"
NO_REWARD = "no_reward"
DECIMALS = 4
"""Rewards are compared rounded to 1e-4: a model's last bits vary with the batch size, and the choice must not."""


def choose(solutions: Sequence[Solution], rewards: Sequence[float | None], left_out: Container[int] = ()) -> int | None:
    """Position of the best reward among solutions that state an answer, ties to the lowest sample; None without one.
    The positions ``left_out`` are never chosen.

    A solution that was cut off at the token limit is chosen only where no finished one states an answer, whatever the
    rewards; after that, one without a reward (outside the model's domain) only where no other has one.
    """
    best: tuple[bool, float, int] | None = None
    chosen = None
    for position, (sample, reward) in enumerate(zip(solutions, rewards, strict=True)):
        if sample.answer is None or position in left_out:
            continue
        score = float("-inf") if reward is None else round(reward, DECIMALS)
        rank = (sample.finish_reason != "length", score, -sample.sample)
        if best is None or rank > best:
            best, chosen = rank, position
    return chosen


def judge(
    question_id: str,
    reward_model: str | None,
    solutions: Sequence[Solution],
    rewards: Sequence[float | None],
    groups: Sequence[int | None],
    floor: float | None,
    tokens: int,
    left_out: Container[int] = (),
) -> tuple[Verdict, list[Label]]:
    """Score: the chosen one's reward. Reason ``low_reward`` under the floor. Labels ``chosen``, ``agreement`` (share of
    all samples with the chosen one's answer), ``majority_answer`` (ties to the lowest sample) and ``repetition``.

    ``reward_model`` None: the profile has none; kept, with reason ``no_reward``. ``groups``: for each solution the
    position of the first with an equivalent answer, None without an answer; at least one solution that is not
    ``left_out`` states an answer. Seconds are stored with the rewards.
    """
    best = choose(solutions, rewards, left_out)
    if best is None:
        raise ValueError(f"question {question_id} has no solution that states an answer")
    counts = Counter(group for group in groups if group is not None)
    majority = max(counts, key=lambda group: (counts[group], -group))
    group = groups[best]
    agreement = counts[group] / len(solutions) if group is not None else 0.0
    reward = rewards[best]
    low = floor is not None and (reward is None or round(reward, DECIMALS) < floor)
    reason = NO_REWARD if reward_model is None else "low_reward" if low else None
    by = reward_model or "none"
    verdict = Verdict(question_id, STAGE, by, not low, reward, reason, None, tokens)
    labels = [
        Label(question_id, "chosen", str(solutions[best].sample), by),
        Label(question_id, "agreement", f"{agreement:.4f}", STAGE),
        Label(question_id, "majority_answer", solutions[majority].answer or "", STAGE),
        repetition_label(solutions[best]),
    ]
    return verdict, labels


def repetition_label(chosen: Solution) -> Label:
    """How much of the chosen solution repeats itself, its reasoning included."""
    share = repetition.of_solution(chosen.reasoning, chosen.text)
    return Label(chosen.question_id, "repetition", f"{share:.4f}", STAGE)
