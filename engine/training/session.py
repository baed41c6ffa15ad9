"""One process's work on one training: its events, interrupts, checkpoints and end."""

import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from engine.jobs.control import Control
from engine.training import checkpoints, distributed, ranks, record
from engine.training.base import device_of, failure, free_memory, save, whole_model
from engine.training.bfloat16_adamw import BFloat16AdamW
from engine.training.checkpoints import Checkpoints
from engine.training.even_steps import EvenSteps
from engine.training.record import Training
from engine.training.settings import Settings
from store.errors import ScaleQuestError

OnEvent = Callable[[dict[str, Any]], None]
EVERY = 0.5
"""Minimum seconds between two progress events."""


class Interrupted(Exception):
    """The user has stopped the training; --resume continues it."""


class Progress:
    """Emits progress events, at most one every half second for each stage."""

    def __init__(self, emit: OnEvent, control: Control) -> None:
        self._emit, self._control = emit, control
        self._last: tuple[str, float] = ("", 0.0)

    def __call__(self, stage: str, done: int, total: int, **more: Any) -> None:
        """Raises Interrupted after an interrupt."""
        now = time.monotonic()
        if done >= total or self._last[0] != stage or now - self._last[1] >= EVERY:
            self._last = (stage, now)
            self._emit({"event": "progress", "stage": stage, "done": done, "total": total, **more})
        self.check()

    def check(self) -> None:
        """Raises Interrupted after an interrupt."""
        if self._control.requested != "run":
            raise Interrupted


class Session:
    """Writes every event to the training's folder and passes it to ``on_event``."""

    def __init__(self, training: Training, settings: Settings, on_event: OnEvent, control: Control) -> None:
        self.training, self.settings, self.control = training, settings, control
        self.progress = Progress(self.emit, control)
        self._on_event = on_event

    def emit(self, event: dict[str, Any]) -> None:
        record.append(self.training, event)
        self._on_event(event)


def run(
    training: Training,
    settings: Settings,
    on_event: OnEvent,
    control: Control | None,
    work: Callable[[Session], Training],
) -> Training:
    """Do the work, from its start event to its end event. Returns the training, done or interrupted; records any other
    end in the folder and raises it as a ScaleQuestError."""
    session = Session(training, settings, on_event, control or Control())
    common = {"stage": training.kind, "name": training.name, "out": str(training.folder)}
    try:
        session.emit(
            {"event": "start", **common, "base": training.base, "resumed": bool(record.events(training.folder))}
        )
        ended = work(session)
    except Interrupted:
        ended = record.finish(record.read(training.folder), "interrupted")
    except ScaleQuestError as error:
        _fail(session, error)
        raise
    except Exception as error:
        known = failure(error)
        _fail(session, known)
        raise known from error
    session.emit({"event": "end", **common, "status": ended.status, "result": ended.result})
    return ended


def _fail(session: Session, error: ScaleQuestError) -> None:
    """Record the failure, unless the disk fails too; the caller raises the original error."""
    try:
        record.finish(record.read(session.training.folder), "failed", str(error))
        session.emit({"event": "error", "stage": session.training.kind, "message": str(error)})
    except ScaleQuestError:
        return


def arguments(training: Training, settings: Settings) -> dict[str, Any]:
    """The arguments of all trainers: the optimiser's settings, output into the training's folder, and no reporting."""
    size, times = settings.parts
    cpu = device_of(settings) == "cpu"
    return {
        "output_dir": str(training.folder),
        "num_train_epochs": settings.epochs,
        "per_device_train_batch_size": size,
        "gradient_accumulation_steps": times,
        "learning_rate": settings.lr,
        "lr_scheduler_type": settings.schedule,
        "warmup_steps": settings.warmup,
        "weight_decay": settings.weight_decay,
        "gradient_checkpointing": settings.gradient_checkpointing or settings.low_memory,
        "seed": settings.seed,
        "bf16": settings.dtype == "bfloat16" or (settings.dtype == "auto" and not cpu),
        "use_cpu": cpu,
        "dataloader_pin_memory": not cpu,
        "logging_steps": 1,
        "save_strategy": "no",  # the callback requests checkpoints, by time
        "save_total_limit": 1,
        "report_to": [],
        "disable_tqdm": True,
        "push_to_hub": False,
    }


class Steady(EvenSteps, Checkpoints):
    """Mixin of all trainers: equal steps and checkpoints on any number of processes; no telemetry and no model card."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        accelerator = self.accelerator  # type: ignore[attr-defined]
        accelerator.gather = accelerator.gather_for_metrics = self.gather_rows
        # The model comes in shards already; accelerate would wrap it once more.
        accelerator.prepare_model = partial(accelerator.prepare_model, evaluation_mode=True)

    def create_optimizer(self, model: Any = None) -> Any:
        """Transformers' AdamW; for bfloat16 weights the one that rounds at random."""
        me: Any = self
        trained = {name: weight for name, weight in me.model.named_parameters() if weight.requires_grad}
        if me.optimizer is None and all(weight.dtype == torch.bfloat16 for weight in trained.values()):
            decayed = set(me.get_decay_parameter_names(me.model))
            rates = [me.args.weight_decay * (name in decayed) for name in trained]
            groups = [{"params": [w], "weight_decay": rate} for w, rate in zip(trained.values(), rates, strict=True)]
            me.optimizer = BFloat16AdamW(groups, me.args.learning_rate)
        return super().create_optimizer(model)  # type: ignore[misc]

    def _send_telemetry(self) -> None:
        return

    def create_model_card(self, *_: object, **__: object) -> None:
        return


def on_one_device(arguments: Any) -> Any:
    """The arguments, for the first of several visible GPUs (a batch would otherwise be split over all of them)."""
    if arguments.n_gpu > 1:
        arguments._n_gpu = 1
    return arguments


def fit_on_gpus(at: Session, fit: ranks.Fit, columns: ranks.Columns, here: Callable[[Any], None]) -> None:
    """Train on these columns: by ``here``, or in a process a GPU where there are several. Raises Interrupted."""
    if at.settings.gpus > 1:
        free_memory()  # what this process has sampled with
        for event in ranks.run(at.training, at.settings, at.control, fit, columns):
            at.emit(event)
        if not (at.training.folder / "config.json").is_file():
            raise Interrupted
    else:
        from datasets import Dataset

        here(Dataset.from_dict(columns))


def fit(trainer: Any, session: Session, tokenizer: Any) -> None:
    """Train from the last checkpoint, or from the start, and save the model into the training's folder. Raises
    Interrupted after a checkpoint."""
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)  # it prints to stdout
    trainer.add_callback(_watch(session))
    whole = [path for path in record.checkpoints(session.training.folder) if checkpoints.is_whole(path)]
    if whole:
        checkpoints.check_readable(whole[-1], session.training.name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.train(resume_from_checkpoint=str(whole[-1]) if whole else None)
    if distributed.decided(session.control.requested != "run", trainer.args.device):
        raise Interrupted
    if distributed.count() == 1:
        save(trainer.model, tokenizer, session.training)
    else:
        weights = distributed.gathered(trainer.model)
        if distributed.rank() == 0:
            save(whole_model(trainer.model, weights), tokenizer, session.training)


def result(training: Training) -> dict[str, Any]:
    """The last step's figures and the first step's loss."""
    curve = record.curve(training.folder, training.kind)
    if not curve:
        return {}
    kept = ("loss", "ranked_right", "margin", "tokens_per_s")
    return {"first_loss": curve[0].get("loss"), "steps": curve[-1]["done"]} | {
        name: curve[-1][name] for name in kept if name in curve[-1]
    }


def _watch(session: Session) -> Any:
    """A transformers callback that turns logs into events, and an interrupt into a stop."""
    from transformers import TrainerCallback

    class Watch(TrainerCallback):
        def __init__(self) -> None:
            self._logs: list[dict[str, float]] = []
            self._saved_at = self._started_at = self._emitted_at = time.monotonic()
            self._first = self._tokens = 0

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self._saved_at = self._started_at = time.monotonic()
            self._first, self._tokens = state.global_step, state.num_input_tokens_seen

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            stop = distributed.decided(session.control.requested != "run", args.device)
            late = time.monotonic() - self._saved_at >= 60 * session.settings.checkpoint_minutes
            due = distributed.decided(late, args.device)
            if stop or (due and state.global_step < state.max_steps):
                control.should_save = True
            if stop:
                control.should_training_stop = True

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self._saved_at = time.monotonic()

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
            if not logs or "loss" not in logs:
                return
            self._logs.append(logs)
            now, done, total = time.monotonic(), state.global_step, state.max_steps
            if now - self._emitted_at < EVERY and done not in (self._first + 1, total):
                return
            self._emitted_at, elapsed = now, max(now - self._started_at, 1e-9)
            tokens = logs.get("num_tokens") or state.num_input_tokens_seen - self._tokens
            event = {
                "event": "progress", "stage": session.training.kind, "done": done, "total": total,
                "loss": self._mean("loss"), "lr": logs.get("learning_rate"),
                "tokens_per_s": round(float(tokens) / elapsed, 1), "elapsed_s": round(elapsed, 1),
                "eta_s": round((total - done) * elapsed / max(done - self._first, 1), 1),
            }  # fmt: skip
            more = {"ranked_right": "rewards/accuracies", "margin": "rewards/margins"}
            event |= {name: self._mean(key) for name, key in more.items() if key in logs}
            self._logs.clear()
            session.emit(event)

        def _mean(self, key: str) -> float:
            """The mean over the steps since the last event, so that the curve covers every step."""
            return round(sum(float(logs[key]) for logs in self._logs) / len(self._logs), 6)

    return Watch()
