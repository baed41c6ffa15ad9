"""The difficulty scorer (paper, section 2.3): a question's fail rate, regressed on its text alone.

A sequence classifier with one label on the body of a language model, trained by transformers' Trainer, for the backends
``classifier`` and ``vllm-pooling``. Departure from the paper (squared error on a bare head): cross-entropy of the
sigmoid to the soft target, so that predictions stay within [0, 1]; the role's ``activation`` is then ``sigmoid``, its
default.
"""

import queue
import random
from collections.abc import Sequence
from typing import Any

import transformers
from datasets import Dataset, disable_progress_bars

from engine.config import prompts
from engine.config.profiles import Role
from engine.config.prompts import Template
from engine.jobs.control import Control
from engine.models.base import Failure, Scored
from engine.models.load import open_score
from engine.training import base, record, session
from engine.training.confidence import quality
from engine.training.rank_correlation import spearman, spearman_attainable
from engine.training.record import Training
from engine.training.session import OnEvent, Session
from engine.training.settings import Settings

Rated = tuple[str, float]


class Trainer(session.Steady, transformers.Trainer):
    """Transformers' trainer."""

    mean_of_rows = loss_is_scaled_for_ga = True


def train(
    training: Training,
    settings: Settings,
    rated: Sequence[Rated],
    tokenizer: Any,
    on_event: OnEvent = lambda _: None,
    control: Control | None = None,
) -> Training:
    """Train a scorer on (question, fail rate) rows and measure it on the held-out ones; otherwise as ``qft.train``."""
    template = prompts.template(training.template, "--template")
    held, rest = split(rated, settings.held_out, settings.seed)

    def work(at: Session) -> Training:
        if not (training.folder / "config.json").is_file():
            fit(at, template, rest, tokenizer)
        figures = session.result(training) | _measured(at, template, held)
        return record.finish(record.read(training.folder), "done", **figures)

    return session.run(training, settings, on_event, control, work)


def split(rated: Sequence[Rated], share: float, seed: int) -> tuple[list[Rated], list[Rated]]:
    """(held out, the rest), split by question, so that no question is in both."""
    texts = sorted({question for question, _ in rated})
    held = set(random.Random(seed).sample(texts, round(share * len(texts))))
    return [row for row in rated if row[0] in held], [row for row in rated if row[0] not in held]


def fit(at: Session, template: Template, rated: Sequence[Rated], tokenizer: Any) -> None:
    """Train a scorer on (question, target in [0, 1]) rows, and save it in the training's folder."""
    texts = [template.render(question) for question, _ in rated]
    length = at.settings.max_length
    ids = tokenizer(texts, add_special_tokens=False, truncation=True, max_length=length)["input_ids"]
    columns = {"input_ids": ids, "labels": [[rate] for _, rate in rated]}
    session.fit_on_gpus(at, "rates", columns, lambda rows: fit_rows(at, rows, tokenizer))


def fit_rows(at: Session, rows: Dataset, tokenizer: Any) -> None:
    """Train on rows of ``input_ids`` and ``labels``, the rate, in this process."""
    training, settings = at.training, at.settings
    disable_progress_bars()
    model = base.load_model(training, settings, scorer=True)
    tokenizer.pad_token = _padding(tokenizer, {i for ids in rows["input_ids"] for i in ids[-1:]})
    model.config.get_text_config().pad_token_id = model.config.pad_token_id = tokenizer.pad_token_id
    model.config.problem_type = "multi_label_classification"  # with one label: cross-entropy of a sigmoid
    if settings.lora:
        import peft

        model = peft.get_peft_model(model, base.lora(settings, scorer=True))
        if settings.gradient_checkpointing:
            model.enable_input_require_grads()
    arguments = transformers.TrainingArguments(
        include_num_input_tokens_seen="all", **session.arguments(training, settings)
    )
    collator = transformers.DataCollatorWithPadding(tokenizer)
    trainer = Trainer(model, session.on_one_device(arguments), data_collator=collator, train_dataset=rows)
    session.fit(trainer, at, tokenizer)


def _padding(tokenizer: Any, last: set[int]) -> str:
    """A token to pad with that ends no text: transformers reads a row's score at its last token of another id, while
    our backends read it at the last token."""
    named = (tokenizer.pad_token, tokenizer.eos_token, tokenizer.unk_token)
    able = [token for token in (*named, *tokenizer.all_special_tokens, *tokenizer.get_vocab()) if token is not None]
    return str(next(token for token in able if tokenizer.convert_tokens_to_ids(token) not in last))


def predict(at: Session, role: str, template: Template, questions: Sequence[str]) -> dict[int, float]:
    """What the saved scorer says of each question that it can score, by its place, through the backend that a run would
    use. Raises Interrupted, and as ``open_score`` does."""
    from scipy.special import expit

    device = "cpu" if at.settings.device == "cpu" else "auto"
    scorer = open_score(Role(role, at.training.name, "classifier", str(at.training.folder), template, device=device))
    done: queue.SimpleQueue[Scored | Failure] = queue.SimpleQueue()
    predicted: dict[int, float] = {}
    try:
        for number, question in enumerate(questions):
            scorer.submit(str(number), [(template.render(question), None)], done.put)
        for number in range(len(questions)):
            found = done.get()
            if isinstance(found, Failure):
                if found.fatal:
                    raise found.error
            elif found.scores[0] is not None:
                predicted[int(found.request_id)] = float(expit(found.scores[0]))
            at.progress("held out", number + 1, len(questions))
    finally:
        scorer.close()
    return predicted


def _measured(at: Session, template: Template, held: Sequence[Rated]) -> dict[str, Any]:
    """The saved scorer's figures on the held-out questions."""
    if not held:
        return {"held_out": 0}
    predicted = predict(at, "difficulty", template, [question for question, _ in held])
    pairs = [(predicted[i], held[i][1]) for i in sorted(predicted)]
    off = sum(abs(p - r) for p, r in pairs) / max(len(pairs), 1)
    figures: dict[str, Any] = {"held_out": len(held), "scored": len(pairs), "mean_absolute_error": round(off, 4)}
    return figures | _quality([p for p, _ in pairs], [r for _, r in pairs])


def _quality(predicted: Sequence[float], rates: Sequence[float]) -> dict[str, Any]:
    """How well rates are predicted (``engine.training.confidence.quality``), each question with the same weight; the
    rank correlation only with the most that any score could reach on these rates.
    """
    if not predicted:
        return {}
    found = quality(predicted, rates, [1] * len(rates))
    return {
        "auc_any_fail": found.auc_any_fail,
        "auc_quarter": found.auc_quarter,
        "deviance_explained": found.deviance_explained,
        "spearman": spearman(predicted, rates),
        "spearman_attainable": spearman_attainable(rates),
    }
