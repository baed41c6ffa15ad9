"""Question preference optimisation (paper, section 2.2): a generator learns to prefer rewrites to its own samples.

DPO by TRL's DPOTrainer: the prompt is the pre-query template alone and bears no loss, the end token closes both sides,
the reference is the model that the training starts from. Departure: prompt and question are tokenised apart, as a
sampler will meet them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datasets import Dataset, disable_progress_bars
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer

from engine import prompts
from engine.control import Control
from engine.prompts import Template
from engine.training import base, record, samples, session
from engine.training.record import Training
from engine.training.session import OnEvent, Session
from engine.training.settings import Settings

Pair = tuple[str, str]


class Trainer(DPOTrainer):
    """TRL's, but it takes token ids as they are, reports to nobody and writes no model card."""

    def _prepare_dataset(self, dataset: Any, *_: object, **__: object) -> Any:
        return dataset

    def _send_telemetry(self) -> None:
        return

    def create_model_card(self, *_: object, **__: object) -> None:
        return


def train(
    training: Training,
    settings: Settings,
    pairs: Sequence[Pair],
    tokenizer: Any,
    on_event: OnEvent = lambda _: None,
    control: Control | None = None,
) -> Training:
    """Train ``training.base`` on (chosen, rejected) pairs; all else as ``qft.train``."""
    template = prompts.pre_query(training.template, "--template")
    chosen = [pair[0] for pair in pairs]

    def work(at: Session) -> Training:
        samples.keep(at, "before", training.base, template, chosen)
        if not (training.folder / "config.json").is_file():
            _fit(at, template, pairs, tokenizer)
        samples.keep(at, "after", str(training.folder), template, chosen)
        return record.finish(record.read(training.folder), "done", **session.result(training))

    return session.attend(training, settings, on_event, control or Control(), work)


def encoded(tokenizer: Any, template: Template, pairs: Sequence[Pair]) -> dict[str, list[list[int]]]:
    """Columns of token ids: the prompt, and both sides with what closes a question."""
    end = prompts.closing(template.id)
    sides = [tokenizer([pair[side] + end for pair in pairs], add_special_tokens=False)["input_ids"] for side in (0, 1)]
    prompt = list(tokenizer(template.text, add_special_tokens=False)["input_ids"])
    return {"prompt_ids": [prompt] * len(pairs), "chosen_ids": sides[0], "rejected_ids": sides[1]}


def _fit(at: Session, template: Template, pairs: Sequence[Pair], tokenizer: Any) -> None:
    training, settings = at.training, at.settings
    disable_progress_bars()
    trainer = Trainer(
        model=base.load_model(training, settings),
        # Adapters need no second model: without them the model is its own reference.
        ref_model=None if settings.lora else base.load_model(training, settings, reference=True),
        args=session.on_one_device(
            DPOConfig(
                beta=settings.beta,
                loss_type=["sigmoid"],
                max_length=settings.max_length,
                **session.arguments(training, settings),
            )
        ),
        train_dataset=Dataset.from_dict(encoded(tokenizer, template, pairs)),
        processing_class=tokenizer,
        peft_config=base.lora(settings),
    )
    session.fit(trainer, at)
    base.save(trainer.model, tokenizer, training)
