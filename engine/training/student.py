"""Students measure whether data helps: a small model fine-tuned on pairs answers held-out questions before and after.

TRL's SFTTrainer trains: the solver's template shows the question, and the loss covers the response and its end token.
Answers are greedy and zero-shot, compared as in the pipeline. Departure from the paper, which trains one student on
each data set: several by seed, each on rows that its seed draws, so that two data sets can be compared beyond chance.
"""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.config import prompts
from engine.config.profiles import Role
from engine.config.prompts import Template
from engine.config.sampling import Sampling
from engine.data import training_rows
from engine.jobs.control import Control
from engine.models.base import Completion, Request
from engine.models.tokenizers import encode_continuations
from engine.text.answers import AnswerPool
from engine.training import accuracy, held_out, qft, record, samples, session
from engine.training.held_out import Held, Pair
from engine.training.record import Training
from engine.training.session import OnEvent, Session
from engine.training.settings import Settings

IGNORED = -100
"""The label of a position without loss."""
MARKS = "held_out"
"""Key in ``samples.json``: a digit for each question, 1 where it was answered right, before and after by seed."""


def train(
    training: Training,
    settings: Settings,
    pairs: Sequence[Pair],
    held: Sequence[Held],
    tokenizer: Any,
    on_event: OnEvent = lambda _: None,
    control: Control | None = None,
) -> Training:
    """Train ``settings.seeds`` students from ``training.base`` on (question, response) pairs, each on
    ``settings.limit`` of them drawn by its seed (0: all), and measure the base and each student on the held-out
    questions. The folder keeps the first one's model. ``training.data["against"]``: a finished student to compare with.
    Otherwise as ``qft.train``.
    """
    template = prompts.solving(training.template, "--template")

    def work(at: Session) -> Training:
        _measure(at, "before", at.training.base, at.training.revision, template, held)
        for number in range(settings.seeds):
            seed = settings.seed + number
            if str(seed) not in _marks(training.folder)["after"]:
                model = _student(at, number, template, pairs, tokenizer)
                _measure(at, str(seed), str(model), None, template, held)
            _keep_first(training.folder, number, seed)
        return record.finish(record.read(training.folder), "done", **_result(at, held))

    return session.run(training, settings, on_event, control, work)


def marks(folder: Path) -> list[list[bool]]:
    """(seeds, held-out questions): whether each student of a finished training answered right."""
    return [[mark == "1" for mark in found] for found in _marks(folder)["after"].values()]


def encoded(tokenizer: Any, template: Template, pairs: Sequence[Pair]) -> dict[str, list[list[int]]]:
    """Columns ``input_ids``, of prompt and response with its end token, and ``labels``, without the prompt."""
    if not pairs:
        return {"input_ids": [], "labels": []}
    prompt = tokenizer([template.render(question) for question, _ in pairs], add_special_tokens=False)["input_ids"]
    answer = encode_continuations(tokenizer, [response + template.end for _, response in pairs])
    both = list(zip(prompt, answer, strict=True))
    return {
        "input_ids": [[*question, *response] for question, response in both],
        "labels": [[IGNORED] * len(question) + list(response) for question, response in both],
    }


def _student(at: Session, number: int, template: Template, pairs: Sequence[Pair], tokenizer: Any) -> Path:
    """Train, or resume, the student of that number in its own folder; returns the folder."""
    settings = replace(at.settings, seed=at.settings.seed + number)
    training = replace(at.training, folder=_seed_folder(at.training.folder, settings.seed))
    training.folder.mkdir(exist_ok=True)
    if not (training.folder / "config.json").is_file():
        drawn = training_rows.drawn(pairs, settings.limit, settings.seed)
        one = Session(training, settings, lambda event: at.emit(_overall(event, number, settings.seeds)), at.control)
        qft.fit_tokens(one, encoded(tokenizer, template, drawn), tokenizer)
    return training.folder


def _overall(event: dict[str, Any], number: int, seeds: int) -> dict[str, Any]:
    """One student's progress event as that of all of them."""
    if event.get("event") != "progress":
        return event
    done, total = event["done"], event["total"]
    left = event.get("eta_s", 0.0) + (seeds - number - 1) * event.get("elapsed_s", 0.0) * total / max(done, 1)
    return {**event, "done": number * total + done, "total": seeds * total, "eta_s": round(left, 1)}


def _seed_folder(folder: Path, seed: int) -> Path:
    return folder / f"seed-{seed}"


def _keep_first(folder: Path, number: int, seed: int) -> None:
    """Move the first student's model into the training's folder; delete the others, which were only measured."""
    made = _seed_folder(folder, seed)
    if not made.is_dir():
        return
    for checkpoint in record.checkpoints(made):
        shutil.rmtree(checkpoint, ignore_errors=True)
    if number == 0:
        for path in sorted(made.iterdir(), key=lambda path: path.name == "config.json"):
            if path.name != record.EVENTS:
                path.replace(folder / path.name)
    shutil.rmtree(made, ignore_errors=True)


def _measure(
    at: Session, when: str, model: str, revision: str | None, template: Template, held: Sequence[Held]
) -> None:
    """Have the model answer all held-out questions, and record which it answers right; once."""
    folder, settings = at.training.folder, at.settings
    kept = _marks(folder)
    if when == "before" and kept["before"]:
        return
    device = "cpu" if settings.device == "cpu" else "auto"
    role = Role(
        "student", at.training.name, "transformers", model, template,
        revision=revision, max_tokens=settings.answer_tokens, device=device,
    )  # fmt: skip
    sampling = Sampling(0.0, 1.0, role.max_tokens, template.stop)
    requests = [Request(str(i), template.render(one.question), sampling, 0) for i, one in enumerate(held)]
    stage = "base asked" if when == "before" else f"seed {when} asked"
    with samples.opened(role) as lm:
        found = samples.complete(lm, requests, lambda done: at.progress(stage, done, len(held)))
    with AnswerPool() as pool:
        right = [
            isinstance(answer, Completion) and held_out.right(pool, answer.text, one)
            for answer, one in zip(found, held, strict=True)
        ]
    digits = "".join("01"[mark] for mark in right)
    changed: dict[str, Any] = {MARKS: {**kept, "before": digits}}
    if when != "before":
        changed = {MARKS: {**kept, "after": {**kept["after"], when: digits}}}
    first = when == str(settings.seed)
    if when == "before" or first:
        changed |= _sample_entries(at, "after" if first else "before", held, samples.as_rows(found), right)
    record.keep_samples(at.training, {**record.samples(folder), **changed})


def _sample_entries(
    at: Session, when: str, held: Sequence[Held], found: Sequence[samples.Row], right: Sequence[bool]
) -> dict[str, Any]:
    """The first texts, and statistics of all, as ``samples.keep`` writes them."""
    figures: dict[str, Any] = {"accuracy": accuracy.share([right])}
    levels = accuracy.by_level([right], [one.level for one in held])
    figures |= {f"accuracy, level {level}": value for level, value in levels.items()} | samples.statistics(found)
    texts = [
        {**row, "text": f"{one.question}\n\n{row['text']}\n\n[{'right' if good else 'wrong'}]"}
        for row, one, good in zip(found, held, right, strict=True)
    ]
    known = record.samples(at.training.folder).get("statistics", {})
    sampling = {"temperature": 0.0, "max_tokens": at.settings.answer_tokens}
    return {
        when: texts[: at.settings.samples],
        "sampling": sampling,
        "seed": at.settings.seed,
        "statistics": {**known, when: figures},
    }


def _marks(folder: Path) -> dict[str, Any]:
    return {"before": "", "after": {}, **record.samples(folder).get(MARKS, {})}


def _result(at: Session, held: Sequence[Held]) -> dict[str, Any]:
    """Accuracy before and after with 95 % intervals, the gain, and the difference to another student."""
    folder, kept = at.training.folder, _marks(at.training.folder)
    before, after = [[mark == "1" for mark in kept["before"]]], marks(folder)
    levels = [one.level for one in held]
    result: dict[str, Any] = {
        "held_out": len(held),
        "before": accuracy.share(before),
        "before_ci95": accuracy.interval(before),
        "after": accuracy.share(after),
        "after_ci95": accuracy.interval(after),
        "gained": accuracy.difference(after, before),
    }
    if len(after) > 1:
        result["after_by_seed"] = {seed: accuracy.share([row]) for seed, row in zip(kept["after"], after, strict=True)}
    if found := accuracy.by_level(after, levels):
        result["after_by_level"] = found
    if against := at.training.data.get("against"):
        result["against"] = {"name": Path(against).name} | accuracy.difference(after, marks(Path(against)))
    return session.result(at.training) | result
