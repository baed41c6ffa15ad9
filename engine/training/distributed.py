"""One training in several processes, one a GPU: who this process is, what all agree on, and a model in shards (FSDP2).

Without RANK in the environment, this process is the only one, and everything here is trivial.
"""

import os
from typing import Any

import torch
import torch.distributed as dist


def rank() -> int:
    return int(os.environ.get("RANK", "0"))


def count() -> int:
    """The number of processes that train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def decided(flag: bool, device: Any) -> bool:
    """The first process's value, on all of them: what depends on a clock or on the user must not differ."""
    if count() == 1:
        return flag
    told = torch.tensor(int(flag), device=device)
    dist.broadcast(told, src=0)
    return bool(told.item())


def total(number: int, device: Any) -> int:
    """The sum over all processes."""
    if count() == 1:
        return number
    summed = torch.tensor(number, device=device)
    dist.all_reduce(summed)
    return int(summed.item())


def gather(rows: torch.Tensor) -> torch.Tensor:
    """All processes' rows, one after the other; a number counts as one row."""
    rows = rows.reshape(1) if rows.dim() == 0 else rows
    if count() == 1:
        return rows
    sizes = [torch.zeros(1, dtype=torch.long, device=rows.device) for _ in range(count())]
    dist.all_gather(sizes, torch.tensor([len(rows)], device=rows.device))
    most = max(int(size.item()) for size in sizes)
    padded = torch.cat([rows, rows.new_zeros(most - len(rows), *rows.shape[1:])])
    found = [torch.empty_like(padded) for _ in range(count())]
    dist.all_gather(found, padded.contiguous())
    return torch.cat([part[: int(size.item())] for part, size in zip(found, sizes, strict=True)])


def shard(model: Any, device: str) -> Any:
    """The model with every weight split over all processes (FSDP2, full shard), a unit a transformer layer.

    Weights, gradients and moments stay in float32, 1/n of each on a card; on GPUs layers are gathered and computed in
    bfloat16, and gradients are summed in float32.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

    kind = torch.device(device).type
    policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
    options: dict[str, Any] = {
        "mesh": init_device_mesh(kind, (count(),)),
        "mp_policy": MixedPrecisionPolicy() if kind == "cpu" else policy,
    }
    layers = set(model._no_split_modules or ())
    for module in model.modules():
        if type(module).__name__ in layers:
            fully_shard(module, **options)
    fully_shard(model, **options)
    return model


def gathered(model: Any) -> dict[str, Any]:
    """The whole weights of a sharded model, in the first process's memory; empty in the others. All call it."""
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

    return get_model_state_dict(model, options=StateDictOptions(full_state_dict=True, cpu_offload=True))
