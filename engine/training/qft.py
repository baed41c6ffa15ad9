"""Question fine-tuning (paper, section 2.1): a problem-solving model learns to write questions from an empty prompt.

Each question stands after the pre-query template and before the end token, the texts are packed, and the loss covers
every token, as in the authors' code. TRL's SFTTrainer does the work. Departure: template and question are tokenised
apart, as a sampler will meet them (the authors' texts are tokenised whole).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from datasets import Dataset, disable_progress_bars
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from engine.config import prompts
from engine.config.prompts import Template
from engine.jobs.control import Control
from engine.training import base, record, samples, session
from engine.training.record import Training
from engine.training.session import OnEvent, Session
from engine.training.settings import Settings


class Trainer(SFTTrainer):
    """TRL's, but it reports to nobody and writes no model card."""

    def _send_telemetry(self) -> None:
        return

    def create_model_card(self, *_: object, **__: object) -> None:
        return


def train(
    training: Training,
    settings: Settings,
    questions: Sequence[str],
    tokenizer: Any,
    on_event: OnEvent = lambda _: None,
    control: Control | None = None,
) -> Training:
    """Train ``training.base`` on the questions, from the last checkpoint in its folder if there is one, to a model in
    that folder. Gives back the training, done or interrupted; raises ScaleQuestError, after the folder says so."""
    template = prompts.pre_query(training.template, "--template")

    def work(at: Session) -> Training:
        samples.keep(at, "before", training.base, template, questions)
        if not (training.folder / "config.json").is_file():
            _fit(at, template, questions, tokenizer)
        samples.keep(at, "after", str(training.folder), template, questions)
        return record.finish(record.read(training.folder), "done", **session.result(training))

    return session.attend(training, settings, on_event, control or Control(), work)


def encoded(tokenizer: Any, template: Template, questions: Sequence[str]) -> list[list[int]]:
    """Token ids of template + question + what closes it, nothing added."""
    if not questions:
        return []
    end = prompts.closing(template.id)
    texts = tokenizer([question + end for question in questions], add_special_tokens=False)["input_ids"]
    prompt = list(tokenizer(template.text, add_special_tokens=False)["input_ids"])
    return [prompt + list(ids) for ids in texts]


def packed(texts: Sequence[list[int]], length: int, seed: int) -> list[list[int]]:
    """The texts in random order as one stream, cut into rows of ``length`` tokens; the last one is shorter."""
    order = list(texts)
    random.Random(seed).shuffle(order)
    stream = [i for ids in order for i in ids]
    return [stream[at : at + length] for at in range(0, len(stream), length)]


def _fit(at: Session, template: Template, questions: Sequence[str], tokenizer: Any) -> None:
    training, settings = at.training, at.settings
    rows = packed(encoded(tokenizer, template, questions), settings.max_length, settings.seed)
    at.progress.check()
    disable_progress_bars()
    trainer = Trainer(
        model=base.load_model(training, settings),
        args=session.on_one_device(SFTConfig(max_length=settings.max_length, **session.arguments(training, settings))),
        train_dataset=Dataset.from_dict({"input_ids": rows}),
        processing_class=tokenizer,
        peft_config=base.lora(settings),
    )
    session.fit(trainer, at)
    base.save(trainer.model, tokenizer, training)
