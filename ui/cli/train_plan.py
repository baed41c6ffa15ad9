"""``scalequest train KIND --plan``: the memory that a training needs, before anything is loaded or downloaded."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import asdict, fields

from engine.training import memory
from engine.training.record import Kind
from engine.training.settings import Settings, settings
from store.errors import InputError
from ui.cli import terminal, train_options
from ui.cli.options import DONE

_GPUS = (1, 2, 4, 8)


def plan(options: Namespace, kind: Kind) -> int:
    """Print what each way to train needs on a GPU, and the GPUs that hold it."""
    if not options.base:
        raise InputError("--base", "", "is missing", "name a folder, a hub id, or a training to start from")
    base = train_options.model_of(options.base, options.workspace)
    model = memory.shape(base, options.revision)
    given = {f.name: getattr(options, f.name, None) for f in fields(Settings)}
    how = settings(kind, **{name: value for name, value in given.items() if value is not None})
    found = memory.needs(kind, model, how, sorted({*_GPUS, how.gpus}))
    if options.json:
        stated = {"event": "plan", "kind": kind, "base": options.base, **asdict(model)}
        print(json.dumps({**stated, "ways": [need.to_dict() for need in found]}))
        return DONE
    size = f"{model.parameters / 1e9:.2f} billion parameters, {model.layers} layers of hidden size {model.hidden}"
    part = f"{how.parts[0]} {'pairs' if kind == 'qpo' else 'rows'} of {how.max_length} tokens at once on each GPU"
    names = ("weights", "gradients", "moments", "copies", "activations", "reference", "total")
    rows = [
        (need.way, *(round(getattr(need, name) / 2**30, 1) for name in names), ", ".join(map(str, need.fits)) or "none")
        for need in found
    ]
    host, disk, less = (times * model.parameters / 2**30 for times in (4, 12, 8))
    lines = [
        f"Training {kind} of {options.base}: {size}; {part}.",
        "",
        terminal.table(("way", *names, "GPUs of"), rows),
        "",
        "GiB on each GPU, by arithmetic (engine/training/memory.py), not measured; the total has 2 GiB for CUDA. The",
        "reference is in memory before the training, not with it. Activations are of the longest sequences;",
        f"--micro-batch and --gradient-checkpointing lower them. While loading, the host holds {host:.0f} GiB for each",
        f"GPU; a checkpoint takes {disk:.0f} GiB of disk ({less:.0f} with --low-memory).",
    ]
    print("\n".join(lines))
    return DONE
