"""``scalequest train nano``: rebuilds the bundled nano models, or measures them."""

import json
import os
from argparse import Namespace
from pathlib import Path

from store.errors import InputError
from ui.cli import terminal
from ui.cli.options import DONE


def train_nano(options: Namespace) -> int:
    from engine.paths import ASSETS

    folder = options.out or ASSETS / "nano"
    return _evaluate(folder, options) if options.evaluate else _build(folder, options)


def _build(folder: Path, options: Namespace) -> int:
    from engine.training.nano.build import build

    progress = terminal.Progress(options.json, unit="steps")
    workers = (os.cpu_count() or 1) if options.device == "cpu" else 1
    build(options.work, folder, options.device, on_event=progress, workers=workers)
    progress({"event": "end", "stage": "nano", "done": 1, "total": 1, "out": str(folder)})
    if not options.json:
        print(f"The nano models are in {folder}.")
    return DONE


def _evaluate(folder: Path, options: Namespace) -> int:
    if not (folder / "solver").is_dir():
        raise InputError("--out", str(folder), "has no nano models", "build them first with `scalequest train nano`")
    from engine.training.nano.evaluate import evaluate

    progress = terminal.Progress(as_json=False, unit="steps")
    figures = evaluate(folder, options.seed, device=options.device, on_event=progress)
    progress.close()
    print(json.dumps(figures) if options.json else "\n".join(f"{key:28} {value}" for key, value in figures.items()))
    return DONE
