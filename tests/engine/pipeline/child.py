"""Runs that a test may kill: imports once, then forks a process for every order it reads on stdin.

An order is one JSON line: workspace, config, run_id, resume, log, delay; ``delay`` null means the config's own models.
The answer is the new process's id on one line and, once it has ended, its exit status on the next. Every model call is
appended to ``log`` as it is submitted.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from engine.config.run_config import RunConfig
from engine.jobs.control import Control
from engine.jobs.result import interruptible
from engine.models import model_cache
from engine.models.roles import Models
from engine.pipeline import run
from store.database.workspace import Workspace
from tests.engine.pipeline.instant import InstantScore, InstantText


class Logged:
    """A model whose calls are logged, one id a line."""

    def __init__(self, model: Any, log: int) -> None:
        self.name, self.window = model.name, model.window
        self.cancel, self.close = getattr(model, "cancel", None), model.close
        self._model, self._log = model, log

    def submit(self, first: Any, *rest: Any) -> None:
        ids = [first] if isinstance(first, str) else [request.request_id for request in first]
        os.write(self._log, "".join(f"{i}\n" for i in ids).encode())
        self._model.submit(first, *rest)


def _models(config: RunConfig, delay: float | None, log: int) -> Models:
    if delay is None:
        made = model_cache.open_models(config)
    else:
        made = Models(
            (InstantText("question", delay=delay), InstantText("question", delay=delay)),
            InstantScore("judge", delay=delay),
            InstantScore("difficulty", delay=delay),
            InstantText("solution", window=40, delay=delay / 5),
            InstantScore("reward", window=40, delay=delay),
        )
    wrapped = {id(model): Logged(model, log) for model in made.distinct}
    return Models(
        tuple(wrapped[id(model)] for model in made.generators),  # type: ignore[misc]
        *(wrapped[id(model)] for model in (made.judge, made.difficulty, made.solver, made.reward)),  # type: ignore[arg-type]
    )


def work(order: dict[str, Any]) -> int:
    """One run, or the rest of one, in this process."""
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    config = RunConfig.from_json(order["config"])
    control = Control()
    with Workspace.open(order["workspace"]) as workspace, interruptible(control):
        models = _models(config, order["delay"], log)
        if order["resume"]:
            result = run.resume(workspace, order["run_id"], models=models, control=control)
        else:
            result = run.start(workspace, config, run_id=order["run_id"], models=models, control=control)
    return result.exit_code


def main() -> None:
    # what opening models would import, before the fork: each kill then costs a second, not ten
    importlib.import_module("engine.models.local.transformers_lm")
    importlib.import_module("engine.models.local.transformers_score")
    importlib.import_module("transformers.models.qwen2.modeling_qwen2")
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            code = 99
            try:
                code = work(order)
            except BaseException:  # noqa: BLE001  (the edge of this process)
                Path(order["log"] + ".error").write_text(traceback.format_exc())
            finally:
                os._exit(code)
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
