"""Rows for the tests: one question with what a whole pipeline would write of it."""

from __future__ import annotations

from store.records import (
    STAGES,
    Decision,
    Label,
    Question,
    QuestionSignature,
    Rate,
    Record,
    Reward,
    Run,
    Solution,
    Verdict,
    question_id,
    solution_id,
)


def run(run_id: str = "r1", **changes: object) -> Run:
    return Run(run_id, "a run", "generate", {"profile": "nano"}, "hash", 11, **changes)  # type: ignore[arg-type]


def question(idx: int, run_id: str = "r1", text: str | None = None) -> Question:
    key = question_id(run_id, idx)
    text = text or f"What is {idx} + {idx}?"
    return Question(key, run_id, idx, text, "qgen-a", "nano", {"temperature": 1.0}, idx, 9, "stop", seconds=0.5)


def verdicts(
    idx: int, run_id: str = "r1", until: str = "pair", drop: str | None = None, reason: str | None = None
) -> list[Verdict]:
    """Kept at every stage up to ``until``, or dropped at ``drop``. Difficulty's score is 0.4."""
    key = question_id(run_id, idx)
    last = STAGES.index(drop or until)
    return [
        Verdict(
            key,
            stage,
            "judge",
            stage != drop,
            0.4 if stage == "difficulty" else None,
            reason if stage == drop else None,
        )
        for stage in STAGES[: last + 1]
    ]


def solutions(idx: int, run_id: str = "r1", rewards: tuple[float | None, ...] = (-0.2, -0.1)) -> list[Record]:
    """One sample per reward, all stating the right answer, twelve tokens and more each."""
    key = question_id(run_id, idx)
    rows: list[Record] = []
    for sample, reward in enumerate(rewards):
        text = f"Sample {sample}: \\boxed{{{2 * idx}}}"
        mine = solution_id(key, sample)
        rows.append(Solution(mine, key, sample, text, str(2 * idx), "solver", sample, 12 + sample, 0.25, "stop"))
        rows.append(Reward(mine, "reward", reward, 0.125))
    return rows


def labels(idx: int, run_id: str = "r1", chosen: int | None = 1, topic: str = "Algebra") -> list[Label]:
    key = question_id(run_id, idx)
    rows = [Label(key, "topic", topic, "topics"), Label(key, "majority_answer", str(2 * idx), "math-verify")]
    if chosen is not None:
        rows += [Label(key, "chosen", str(chosen), "reward"), Label(key, "agreement", "1.0", "math-verify")]
    return rows


def whole(idx: int, run_id: str = "r1") -> list[Record]:
    """A question that became a pair, sample 1 chosen."""
    return [question(idx, run_id), *verdicts(idx, run_id), *solutions(idx, run_id), *labels(idx, run_id)]


def signature(idx: int, run_id: str = "r1", place: int | None = None, method: str = "m") -> QuestionSignature:
    """A signature whose hashes are the idx."""
    return QuestionSignature(
        question_id(run_id, idx), place, method, idx, idx, idx, 3, bytes([idx]) * 64, bytes([idx]) * 8
    )


def rate(idx: int, run_id: str = "r1", model: str = "a model", correct: int = 6) -> Rate:
    """Eight rollouts of a model."""
    return Rate(question_id(run_id, idx), model, correct / 8, 8, correct)


def decide(event: str, idx: int, action: str, run_id: str = "r1", **payload: object) -> Decision:
    return Decision(event, question_id(run_id, idx), "ana", action, payload)  # type: ignore[arg-type]
