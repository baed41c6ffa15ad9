"""One of several processes of a training, as ``engine.training.ranks`` starts them: FOLDER PIPE MEETING."""

import json
import os
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

from engine.config.validation import validate
from engine.jobs.control import Control
from engine.training import distributed, ranks
from engine.training.record import Training
from engine.training.session import Interrupted, Session
from engine.training.settings import Settings
from store.errors import ScaleQuestError

_WAIT = timedelta(hours=1)
"""For another process: reading a large model takes minutes."""


def main(folder: Path, pipe: IO[str], meeting: str) -> int:
    control = Control()
    threading.Thread(target=_obey, args=(control,), daemon=True).start()

    def say(event: dict[str, Any]) -> None:
        print(json.dumps(event, default=str), file=pipe, flush=True)

    stated = json.loads((folder / ranks.JOB).read_text("utf-8"))
    training = validate(Training, {**stated["training"], "folder": Path(stated["training"]["folder"])})
    settings = validate(Settings, stated["settings"])
    session = _RankSession(training, settings, say if distributed.rank() == 0 else lambda _: None, control)
    try:
        _train(session, stated["fit"], folder, meeting)
    except Interrupted:
        return ranks.INTERRUPTED
    except ScaleQuestError as error:
        say({"failure": str(error)})
        return 1
    except Exception as error:
        from engine.training.base import failure

        say({"failure": str(failure(error))})
        raise
    return 0


class _RankSession(Session):
    """Events go to the process that started this one, which records them."""

    def emit(self, event: dict[str, Any]) -> None:
        self._on_event(event)


def _train(session: Session, fit: ranks.Fit, folder: Path, meeting: str) -> None:
    import torch.distributed as dist
    from datasets import load_from_disk

    from engine.training import base

    device = base.device_of(session.settings)
    backend = "gloo" if device == "cpu" else "cpu:gloo,cuda:nccl"
    if device != "cpu":
        import torch

        torch.cuda.set_device(device)
    dist.init_process_group(
        backend, init_method=f"file://{meeting}/processes", rank=distributed.rank(), world_size=distributed.count(),
        timeout=_WAIT,
    )  # fmt: skip
    training = session.training
    tokenizer = base.load_tokenizer(training.base, training.revision, scorer=fit == "rates")
    rows = load_from_disk(str(folder / ranks.ROWS))
    if fit == "tokens":
        from engine.training.qft import fit_rows
    elif fit == "pairs":
        from engine.training.qpo import fit_rows
    else:
        from engine.training.difficulty import fit_rows
    fit_rows(session, rows, tokenizer)
    dist.barrier()
    dist.destroy_process_group()


def _obey(control: Control) -> None:
    """Interrupt when told; end when the process that started this one has gone."""
    for line in sys.stdin:
        if line.strip() == "stop":
            control.interrupt()
    os._exit(1)


if __name__ == "__main__":
    with os.fdopen(int(sys.argv[2]), "w") as said:
        code = main(Path(sys.argv[1]), said, sys.argv[3])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # a library's thread must not keep the process, nor abort it at exit
