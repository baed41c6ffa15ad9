"""One process's work on one training: its events, its Ctrl-C, its checkpoints, its end.

Knows the training's folder and transformers' Trainer; knows nothing of what is trained on what.
"""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.jobs.control import Control
from engine.training import record
from engine.training.base import device_of, sentence
from engine.training.record import Training
from engine.training.settings import Settings
from store.errors import ScaleQuestError

OnEvent = Callable[[dict[str, Any]], None]
EVERY = 0.5
"""Seconds between two progress events at least."""
_NEEDED = ("trainer_state.json", "optimizer.pt", "scheduler.pt")


class Interrupted(Exception):
    """The user wants it to end; what is there goes on by --resume."""


class Progress:
    """Tells how far a piece of work is, not more often than every half second."""

    def __init__(self, tell: OnEvent, control: Control) -> None:
        self._tell, self._control = tell, control
        self._told: tuple[str, float] = ("", 0.0)

    def __call__(self, stage: str, done: int, total: int, **more: Any) -> None:
        """Raises Interrupted where that is wished."""
        now = time.monotonic()
        if done >= total or self._told[0] != stage or now - self._told[1] >= EVERY:
            self._told = (stage, now)
            self._tell({"event": "progress", "stage": stage, "done": done, "total": total, **more})
        self.check()

    def check(self) -> None:
        """Raises Interrupted where that is wished."""
        if self._control.requested != "run":
            raise Interrupted


class Session:
    """Tells every event to the training's folder and to ``on_event``."""

    def __init__(self, training: Training, settings: Settings, on_event: OnEvent, control: Control) -> None:
        self.training, self.settings, self.control = training, settings, control
        self.progress = Progress(self.tell, control)
        self._on_event = on_event

    def tell(self, event: dict[str, Any]) -> None:
        record.append(self.training, event)
        self._on_event(event)


def attend(
    training: Training, settings: Settings, on_event: OnEvent, control: Control, work: Callable[[Session], Training]
) -> Training:
    """Do the work from its start event to its end event. Gives back the training, done or interrupted; raises what
    went wrong as a ScaleQuestError, after the folder says so."""
    session = Session(training, settings, on_event, control)
    common = {"stage": training.kind, "name": training.name, "out": str(training.folder)}
    try:
        session.tell(
            {"event": "start", **common, "base": training.base, "resumed": bool(record.events(training.folder))}
        )
        ended = work(session)
    except Interrupted:
        ended = record.finish(record.read(training.folder), "interrupted")
    except ScaleQuestError as error:
        _fail(session, error)
        raise
    except Exception as error:
        failure = sentence(error)
        _fail(session, failure)
        raise failure from error
    session.tell({"event": "end", **common, "status": ended.status, "result": ended.result})
    return ended


def _fail(session: Session, error: ScaleQuestError) -> None:
    """Write it down where the disk still can; the error itself is the one to be heard."""
    try:
        record.finish(record.read(session.training.folder), "failed", str(error))
        session.tell({"event": "error", "stage": session.training.kind, "message": str(error)})
    except ScaleQuestError:
        return


def arguments(training: Training, settings: Settings) -> dict[str, Any]:
    """What all trainers are told: the optimiser's settings, and to write nowhere but into the training's folder and
    to report to nobody."""
    size, times = settings.parts
    cpu = device_of(settings) == "cpu"
    return {
        "output_dir": str(training.folder),
        "num_train_epochs": settings.epochs,
        "per_device_train_batch_size": size,
        "gradient_accumulation_steps": times,
        "learning_rate": settings.lr,
        "lr_scheduler_type": "cosine",
        "warmup_steps": settings.warmup,
        "weight_decay": settings.weight_decay,
        "gradient_checkpointing": settings.gradient_checkpointing,
        "seed": settings.seed,
        "bf16": not cpu,
        "use_cpu": cpu,
        "dataloader_pin_memory": not cpu,
        "logging_steps": 1,
        "save_strategy": "no",  # the callback asks for checkpoints, by the clock
        "save_total_limit": 1,
        "report_to": [],
        "disable_tqdm": True,
        "push_to_hub": False,
    }


def on_one_device(arguments: Any) -> Any:
    """The same arguments: of several visible GPUs the first trains alone (else a batch would be split over all)."""
    if arguments.n_gpu > 1:
        arguments._n_gpu = 1
    return arguments


def fit(trainer: Any, session: Session) -> None:
    """Train from the last checkpoint, or from the start, to the end. Raises Interrupted once a checkpoint is
    written."""
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)  # it prints to stdout
    trainer.add_callback(_watch(session))
    whole = [path for path in record.checkpoints(session.training.folder) if _is_whole(path)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.train(resume_from_checkpoint=str(whole[-1]) if whole else None)
    session.progress.check()


def result(training: Training) -> dict[str, Any]:
    """The figures of the last step, and the loss of the first."""
    curve = record.curve(training.folder, training.kind)
    if not curve:
        return {}
    kept = ("loss", "ranked_right", "margin", "tokens_per_s")
    return {"first_loss": curve[0].get("loss"), "steps": curve[-1]["done"]} | {
        name: curve[-1][name] for name in kept if name in curve[-1]
    }


def _is_whole(checkpoint: Path) -> bool:
    """Whether it was written to its end: the state comes last."""
    try:
        json.loads((checkpoint / "trainer_state.json").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return all((checkpoint / name).is_file() for name in _NEEDED)


def _watch(session: Session) -> Any:
    """transformers' callback that turns its logs into our events and our Ctrl-C into its stop."""
    from transformers import TrainerCallback

    class Watch(TrainerCallback):
        def __init__(self) -> None:
            self._logs: list[dict[str, float]] = []
            self._saved_at = self._started_at = self._told_at = time.monotonic()
            self._first = self._tokens = 0

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self._saved_at = self._started_at = time.monotonic()
            self._first, self._tokens = state.global_step, state.num_input_tokens_seen

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            stop = session.control.requested != "run"
            due = time.monotonic() - self._saved_at >= 60 * session.settings.checkpoint_minutes
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
            if now - self._told_at < EVERY and done not in (self._first + 1, total):
                return
            self._told_at, elapsed = now, max(now - self._started_at, 1e-9)
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
            session.tell(event)

        def _mean(self, key: str) -> float:
            """Over the steps since the last event: none is left out of the curve."""
            return round(sum(float(logs[key]) for logs in self._logs) / len(self._logs), 6)

    return Watch()
