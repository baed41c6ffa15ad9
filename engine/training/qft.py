"""Question fine-tuning (paper, section 2.1): a problem-solving model learns to write questions from an empty prompt.

Each question is put between the pre-query template and the end token, the texts are packed, and the loss covers every
token, as in the authors' code. TRL's SFTTrainer trains. Departure: template and question are tokenised separately, as
in sampling (the authors' texts are tokenised whole).
"""

import random
from collections.abc import Sequence
from typing import Any

import transformers
from datasets import Dataset, disable_progress_bars
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from engine.config import prompts
from engine.config.prompts import Template
from engine.jobs.control import Control
from engine.models.tokenizers import encode_continuations
from engine.training import base, distributed, samples, session
from engine.training.record import Training
from engine.training.session import OnEvent, Session
from engine.training.settings import Settings


class Trainer(session.Steady, SFTTrainer):
    """TRL's trainer without telemetry and model card."""

    def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **more: Any) -> Any:
        """On a CPU, transformers' own loss: the value of TRL's, which takes half of a step there (its head in float32,
        entropy and accuracy)."""
        if self.args.device.type != "cpu" or distributed.count() > 1:
            return super().compute_loss(model, inputs, *args, **more)
        inputs["use_cache"] = False
        return transformers.Trainer.compute_loss(self, model, inputs, *args, **more)


def train(
    training: Training,
    settings: Settings,
    questions: Sequence[str],
    tokenizer: Any,
    on_event: OnEvent = lambda _: None,
    control: Control | None = None,
) -> Training:
    """Train ``training.base`` on the questions, from the last checkpoint in its folder if there is one, to a model in
    that folder. Returns the training, done or interrupted. A failure is recorded and raised as a ScaleQuestError."""
    template = prompts.pre_query(training.template, "--template")

    def fit(at: Session) -> None:
        texts = encoded(tokenizer, template, questions)
        rows = packed(texts, settings.max_length, settings.seed, whole=settings.whole_texts)
        fit_tokens(at, {"input_ids": rows}, tokenizer)

    def work(at: Session) -> Training:
        return samples.around(at, template, questions, lambda: fit(at))

    return session.run(training, settings, on_event, control, work)


def encoded(tokenizer: Any, template: Template, questions: Sequence[str]) -> list[list[int]]:
    """Token ids of template, question and end token, without added tokens."""
    end = prompts.closing(template.id)
    texts = encode_continuations(tokenizer, [question + end for question in questions])
    prompt = list(tokenizer(template.text, add_special_tokens=False)["input_ids"])
    return [prompt + ids for ids in texts]


def packed(texts: Sequence[list[int]], length: int, seed: int, *, whole: bool = False) -> list[list[int]]:
    """The texts in random order as one stream, cut into rows of ``length`` tokens; the last one is shorter.

    With ``whole``, a text that does not fit begins the next row, and what is longer than a row loses its end: a
    departure from the paper, whose rows begin in the middle of a text, that teaches a small model to begin and to end
    with fewer texts.
    """
    order = list(texts)
    random.Random(seed).shuffle(order)
    if not whole:
        stream = [i for ids in order for i in ids]
        return [stream[at : at + length] for at in range(0, len(stream), length)]
    rows: list[list[int]] = []
    for ids in order:
        if not rows or len(rows[-1]) + len(ids) > length:
            rows.append([])
        rows[-1] += ids[:length]
    return rows


def fit_tokens(at: Session, columns: dict[str, list[list[int]]], tokenizer: Any) -> None:
    """Train on rows of ``input_ids`` and, where only a part bears loss, ``labels``."""
    at.progress.check()
    session.fit_on_gpus(at, "tokens", columns, lambda rows: fit_rows(at, rows, tokenizer))


def fit_rows(at: Session, rows: Dataset, tokenizer: Any) -> None:
    """As ``fit_tokens``, in this process."""
    training, settings = at.training, at.settings
    disable_progress_bars()
    trainer = Trainer(
        model=base.load_model(training, settings),
        args=session.on_one_device(
            SFTConfig(
                max_length=settings.max_length,
                include_num_input_tokens_seen="non_padding",
                **session.arguments(training, settings),
            )
        ),
        train_dataset=rows,
        processing_class=tokenizer,
        peft_config=base.lora(settings),
    )
    session.fit(trainer, at, tokenizer)
