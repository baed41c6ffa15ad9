"""``engines``: what this product adds to bare vLLM, on the vLLM that is installed here.

The whole pipeline against the same calls made of ``LLM.generate`` and ``LLM.encode`` a stage at a time: with the
bundled nano models, whose steps take about a millisecond, and with those of profile ``smol``, whose steps cost what a
real model's do. And eight live users who come while a batch of nano runs. Sides take turns within one run; medians are
told. Rewards are log-probabilities, which transformers computes on both sides.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from statistics import median
from typing import Any

from benchmarks.recorded import RecordedScore, RecordedText
from benchmarks.throughput import CONFIG, Bench, opened, seconds
from engine.config.packaged import SMOLLM2
from engine.config.role import GREEDY
from engine.config.run_config import RunConfig, load_run_config
from engine.models.base import BATCH, LIVE, Completion, Failure, Request
from engine.models.fetch import fetch
from engine.models.load import open_text
from engine.models.local.causal import encode
from engine.models.vllm.score import VllmScore
from engine.models.vllm.text import VllmText
from store.errors import BackendError

ROUNDS = 3
QUESTIONS = 400
SMOL_ROUNDS, SMOL_QUESTIONS, SMOL_TOKENS = 1, 32, 96
"""A round takes minutes; solutions are cut off at so many tokens, on both sides."""
BATCH_SIZE, LIVE_USERS = 384, 8
GOALS = {
    "throughput_ratio": "nano: the same calls to bare vLLM, stage by stage, take this share of its time; goal >= 0.97",
    "smol_throughput_ratio": "smol: the same; goal >= 0.97",
    "live_first_token_s": "the slowest of 8 live users' first text while a batch of 384 runs; goal <= 0.15",
    "batch_lost_share": "tokens a second of all texts lost while they are served; goal <= 0.05",
    "scoring_speedup": "batched over one row at a time",
}


def measure() -> dict[str, float]:
    """The figures by name. InputError where vLLM or the nano models are missing."""
    fetch(SMOLLM2)
    found: dict[str, list[float]] = {key: [] for key in GOALS}
    with opened(_short(_on_vllm(load_run_config("smol", questions=SMOL_QUESTIONS, seed=11)))) as bench:
        for _ in range(SMOL_ROUNDS):
            pipeline = bench.pipeline().seconds
            found["smol_throughput_ratio"].append(seconds(_bare(bench)) / pipeline)
    with opened(replace(_on_vllm(CONFIG), questions=QUESTIONS)) as bench:
        for _ in range(ROUNDS):
            pipeline = bench.pipeline().seconds
            found["throughput_ratio"].append(seconds(_bare(bench)) / pipeline)
        found["scoring_speedup"].append(bench.scoring_speedup())
    role = _on_vllm(CONFIG).profile.generators[0]
    with closing(open_text(role)) as model:
        prompt, sampling = role.template.render(), role.sampling
        batch = [Request(f"batch{i}", prompt, sampling, i, BATCH) for i in range(BATCH_SIZE)]
        live = [Request(f"live{i}", prompt, sampling, 1000 + i, LIVE) for i in range(LIVE_USERS)]
        for _ in range(ROUNDS):
            alone = _Served(model, batch, [])
            both = _Served(model, batch, live)
            found["batch_lost_share"].append(1 - both.tokens_per_s / alone.tokens_per_s)
            found["live_first_token_s"].append(max(both.first_text.values()))
    return {key: median(values) for key, values in found.items()}


def _on_vllm(config: RunConfig) -> RunConfig:
    """The same run with every model in vLLM that can be."""
    profile = config.profile
    return replace(
        config,
        profile=replace(
            profile,
            generators=tuple(replace(role, backend="vllm") for role in profile.generators),
            solver=replace(profile.solver, backend="vllm"),
            judge=profile.judge and replace(profile.judge, backend="vllm-pooling"),
            difficulty=profile.difficulty
            if profile.difficulty.backend == GREEDY
            else replace(profile.difficulty, backend="vllm-pooling"),
        ),
    )


def _short(config: RunConfig) -> RunConfig:
    solver = config.profile.solver.replaced(max_tokens=SMOL_TOKENS)
    return replace(config, profile=replace(config.profile, solver=solver))


def _bare(bench: Bench) -> Iterator[Callable[[], None]]:
    """The run's calls, made of vLLM itself on the thread that steps it; of another backend as they are."""
    for stage in bench.stages:
        if isinstance(stage, RecordedText) and isinstance(stage.model, VllmText):
            yield _generate(stage.model, stage.calls)
        elif isinstance(stage, RecordedScore) and isinstance(stage.model, VllmScore):
            yield _encode(stage.model, [row for _, rows in stage.calls for row in rows])
        else:
            yield stage.replay


def _generate(model: VllmText, calls: list[Request]) -> Callable[[], None]:
    llm: Any = model.engine.llm
    tokenizer = llm.get_tokenizer()

    def go() -> None:
        prompts = [{"prompt_token_ids": encode(tokenizer, call.prompt)} for call in calls]
        params = [
            model.params(call.sampling, call.seed, call.sampling.max_tokens, streamed=False, logprobs=call.logprobs)
            for call in calls
        ]
        model.engine.loop.call(lambda: llm.generate(prompts, params, use_tqdm=False))

    return go


def _encode(model: VllmScore, rows: list[tuple[str, str | None]]) -> Callable[[], None]:
    llm: Any = model.engine.llm
    tokenizer = llm.get_tokenizer()

    def go() -> None:
        prompts = [{"prompt_token_ids": encode(tokenizer, first + (second or ""))} for first, second in rows]
        params = model.params()
        model.engine.loop.call(lambda: llm.encode(prompts, params, pooling_task=params.task, use_tqdm=False))

    return go


class _Served:
    """A batch fed as the pipeline feeds it, a window at a time; live requests come one after another meanwhile."""

    def __init__(self, model: Any, batch: list[Request], live: list[Request]) -> None:
        self.first_text: dict[str, float] = {}
        self._asked: dict[str, float] = {}
        done: queue.Queue[Completion | Failure] = queue.Queue()
        started = time.monotonic()
        waiting = iter(batch)
        model.submit([request for _, request in zip(range(model.window), waiting, strict=False)], done.put)
        users = threading.Thread(target=self._come, args=(model, live, done))
        users.start()
        tokens = 0
        for _ in range(len(batch) + len(live)):
            result = done.get()
            if isinstance(result, Failure):
                raise BackendError(f"A call of the benchmark failed: {result.error}")
            tokens += result.tokens
            if result.request_id.startswith("batch") and (request := next(waiting, None)) is not None:
                model.submit([request], done.put)
        self.tokens_per_s = tokens / (time.monotonic() - started)
        users.join()

    def _come(self, model: Any, live: list[Request], done: queue.Queue[Completion | Failure]) -> None:
        for request in live:
            time.sleep(0.05)
            self._asked[request.request_id] = time.monotonic()
            model.submit([request], done.put, self._see)

    def _see(self, request_id: str, text: str) -> None:
        self.first_text.setdefault(request_id, time.monotonic() - self._asked[request_id])
