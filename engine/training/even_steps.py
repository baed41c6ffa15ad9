"""Steps that are the same on any number of processes: each takes its part of a batch, and every row counts once.

Transformers' trainers do not promise this. They complete the last batch of an epoch with rows from its beginning, weigh
the rows of a short part more than others where the loss is a mean over rows, and accumulate a scorer's loss unscaled.
"""

from collections.abc import Iterator
from itertools import islice
from math import ceil
from typing import Any

import torch
from torch.utils.data import DataLoader, Sampler

from engine.training import distributed

_SHARE = "share_of_step"


class StepSampler(Sampler[list[int]]):
    """The row numbers of this process's parts of each step, ``size`` at most in a part.

    Rows are shuffled by ``seed`` and epoch. Of a step's ``batch`` rows, process r of n takes rows r, r + n, ...; in an
    epoch's last step, some processes may have fewer parts than others (``__len__`` is the most that any has).
    """

    def __init__(self, rows: int, batch: int, size: int, seed: int, rank: int, ranks: int) -> None:
        self._rows, self._batch, self._size, self._seed = rows, batch, size, seed
        self._rank, self._ranks, self._epoch = rank, ranks, 0
        self.batch_sampler = self  # the trainer passes the epoch on to this attribute

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch

    def __len__(self) -> int:
        whole, rest = divmod(self._rows, self._batch)
        return whole * self._parts(self._batch) + self._parts(rest)

    def __iter__(self) -> Iterator[list[int]]:
        shuffled = torch.randperm(self._rows, generator=torch.Generator().manual_seed(self._seed + self._epoch))
        order = shuffled.tolist()
        for start in range(0, self._rows, self._batch):
            mine = order[start : start + self._batch][self._rank :: self._ranks]
            for at in range(0, len(mine), self._size):
                yield mine[at : at + self._size]

    def _parts(self, rows: int) -> int:
        """The parts that the process with the most rows of a step has."""
        return ceil(ceil(rows / self._ranks) / self._size)


class EvenSteps:
    """Mixin of transformers' trainers. ``mean_of_rows``: the loss is a mean over the rows of a part (DPO, scorers)
    rather than a sum over tokens that the trainer divides by their number in the whole step."""

    mean_of_rows = False
    _spare_part = False
    """Whether the part in work only keeps step with other processes that have more rows."""

    def get_train_dataloader(self: Any) -> Any:
        args = self.args
        self._columns = self._remove_unused_columns(self.train_dataset, "training")
        size = args.per_device_train_batch_size
        batch = size * args.gradient_accumulation_steps * distributed.count()
        sampler = StepSampler(len(self._columns), batch, size, args.seed, distributed.rank(), distributed.count())
        return DataLoader(
            self._columns, batch_sampler=sampler, collate_fn=self.data_collator, pin_memory=args.dataloader_pin_memory
        )

    def get_batch_samples(self: Any, epoch_iterator: Iterator[Any], num_batches: int, device: Any) -> Any:
        """The parts of one step, as many on every process, and the number of tokens with loss in all of them."""
        parts = list(islice(epoch_iterator, num_batches))
        own = sum(len(part["input_ids"]) for part in parts)
        parts += [self._spare() for _ in range(num_batches - len(parts))]
        if not self.mean_of_rows:
            return parts, self._get_num_items_in_batch(parts, device)
        rows = distributed.total(own, device)
        for part in parts:
            spare = part.pop("spare", False)
            part[_SHARE] = 0.0 if spare else len(part["input_ids"]) * distributed.count() / rows
        return parts, None

    def compute_loss(self: Any, model: Any, inputs: dict[str, Any], *args: Any, **more: Any) -> Any:
        share = inputs.pop(_SHARE, None)
        self._spare_part = share == 0.0
        loss = super().compute_loss(model, inputs, *args, **more)  # type: ignore[misc]
        return loss if share is None else loss * share

    def _spare(self: Any) -> dict[str, Any]:
        """A part without weight, for a process that has fewer than others."""
        part: dict[str, Any] = self.data_collator([self._columns[0]])
        if self.mean_of_rows:
            return {**part, "spare": True}
        return {**part, "labels": torch.full_like(part["labels"], -100)}

    def gather_rows(self: Any, tensor: torch.Tensor) -> torch.Tensor:
        """All processes' rows of a statistic, however many each has; those of spare parts are left out."""
        if tensor.dim() == 0:
            return distributed.gather(tensor * 0 if self._spare_part else tensor)
        return distributed.gather(tensor[:0] if self._spare_part else tensor)
