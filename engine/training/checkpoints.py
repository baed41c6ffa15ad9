"""Checkpoints that any number of processes can write and another number read: shards of weights and optimiser.

    checkpoint-*/state/             torch's distributed format; ``.metadata`` is written once all shards are
    checkpoint-*/scheduler.pt, rng_state*.pth
    checkpoint-*/trainer_state.json last of all

Trainings of adapters keep transformers' own format, in which earlier versions also wrote all others.
"""

import json
from pathlib import Path
from typing import Any

import torch
from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save

from engine.training import distributed
from store.errors import InputError

_STATE, _SCHEDULER, _TRAINER, _OPTIMIZER = "state", "scheduler.pt", "trainer_state.json", "optimizer.pt"


def is_whole(checkpoint: Path) -> bool:
    """Whether a checkpoint is complete: the trainer's state is written last."""
    try:
        json.loads((checkpoint / _TRAINER).read_text("utf-8"))
    except (OSError, ValueError):
        return False
    state = (checkpoint / _STATE / ".metadata").is_file() or (checkpoint / _OPTIMIZER).is_file()
    return state and (checkpoint / _SCHEDULER).is_file()


class Checkpoints:
    """Mixin of transformers' trainers."""

    def save_model(self: Any, output_dir: str | None = None, _internal_call: bool = False) -> None:
        if self._adapters():
            super().save_model(output_dir, _internal_call)  # type: ignore[misc]

    def _save_optimizer_and_scheduler(self: Any, output_dir: str) -> None:
        if self._adapters():
            super()._save_optimizer_and_scheduler(output_dir)  # type: ignore[misc]
            return
        save(self._state(), checkpoint_id=str(Path(output_dir) / _STATE))
        if distributed.rank() == 0:
            torch.save(self.lr_scheduler.state_dict(), Path(output_dir) / _SCHEDULER)

    def _save_rng_state(self: Any, output_dir: str) -> None:
        super()._save_rng_state(output_dir)  # type: ignore[misc]
        self.accelerator.wait_for_everyone()  # the trainer's state, next, says that all is there

    def _load_from_checkpoint(self: Any, resume_from_checkpoint: str, model: Any = None) -> None:
        if self._adapters() or not (Path(resume_from_checkpoint) / _STATE).is_dir():
            super()._load_from_checkpoint(resume_from_checkpoint, model)  # type: ignore[misc]

    def _load_optimizer_and_scheduler(self: Any, checkpoint: str | None) -> None:
        folder = Path(checkpoint or "")
        if checkpoint is None or self._adapters() or not (folder / _STATE).is_dir():
            super()._load_optimizer_and_scheduler(checkpoint)  # type: ignore[misc]
            return
        state = self._state()
        load(state, checkpoint_id=str(folder / _STATE))
        set_state_dict(
            self.model, self.optimizer.optimizer, model_state_dict=state["model"], optim_state_dict=state["optimizer"]
        )
        self.lr_scheduler.load_state_dict(torch.load(folder / _SCHEDULER, weights_only=True))

    def _state(self: Any) -> dict[str, Any]:
        model, optimizer = get_state_dict(self.model, self.optimizer.optimizer)
        return {"model": model, "optimizer": optimizer}

    def _adapters(self: Any) -> bool:
        return hasattr(self.model, "peft_config")


def check_readable(checkpoint: Path, name: str) -> None:
    """InputError where several processes are to continue from a checkpoint of transformers' own format."""
    if distributed.count() > 1 and not (checkpoint / _STATE).is_dir():
        problem = "has a checkpoint of an earlier version, which only one GPU can continue"
        raise InputError("--resume", name, problem, "use --gpus 1")
