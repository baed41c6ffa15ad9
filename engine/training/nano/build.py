"""Builds the nano family: runs the recipe's stages in parallel as their inputs become ready, evaluates, and copies.

Parallel stages with one torch thread each use two cores a third better than one stage with two threads (13 against 10
thousand tokens a second); the solver, which all others wait for, runs alone with all threads.
"""

import json
import os
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from engine.training.fit import Event, quiet
from engine.training.nano import card, evaluate, novelty, recipe, scorers
from engine.training.nano.recipe import DONE, GENERATORS, Shop, Size

SHIPPED = (
    "solver", "base", "reward", "judge", "difficulty", "qgen-a", "qgen-b", "qgen-a-qft", "qgen-b-qft", evaluate.CONTROL,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stage:
    """A folder to make, the folders that it needs, and how. ``alone``: no other stage runs, and it has all threads."""

    needs: tuple[str, ...]
    run: Callable[[Shop], None]
    alone: bool = False


def _stages() -> dict[str, Stage]:
    """In order of priority: of the stages that are ready, the first starts."""
    plan = {
        "tokenizer": Stage((), recipe.train_tokenizer, alone=True),
        "solver": Stage(("tokenizer",), recipe.train_solver, alone=True),
        "reward": Stage(("solver",), recipe.train_reward),
    }
    for name, seed in GENERATORS.items():
        plan[f"{name}-qft"] = Stage(("solver",), lambda s, n=name, k=seed: recipe.train_qft(s, f"{n}-qft", k))  # type: ignore[misc]
        plan[name] = Stage((f"{name}-qft",), lambda s, n=name, k=seed: recipe.train_qpo(s, n, k))  # type: ignore[misc]
    plan["judge"] = Stage(tuple(GENERATORS), scorers.train_judge)
    plan["confidence"] = Stage(("solver",), scorers.fit_confidence)
    plan["difficulty"] = Stage(("reward", "confidence"), scorers.train_difficulty)
    plan["base"] = Stage(("tokenizer",), recipe.train_base)
    plan[evaluate.CONTROL] = Stage(("tokenizer",), recipe.train_control)
    return plan


_progress: Any = None
"""In a worker process: the queue that carries progress to the parent."""


def _start_worker(progress: Any, parent: int) -> None:
    global _progress
    _progress = progress

    def leave_with_parent() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=leave_with_parent, daemon=True).start()


def _run_stage(name: str, work: Path, device: str, size: Size, threads: int) -> str:
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    _stages()[name].run(Shop(work, device, size, _progress.put))
    return name


def _run_parallel(shop: Shop, workers: int) -> None:
    """Every stage that is not done, ``workers`` at a time; the first failure ends the build, what is done stays."""
    plan, context = _stages(), get_context("spawn")
    progress = context.SimpleQueue()
    todo = [name for name in plan if not shop.finished(name)]
    running: dict[Future[str], str] = {}

    def listen() -> None:
        while (event := progress.get()) is not None:
            shop.on_event(event)

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    with ProcessPoolExecutor(workers, context, _start_worker, (progress, os.getpid())) as pool:
        try:
            while todo or running:
                for name in list(todo):
                    stage = plan[name]
                    ready = all(shop.finished(need) for need in stage.needs) and len(running) < workers
                    if not ready or (running and (stage.alone or any(plan[n].alone for n in running.values()))):
                        continue
                    threads = workers if stage.alone else 1
                    job = pool.submit(_run_stage, name, shop.work, shop.device, shop.size, threads)
                    running[job] = name
                    todo.remove(name)
                for job in wait(running, return_when=FIRST_COMPLETED).done:
                    del running[job]
                    job.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            progress.put(None)
            listener.join()


def _written_sets(work: Path) -> dict[str, list[str]]:
    """The training sets that generators wrote: both sides of QPO's pairs, and what the judge read."""
    sets = {name: work / f"{name}-pairs.json" for name in GENERATORS}
    found = {name: json.loads(file.read_text()) for name, file in sets.items() if file.exists()}
    judged = [text for file in sorted((work / "judged").glob("*.json")) for text in json.loads(file.read_text())]
    return {**found, "judge": judged}


def build(
    work: Path, out: Path, device: str = "cpu", size: Size | None = None, on_event: Event = quiet, evaluated: int = 700,
    workers: int = 1,
) -> dict[str, Any]:  # fmt: skip
    """Train what is not yet done in ``work``, copy the shipped models to ``out``, choose thresholds, evaluate, write
    the model card.

    ``workers`` stages run side by side, each in a process of its own (1: all in this one). Returns the figures. A
    second call after an interruption goes on where the first stopped.
    """
    work.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    shop = Shop(work, device, size or Size(), on_event)
    if workers > 1:
        _run_parallel(shop, workers)
    else:
        torch.manual_seed(0)
        for name, stage in _stages().items():
            if not shop.finished(name):
                stage.run(shop)
    trained_s = time.monotonic() - started
    out.mkdir(parents=True, exist_ok=True)
    for name in SHIPPED:
        shutil.rmtree(out / name, ignore_errors=True)
        shutil.copytree(work / name, out / name, ignore=shutil.ignore_patterns(DONE))
    for scorer in ("judge", "difficulty", "reward"):
        card.write_domain(out / scorer)
    shutil.copy(work / "confidence" / recipe.CALIBRATION, out)
    novelty.write(out / novelty.FILE, _written_sets(work))
    chosen = evaluate.calibrate(out, n=evaluated, device=device, on_event=on_event)
    reports = {name: json.loads((work / name / DONE).read_text()) for name in (*SHIPPED, "confidence")}
    card.write_card(out, chosen, {}, reports)
    figures = evaluate.evaluate(out, n=evaluated, device=device, on_event=on_event)
    card.write_card(out, chosen, figures, reports)
    on_event({"event": "progress", "stage": "built", "done": 1, "total": 1, "trained_s": round(trained_s)})
    return figures
