"""``smol``: what profile ``smol`` writes and solves: a real language model of 135 million parameters on a laptop.

Questions of the generator and of the same model before QFT, at equal seeds; GSM8K's test questions by the solver. The
generator's questions were also read by a person: ``smol_read.jsonl`` lists them, each with whether it is ``complete``,
a whole question in its form, and ``sound``: what it asks can be answered from what it says.
"""

from __future__ import annotations

import json
import os
import queue
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from scipy.special import expit

from engine.checks.scores import score_all
from engine.config.packaged import SMOLLM2
from engine.config.profiles import Profile, Role, load_profile
from engine.models.base import LIVE, Completion, Failure, Request
from engine.models.fetch import fetch
from engine.models.greedy_score import greedy_logit
from engine.models.load import open_score
from engine.seeds import item_seed
from engine.stages import pair, solution
from engine.stages.contamination import Benchmark
from engine.text.answers import AnswerPool
from engine.text.linear_classifier import LevelModel, TopicModel
from engine.training import held_out, samples
from engine.training.confidence import auc
from store.errors import InputError
from store.records import Question
from store.statistics import effective_number

READ = Path(__file__).parent / "smol_read.jsonl"
QUESTIONS, PROBLEMS, SEED = 100, 100, 5
GOALS = {
    "questions": "of each generator, at equal seeds",
    "read_complete": "share of the generator's questions that a person called complete in their form",
    "read_sound": "share that can be answered from what they say, to the same person",
    "read_same": "of the questions that were read, how many this machine writes again, word for word",
    "judge_auc_read": "how often the judge scores a sound question above one that is not",
    "base_valid": "share of valid questions by the judge, before QFT",
    "qft_valid": "after QFT",
    "base_ended": "share that ended by themselves within the token limit, before QFT",
    "qft_ended": "after QFT",
    "base_words": "words of a question, before QFT",
    "qft_words": "after QFT",
    "qft_topics": "effective number of topics, after QFT",
    "qft_copies": "share that shares 13 words in a row with a training question",
    "first_token_s": "until a live question shows its first text, with the model loaded; goal <= 1",
    "gsm8k_problems": "of the test set, which no training saw",
    "gsm8k_greedy": "accuracy of the solver's greedy solution",
    "gsm8k_mean": "accuracy of its samples",
    "gsm8k_any_of_5": "share with a right one among five samples",
    "gsm8k_best_of_5": "accuracy of the one with the best reward, the mean log-probability",
    "gsm8k_auc_greedy": "how well the greedy solution's confidence finds questions that ever fail",
    "gsm8k_auc_level": "the same of the text scorer of MATH's levels",
}


def measure() -> dict[str, Any]:
    """The figures by name. InputError where the data is not there, BackendError where the model cannot be fetched."""
    fetch(SMOLLM2)
    profile, data = load_profile("smol"), _data()
    return {**_questions(profile, data), "first_token_s": _first_token(profile), **_solutions(profile, data)}


def _data() -> Path:
    folder = Path(os.environ.get("SCALEQUEST_DATA", "../shared/data"))
    for name in ("gsm8k_train.jsonl", "gsm8k_test.jsonl", "math_train.jsonl"):
        if not (folder / name).is_file():
            raise InputError("SCALEQUEST_DATA", str(folder), f"holds no {name}", "name the folder with it")
    return folder


def _questions(profile: Profile, data: Path) -> dict[str, Any]:
    assert profile.judge is not None
    (generator,) = profile.generators
    read = [json.loads(line) for line in READ.read_text(encoding="utf-8").splitlines()]
    found: dict[str, Any] = {"questions": QUESTIONS, "read_complete": _share([row["complete"] for row in read])}
    found["read_sound"] = _share([row["sound"] for row in read])
    for name, role in (("base", replace(generator, adapter="")), ("qft", generator)):
        written = generate(role, QUESTIONS)
        texts = [one.text.strip() for one in written]
        valid = [score >= profile.judge.threshold for score in scores(profile.judge, texts)]
        found[f"{name}_valid"] = _share(valid)
        found[f"{name}_ended"] = _share([one.finish_reason == "stop" for one in written])
        found[f"{name}_words"] = round(float(np.mean([len(text.split()) for text in texts])), 1)
    topics = TopicModel.load().predict(texts)
    trained_on = Benchmark.load([data / "gsm8k_train.jsonl", data / "math_train.jsonl"])
    copies = [not trained_on.judge(Question("", "", 0, text, "", "", {}, 0, 0, "stop")).kept for text in texts]
    return found | {
        "read_same": sum(text == row["question"] for text, row in zip(texts, read, strict=False)),
        "judge_auc_read": auc(scores(profile.judge, [row["question"] for row in read]), [row["sound"] for row in read]),
        "qft_topics": round(effective_number(_counts(topics)) or 0.0, 2),
        "qft_copies": _share(copies),
    }


def _first_token(profile: Profile) -> float:
    """The median of five live questions, one after another."""
    (generator,) = profile.generators
    waited = []
    with samples.opened(generator) as model:
        for number in range(6):
            shown: queue.SimpleQueue[float] = queue.SimpleQueue()
            done: queue.SimpleQueue[object] = queue.SimpleQueue()
            request = Request(str(number), generator.template.text, generator.sampling, number, priority=LIVE)
            started = time.monotonic()
            model.submit([request], done.put, lambda *_, shown=shown: shown.put(time.monotonic()))
            waited.append(shown.get(timeout=60) - started)
            model.cancel([request.request_id])
            done.get(timeout=60)
    return round(median(waited[1:]), 3)  # the first one warms up


def _solutions(profile: Profile, data: Path) -> dict[str, Any]:
    asked, _ = held_out.read(str(data / "gsm8k_test.jsonl"), PROBLEMS)
    solver, calibration = profile.solver, profile.difficulty.calibration
    assert profile.greedy is not None
    assert calibration is not None
    prompts = [solver.template.render(one.question) for one in asked]
    first = _complete(profile.greedy, [(prompt, 0) for prompt in prompts], logprobs=True)
    seeds = [item_seed(SEED, i, "solution", sample) for i in range(PROBLEMS) for sample in range(solver.n)]
    drawn = _complete(solver, [(prompts[i // solver.n], seed) for i, seed in enumerate(seeds)])
    with AnswerPool() as pool:
        greedy = [held_out.right(pool, one.text, held) for one, held in zip(first, asked, strict=True)]
        right = [held_out.right(pool, one.text, asked[i // solver.n]) for i, one in enumerate(drawn)]
    marks = np.array(right).reshape(PROBLEMS, solver.n)
    assert profile.reward is not None
    rewards = scores(profile.reward, prompts=[(prompts[i // solver.n], one.text) for i, one in enumerate(drawn)])
    chosen = []
    for i in range(PROBLEMS):
        mine = range(i * solver.n, (i + 1) * solver.n)
        made = [solution.solution("", k, drawn[at], "", 0) for k, at in enumerate(mine)]
        best = pair.choose(made, [rewards[at] for at in mine])
        chosen.append(best is not None and bool(marks[i, best]))
    failed = [not row.all() for row in marks]
    logits = [greedy_logit(calibration, one) for one in first]
    surest = [calibration.cut_off if logit is None else float(expit(logit)) for logit in logits]
    levels = [float(level or 0.0) for level in LevelModel.load().score([one.question for one in asked])]
    return {
        "gsm8k_problems": PROBLEMS,
        "gsm8k_greedy": _share(greedy),
        "gsm8k_mean": round(float(marks.mean()), 4),
        "gsm8k_any_of_5": _share([bool(row.any()) for row in marks]),
        "gsm8k_best_of_5": _share(chosen),
        "gsm8k_auc_greedy": auc(surest, failed),
        "gsm8k_auc_level": auc(levels, failed),
    }


def generate(role: Role, n: int, seed: int = SEED) -> list[Completion]:
    """The first ``n`` questions that the role writes at this seed, numbered as in a run."""
    return _complete(role, [(role.template.text, item_seed(seed, i, "question")) for i in range(n)])


def _complete(role: Role, wanted: Sequence[tuple[str, int]], logprobs: bool = False) -> list[Completion]:
    requests = [
        Request(str(i), prompt, role.sampling, seed, logprobs=logprobs) for i, (prompt, seed) in enumerate(wanted)
    ]
    with samples.opened(role) as model:
        found = samples.complete(model, requests, lambda _: None)
    failed = [one for one in found if isinstance(one, Failure)]
    if failed:
        raise failed[0].error
    return [one for one in found if isinstance(one, Completion)]


def scores(role: Role, texts: Sequence[str] = (), prompts: Sequence[tuple[str, str]] = ()) -> list[float]:
    """What a scorer says of each question, as a probability, or of each (prompt, solution), as it is."""
    rows: list[tuple[str, str | None]] = [*((role.template.render(text), None) for text in texts), *prompts]
    model = open_score(role)
    try:
        results = score_all(model, [(str(number), [row]) for number, row in enumerate(rows)], lambda: False)
    finally:
        model.close()
    found = []
    for one in results:
        if isinstance(one, Failure):
            raise one.error
        found.append(-np.inf if one.scores[0] is None else one.scores[0])
    return found if prompts else [float(value) for value in expit(found)]


def _counts(topics: Sequence[str]) -> list[int]:
    return [topics.count(topic) for topic in sorted(set(topics))]


def _share(marks: Sequence[bool]) -> float:
    return round(sum(map(bool, marks)) / max(len(marks), 1), 4)
