"""The training of each nano language model: tokeniser, solver, reward, QFT, QPO. ``scorers`` trains the others.

Each stage writes a folder into the work directory and marks it as done last, so that a second call continues where the
first stopped (language models also keep a checkpoint). Departures from the paper are named at each stage.
"""

import copy
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine.models.base import Completion
from engine.models.tokenizers import load_tokenizer
from engine.training.curriculum import Problem, read
from engine.training.curriculum.rewrite import Direction, rewrite
from engine.training.fit import Budget, Event, Example, PreferenceExample, fit_dpo, fit_lm, quiet
from engine.training.nano import family, measure, text

GENERATORS = {"qgen-a": 11, "qgen-b": 23}
"""Two question generators and their seeds: the first learns from all kinds alike, the second from the harder mix."""
SOLVERS = {"solver": 1, "reward": 2}
"""The two models that learn to solve and the seeds of their problems; ``base`` sees the beginning of the solver's."""
DONE = "done.json"
CALIBRATION = "confidence.json"


def is_hard(name: str) -> bool:
    """Whether a generator learns from the harder mix."""
    return name.startswith("qgen-b")


def of_mix(problems: list[Problem], hard: bool) -> list[Problem]:
    """All, or of levels 1 and 2 only every second one."""
    return [p for i, p in enumerate(problems) if not hard or p.level >= 3 or i % 2]


def write_json(file: Path, data: Any) -> None:
    """Write it whole or not at all."""
    file.with_suffix(".tmp").write_text(json.dumps(data))
    file.with_suffix(".tmp").replace(file)


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything. The defaults fit two cores in under an hour; ``workers`` draw problems in parallel."""

    solver_tokens: int = 6_000_000
    base_tokens: int = 2_200_000
    reward_tokens: int = 5_000_000
    qft_tokens: int = 4_000_000
    preference_samples: int = 12_000
    greedy: int = 30_000
    measured: int = 400
    rollouts: int = 16
    judged: int = 4_000
    counterfactuals: int = 1_000
    workers: int = 1


@dataclass(frozen=True, slots=True)
class Shop:
    """A build: work directory, device, sizes, and the callback for progress."""

    work: Path
    device: str
    size: Size
    on_event: Event = quiet

    def tokenizer(self) -> Any:
        return load_tokenizer(str(self.work / "tokenizer"))

    def load(self, name: str) -> Any:
        return family.load(self.work / name, self.device)

    def finished(self, name: str) -> bool:
        return (self.work / name / DONE).exists()

    def finish(self, name: str, model: Any, tokenizer: Any, **figures: Any) -> None:
        """Save the model, then the marker, so that an incomplete folder never counts as done."""
        family.save(model, tokenizer, self.work / name)
        (self.work / name / DONE).write_text(json.dumps(figures))
        self.on_event({"event": "progress", "stage": name, "done": 1, "total": 1, **figures})

    def fit(
        self, name: str, model: Any, tokenizer: Any, examples: Iterator[Example], budget: Budget, tokens: int
    ) -> None:
        """Train a language model, with a checkpoint, and save it; ``tokens``: how many the examples have."""
        loss = fit_lm(model, examples, budget, self.on_event, name, self.work / f"{name}.pt")
        self.finish(name, model, tokenizer, loss=round(loss, 4), tokens=tokens)

    def stream(
        self, seed: int, encode: Callable[..., list[Example]], tokenizer: Any, hard: bool = False
    ) -> Iterator[Example]:
        for chunk in text.problems(seed, workers=self.size.workers):
            yield from encode(tokenizer, of_mix(chunk, hard))

    def counting(self, stage: str, total: int) -> Callable[[int], None]:
        def progress(done: int) -> None:
            if done % 100 == 0 or done == total:
                self.on_event({"event": "progress", "stage": stage, "done": done, "total": total})

        return progress


def train_tokenizer(shop: Shop) -> None:
    text.train_tokenizer().save_pretrained(shop.work / "tokenizer")
    (shop.work / "tokenizer" / DONE).write_text("{}")


def train_solver(shop: Shop) -> None:
    """Next-token loss on the response alone: the solver must not know how to write questions."""
    tokenizer = shop.tokenizer()
    model = family.new_solver(tokenizer, 0, shop.device)
    budget = Budget(shop.size.solver_tokens, lr=3e-3, adam_lr=3e-3)
    shop.fit(
        "solver",
        model,
        tokenizer,
        shop.stream(SOLVERS["solver"], text.solver_examples, tokenizer),
        budget,
        budget.tokens,
    )


def train_base(shop: Shop) -> None:
    """The solver's training stopped after a third: what a student starts from, which must still learn to solve."""
    tokenizer = shop.tokenizer()
    model = family.new_solver(tokenizer, 0, shop.device)
    budget = Budget(shop.size.solver_tokens, lr=3e-3, adam_lr=3e-3)
    stream = _until(shop.size.base_tokens, shop.stream(SOLVERS["solver"], text.solver_examples, tokenizer))
    shop.fit("base", model, tokenizer, stream, budget, shop.size.base_tokens)


def _until(tokens: int, examples: Iterator[Example]) -> Iterator[Example]:
    for example in examples:
        if tokens <= 0:
            return
        tokens -= len(example.ids)
        yield example


def train_reward(shop: Shop) -> None:
    """The solver trained on: a solution's log-probability under it is the reward.

    Departure from the paper (an independent 7B reward model): classifier heads of this size do not learn which
    solutions are right.
    """
    tokenizer, model = shop.tokenizer(), shop.load("solver")
    budget = Budget(shop.size.reward_tokens, lr=3e-3, adam_lr=3e-3)
    shop.fit(
        "reward",
        model,
        tokenizer,
        shop.stream(SOLVERS["reward"], text.solver_examples, tokenizer),
        budget,
        budget.tokens,
    )


def train_qft(shop: Shop, name: str, seed: int, start: Any = None) -> None:
    """Question fine-tuning (paper 2.1): loss over template, question and end token."""
    tokenizer = shop.tokenizer()
    model = shop.load("solver") if start is None else start
    budget = Budget(shop.size.qft_tokens, lr=4e-3, adam_lr=4e-3)
    stream = shop.stream(seed, text.question_examples, tokenizer, hard=is_hard(name))
    shop.fit(name, model, tokenizer, stream, budget, budget.tokens)


def preference_pairs(
    samples: list[Completion], seed: int, harder: float = 0.1, cap: float = 0.03
) -> list[tuple[Direction, str, str]]:
    """(direction, chosen, rejected): each sample with its own rewrite in one random direction (paper 2.2).

    Departures: the directions are not equally likely (``harder`` is the share of hardenings drawn), and no kind may
    make up more than ``cap`` of the pairs, against mode collapse.
    """
    rng = random.Random(seed)
    pairs: list[tuple[Direction, str, str]] = []
    kinds: Counter[str] = Counter()
    for sample in samples:
        direction: Direction = "difficult" if rng.random() < harder else "solvable"
        if sample.finish_reason != "stop" or not sample.text.strip():
            continue
        better = rewrite(sample.text, direction, rng)
        if better is None or better == sample.text:
            continue
        found = read(better)
        kind = found.kind.name if found.kind else ""
        if kinds[kind] < cap * len(samples) * 0.5:
            kinds[kind] += 1
            pairs.append((direction, better, sample.text))
    return pairs


@dataclass(frozen=True, slots=True)
class Preference:
    """DPO's beta, rate and epochs, and the share of pairs that make a question harder."""

    beta: float = 0.1
    lr: float = 2e-2
    harder: float = 0.2
    epochs: int = 5


def fork(chosen: list[int], rejected: list[int]) -> PreferenceExample | None:
    """The pair cut off after the first token in which its sides differ, which alone bears the loss."""
    at = next((i for i, (a, b) in enumerate(zip(chosen, rejected, strict=False)) if a != b), None)
    return None if at is None else PreferenceExample(chosen[: at + 1], rejected[: at + 1], at)


def train_qpo(shop: Shop, name: str, seed: int, how: Preference = Preference()) -> None:
    """Question preference optimisation (paper 2.2) of the QFT model on pairs made from its own samples.

    Departures: the loss covers the first token in which a rewrite differs from its sample, and only the last norm's
    scale is trained. For a model this small, the tokens after the fork are noise, which Adam turns into full-sized
    steps: with whole sequences and all weights, valid questions fell from 82 to 78 %; this way gives 89 % (one
    generator).
    """
    tokenizer, reference = shop.tokenizer(), shop.load(f"{name}-qft")
    total = shop.size.preference_samples
    samples = measure.sample_questions(
        reference, tokenizer, total, seed, progress=shop.counting(f"{name} samples", total)
    )
    pairs = preference_pairs(samples, seed, how.harder)
    write_json(shop.work / f"{name}-pairs.json", [question for _, *sides in pairs for question in sides])
    chosen = text.encode(tokenizer, [text.asked(c) for _, c, _ in pairs])
    rejected = text.encode(tokenizer, [text.asked(r) for _, _, r in pairs])
    forks = [fork(c, r) for c, r in zip(chosen, rejected, strict=True)]
    examples = [example for example in forks if example is not None]
    model = copy.deepcopy(reference)
    for name_of, parameter in model.named_parameters():
        parameter.requires_grad_(name_of == "model.norm.weight")
    budget = Budget(0, batch_tokens=12_288, adam_lr=how.lr, warmup=0.05)
    options: dict[str, Any] = {"beta": how.beta, "epochs": how.epochs, "seed": seed}
    ranked = fit_dpo(model, reference, examples, budget, on_event=shop.on_event, stage=name, **options)
    shop.finish(name, model, tokenizer, pairs=len(examples), ranked_right=round(ranked, 3), **asdict(how))


def train_control(shop: Shop) -> None:
    """The same QFT from random weights: what the solver's training is worth to the generator."""
    train_qft(shop, "control", GENERATORS["qgen-a"], family.new_solver(shop.tokenizer(), 5, shop.device))
