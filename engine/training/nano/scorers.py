"""The training of the nano scorers: the solver's confidence calibrated, the difficulty, the judge."""

import json
import math

from engine.config.calibration import Calibration
from engine.models.base import Logprobs
from engine.training import confidence
from engine.training.confidence import Measured
from engine.training.curriculum import Problem, read
from engine.training.fit import Budget, fit_logit
from engine.training.nano import counterfactuals, family, measure, text
from engine.training.nano.recipe import CALIBRATION, DONE, GENERATORS, Shop, write_json

GREEDY_SEED, GREEDY_CHUNK = 37, 1_000
PAIRS_SEED = 43
SOLVER = "assets/nano/solver"


def fit_confidence(shop: Shop) -> None:
    """What the solver's confidence in its greedy solution says of its fail rate, on problems of the ``dev`` split."""
    tokenizer, solver, size = shop.tokenizer(), shop.load("solver"), shop.size
    problems = next(text.problems(31, split="dev", most=1, chunk=size.measured))
    rows, _ = measure.rollouts(solver, tokenizer, problems, size.rollouts, 31)
    folder = shop.work / "confidence"
    folder.mkdir(exist_ok=True)
    write_json(folder / CALIBRATION, _calibration(rows).to_json())
    (folder / DONE).write_text(json.dumps({"questions": len(rows), "rollouts": size.rollouts}))


def _calibration(rows: list[Measured]) -> Calibration:
    """Fitted; where all rollouts or none failed, one rate for all."""
    fails, n = sum(row.fails for row in rows), sum(row.n for row in rows)
    if 0 < fails < n:
        return confidence.fit(rows, SOLVER)
    rate = (fails + 1) / (n + 2)
    tokens = sum(row.tokens for row in rows) / len(rows)
    return Calibration(SOLVER, math.log(rate / (1 - rate)), 0.0, 0.0, rate, ((rate, tokens),))


def greedy_problems(total: int) -> list[Problem]:
    """The problems whose greedy solutions the difficulty scorer learns from."""
    chunks = text.problems(GREEDY_SEED, most=-(-total // GREEDY_CHUNK), chunk=GREEDY_CHUNK)
    return [problem for chunk in chunks for problem in chunk][:total]


def greedy_confidences(shop: Shop) -> list[tuple[str, Logprobs | None, bool]]:
    """(question, log-probabilities of the solver's greedy solution, whether it was cut off) of ``size.greedy``
    problems.

    Kept in the work directory, a file a chunk: decoding costs more than the training on it.
    """
    kept = shop.work / "greedy"
    kept.mkdir(exist_ok=True)
    total, tokenizer, solver = shop.size.greedy, shop.tokenizer(), shop.load("solver")
    problems = greedy_problems(total)
    rows: list[tuple[str, Logprobs | None, bool]] = []
    for number in range(-(-total // GREEDY_CHUNK)):
        if not (file := kept / f"{number:04}.json").exists():
            questions = [p.question for p in problems[number * GREEDY_CHUNK : (number + 1) * GREEDY_CHUNK]]
            found = measure.greedy(solver, tokenizer, questions)
            write_json(
                file, [(q, c.logprobs, c.finish_reason != "stop") for q, c in zip(questions, found, strict=True)]
            )
        rows += [(q, Logprobs(*values) if values else None, cut) for q, values, cut in json.loads(file.read_text())]
        shop.on_event({"event": "progress", "stage": "difficulty greedy", "done": len(rows), "total": total})
    return rows


def train_difficulty(shop: Shop) -> None:
    """The fail rate that the solver's greedy confidence implies, regressed on the question's text.

    Departure from the paper (2.3, fail rates of sampled solutions): one greedy solution says almost as much as 16
    samples, so that many more questions can be measured.
    """
    tokenizer = shop.tokenizer()
    calibration = Calibration.read(str(shop.work / "confidence" / CALIBRATION))
    rates = [
        (question, calibration.fail_rate(*found, cut) if found else calibration.cut_off)
        for question, found, cut in greedy_confidences(shop)
    ]
    scorer = family.new_scorer(shop.load("reward"), 3, shop.device)
    rows = text.encode(tokenizer, [text.asked(question) for question, _ in rates])
    budget = Budget(0, batch_tokens=2048, lr=1e-3, adam_lr=1e-3, warmup=0.05, weight_decay=0.05)
    targets = [rate for _, rate in rates]
    loss = fit_logit(scorer, rows, targets, budget, epochs=3, on_event=shop.on_event, stage="difficulty")
    mean = sum(targets) / max(len(targets), 1)
    figures = {"questions": len(targets), "mean_fail_rate": round(mean, 4)}
    shop.finish("difficulty", scorer, tokenizer, loss=round(loss, 4), **figures)


def judged_samples(shop: Shop, seed: int, each: int) -> list[tuple[str, bool]]:
    """Real output of all four generators, before and after QPO: (text, whether the oracle can answer it).

    The texts are kept in the work directory; the oracle reads them again.
    """
    kept, tokenizer = shop.work / "judged", shop.tokenizer()
    kept.mkdir(exist_ok=True)
    texts: list[str] = []
    for number, name in enumerate([*GENERATORS, *(f"{g}-qft" for g in GENERATORS)]):
        if not (file := kept / f"{name}.json").exists():
            progress = shop.counting(f"judge samples {name}", each)
            samples = measure.sample_questions(shop.load(name), tokenizer, each, seed + number, progress=progress)
            write_json(file, [s.text for s in samples if s.finish_reason == "stop"])
        texts += json.loads(file.read_text())
    return [(found, read(found).status == "ok") for found in texts]


def train_judge(shop: Shop) -> None:
    """Is it a problem of the curriculum with possible numbers? Learned from the generators' real output, and from pairs
    of questions of which one is impossible (``counterfactuals``), on the body of a model that knows questions.

    Departure from the paper (a 7B solver is asked in words): one logit.
    """
    tokenizer, size = shop.tokenizer(), shop.size
    real = judged_samples(shop, 41, size.judged)
    pairs = list(counterfactuals.pairs(PAIRS_SEED, size.counterfactuals))
    rows = [*real, *((bad, False) for bad, _ in pairs), *((good, True) for _, good in pairs)]
    scorer = family.new_scorer(shop.load("qgen-a-qft"), 4, shop.device)
    ids = text.encode(tokenizer, [text.asked(question) for question, _ in rows])
    budget = Budget(0, batch_tokens=4096, lr=2e-3, adam_lr=2e-3, warmup=0.03, weight_decay=0.02)
    targets = [float(valid) for _, valid in rows]
    loss = fit_logit(scorer, ids, targets, budget, epochs=3, on_event=shop.on_event, stage="judge")
    share = sum(valid for _, valid in real) / max(len(real), 1)
    figures = {"samples": len(real), "valid": round(share, 4), "counterfactual_pairs": len(pairs)}
    shop.finish("judge", scorer, tokenizer, loss=round(loss, 4), **figures)
