"""Question preference optimisation (paper, section 2.2): a generator learns to prefer rewrites to its own samples.

DPO by TRL's DPOTrainer: the prompt is the pre-query template, without loss; the end token closes both sides; the
reference is the model that the training starts from. Departure: prompt and question are tokenised separately, as in
sampling.

Optional departures for small models and few pairs, where most of the gradient is noise: ``fork`` (the loss covers only
the first token in which chosen and rejected differ, since the tokens after a mistake are not mistakes) and
``norm_only`` (only the last norm's scale is trained). The nano family is trained with both.
"""

from collections.abc import Sequence
from typing import Any

import torch
from datasets import Dataset, disable_progress_bars
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer

from engine.config import prompts
from engine.config.prompts import Template
from engine.jobs.control import Control
from engine.models.tokenizers import encode_continuations
from engine.training import base, reference, samples, session
from engine.training.record import Training
from engine.training.session import OnEvent, Session
from engine.training.settings import Settings

Pair = tuple[str, str]


class Trainer(session.Steady, DPOTrainer):
    """TRL's trainer on token ids as they are, without telemetry and model card."""

    mean_of_rows = loss_is_scaled_for_ga = True

    def _prepare_dataset(self, dataset: Any, *_: object, **__: object) -> Any:
        return dataset

    _precompute_ref_logps = _prepare_dataset
    """The rows have them (``engine.training.reference``)."""


class _NoReference(torch.nn.Module):
    """In the place of a reference model: TRL asks for one, hashes its weights, and does not call it where the rows have
    its log-probabilities."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.config = config

    def forward(self, *_: object, **__: object) -> None:
        raise AssertionError("the rows have the reference's log-probabilities")


def train(
    training: Training,
    settings: Settings,
    pairs: Sequence[Pair],
    tokenizer: Any,
    on_event: OnEvent = lambda _: None,
    control: Control | None = None,
) -> Training:
    """Train ``training.base`` on (chosen, rejected) pairs; otherwise as ``qft.train``."""
    template = prompts.pre_query(training.template, "--template")
    chosen = [pair[0] for pair in pairs]

    def work(at: Session) -> Training:
        return samples.around(at, template, chosen, lambda: _fit(at, template, pairs, tokenizer))

    return session.run(training, settings, on_event, control, work)


def encoded(
    tokenizer: Any, template: Template, pairs: Sequence[Pair], fork: bool = False
) -> dict[str, list[list[int]]]:
    """Columns of token ids: the prompt, and both sides with the end token. With ``fork``, the common beginning of both
    sides belongs to the prompt, and each side is its first token after that."""
    end = prompts.closing(template.id)
    sides = [encode_continuations(tokenizer, [pair[side] + end for pair in pairs]) for side in (0, 1)]
    prompt = list(tokenizer(template.text, add_special_tokens=False)["input_ids"])
    rows = [(prompt, *both) for both in zip(*sides, strict=True)]
    if fork:
        rows = [_forked(*row) for row in rows]
    names = ("prompt_ids", "chosen_ids", "rejected_ids")
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def _forked(prompt: list[int], chosen: list[int], rejected: list[int]) -> tuple[list[int], list[int], list[int]]:
    # Both end with the closing token, so that neither is a prefix of the other.
    differ = (i for i, (a, b) in enumerate(zip(chosen, rejected, strict=False)) if a != b)
    at = next(differ, min(len(chosen), len(rejected)) - 1)
    return prompt + chosen[:at], chosen[at : at + 1], rejected[at : at + 1]


def _fit(at: Session, template: Template, pairs: Sequence[Pair], tokenizer: Any) -> None:
    columns = encoded(tokenizer, template, pairs, at.settings.fork)
    if not at.settings.lora:  # with adapters, the model without them is the reference
        columns = {**columns, **reference.log_probs(at, columns)}
    session.fit_on_gpus(at, "pairs", columns, lambda rows: fit_rows(at, rows, tokenizer))


def fit_rows(at: Session, rows: Dataset, tokenizer: Any) -> None:
    """Train on rows of ``encoded`` and, for full fine-tuning, ``reference.log_probs``, in this process."""
    training, settings = at.training, at.settings
    disable_progress_bars()
    model = base.freeze(base.load_model(training, settings), settings)
    trainer = Trainer(
        model=model,
        ref_model=None if settings.lora else _NoReference(model.config),
        args=session.on_one_device(
            DPOConfig(
                beta=settings.beta,
                loss_type=["sigmoid"],
                max_length=settings.max_length,
                precompute_ref_log_probs=not settings.lora,
                **session.arguments(training, settings),
            )
        ),
        train_dataset=rows,
        processing_class=tokenizer,
        peft_config=base.lora(settings),
    )
    if not settings.lora:
        trainer.ref_model = None
    session.fit(trainer, at, tokenizer)
