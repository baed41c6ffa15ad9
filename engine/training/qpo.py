"""Question preference optimisation (paper, section 2.2): a generator learns to prefer rewrites to its own samples.

DPO by TRL's DPOTrainer: the prompt is the pre-query template alone and bears no loss, the end token closes both sides,
the reference is the model that the training starts from. Departure: prompt and question are tokenised apart, as a
sampler will meet them.

Departures that are asked for, never the default, for small models and few pairs, where most of the gradient is noise:
``fork`` (the loss covers the token at which chosen and rejected part, and nothing after it: what follows a mistake is
none) and ``norm_only`` (only the last norm's scale is trained). The nano family is trained in this way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datasets import Dataset, disable_progress_bars
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer

from engine.config import prompts
from engine.config.prompts import Template
from engine.jobs.control import Control
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


def encoded(
    tokenizer: Any, template: Template, pairs: Sequence[Pair], fork: bool = False
) -> dict[str, list[list[int]]]:
    """Columns of token ids: the prompt, and both sides with what closes a question. With ``fork`` what both sides
    begin with belongs to the prompt, and each side is its first token after that."""
    end = prompts.closing(template.id)
    sides = [tokenizer([pair[side] + end for pair in pairs], add_special_tokens=False)["input_ids"] for side in (0, 1)]
    prompt = list(tokenizer(template.text, add_special_tokens=False)["input_ids"])
    rows = [(prompt, *both) for both in zip(*sides, strict=True)]
    if fork:
        rows = [_forked(*row) for row in rows]
    names = ("prompt_ids", "chosen_ids", "rejected_ids")
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def _forked(prompt: list[int], chosen: list[int], rejected: list[int]) -> tuple[list[int], list[int], list[int]]:
    # The closing token ends both, so that no side is the other's beginning; equal ones teach nothing.
    differ = (i for i, (a, b) in enumerate(zip(chosen, rejected, strict=False)) if a != b)
    at = next(differ, min(len(chosen), len(rejected)) - 1)
    return prompt + chosen[:at], chosen[at : at + 1], rejected[at : at + 1]


def _fit(at: Session, template: Template, pairs: Sequence[Pair], tokenizer: Any) -> None:
    training, settings = at.training, at.settings
    disable_progress_bars()
    trainer = Trainer(
        model=base.narrow(base.load_model(training, settings), settings),
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
        train_dataset=Dataset.from_dict(encoded(tokenizer, template, pairs, settings.fork)),
        processing_class=tokenizer,
        peft_config=base.lora(settings),
    )
    session.fit(trainer, at)
    base.save(trainer.model, tokenizer, training)
