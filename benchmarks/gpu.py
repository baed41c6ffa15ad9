"""``gpu``: the transformers backend and a QFT step on one GPU, with random models of Qwen2-1.5B's shape.

Scoring in batches against one row at a time, decoding, and a step of the paper's QFT batch (32 packed rows of 256
tokens, float32 weights, bfloat16 arithmetic) with its peak memory and its share of the card's arithmetic. Needs torch
and transformers alone. A step of the same on a tiny shape, on a processor, is what the tests run.
"""

from __future__ import annotations

import queue
import time
from typing import Any

import torch

from engine.config.sampling import Sampling
from engine.models.base import Completion, Failure, Request, Scored
from engine.models.local.transformers_lm import TransformersLM
from engine.models.local.transformers_score import SequenceScore, TransformersScore
from engine.training.fit import Budget, Example, Optimiser, collate, lm_loss
from store.errors import BackendError, InputError
from tests.engine.models import tiny

SHAPE = {
    "hidden_size": 1536,
    "intermediate_size": 8960,
    "num_hidden_layers": 28,
    "num_attention_heads": 12,
    "num_key_value_heads": 2,
    "vocab_size": 151_936,
    "max_position_embeddings": 4096,
    "tie_word_embeddings": True,
}
"""Qwen2-1.5B's, 1.54 billion parameters."""
ROWS, SINGLE_ROWS, SEQUENCES, BATCH, LENGTH, STEPS = 512, 32, 256, 32, 256, 5
PEAK_TFLOPS = {"H100": 989.0, "H200": 989.0, "A100": 312.0}
"""Dense bfloat16, as the maker states it."""
GOALS = {
    "scoring_speedup": "512 rows of some 250 tokens in batches over one at a time; goal >= 8",
    "scored_rows_per_s": "in batches",
    "decoded_tokens_per_s": "256 sequences at once, temperature 1, 128 tokens each",
    "qft_tokens_per_s": "one QFT step of 32 x 256 tokens, median of five",
    "qft_peak_gib": "memory of that step: float32 weights, gradients and AdamW's two moments are 16 bytes a parameter",
    "qft_share_of_peak": "6 x parameters x tokens/s over the card's stated bfloat16 arithmetic",
}


def measure(device: str = "cuda:0", shape: dict[str, Any] | None = None) -> dict[str, float]:
    """The figures by name. InputError where there is no GPU."""
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise InputError("gpu", "", "this machine has none that torch can use", "run it where `nvidia-smi` answers")
    shape = shape or SHAPE
    return {**_scoring(device, shape), **_decoding(device, shape), **_training(device, shape)}


def _model(kind: str, device: str, shape: dict[str, Any], dtype: torch.dtype) -> Any:
    import transformers

    torch.manual_seed(0)
    config = transformers.Qwen2Config(**shape, pad_token_id=0, eos_token_id=0)
    config.num_labels = 1
    with torch.device(device):
        return getattr(transformers, kind)(config).to(dtype).eval()


def _scoring(device: str, shape: dict[str, Any]) -> dict[str, float]:
    model = _model("Qwen2ForSequenceClassification", device, shape, torch.bfloat16)
    scorer = TransformersScore("random", SequenceScore(model), tiny.tokenizer(), window=ROWS)
    rows: list[tuple[str, str | None]] = [("Tom has 3 apples. " * (10 + i % 10), None) for i in range(ROWS)]
    try:
        _scored(scorer, [rows])  # once to warm up
        together = _scored(scorer, [rows]) / ROWS
        single = _scored(scorer, [[row] for row in rows[:SINGLE_ROWS]]) / SINGLE_ROWS
    finally:
        scorer.close()
    return {"scoring_speedup": single / together, "scored_rows_per_s": 1 / together}


def _scored(scorer: TransformersScore, calls: list[list[tuple[str, str | None]]]) -> float:
    """Seconds for these calls, one after another."""
    done: queue.SimpleQueue[Scored | Failure] = queue.SimpleQueue()
    started = time.monotonic()
    for number, rows in enumerate(calls):
        scorer.submit(str(number), rows, done.put)
        if isinstance(result := done.get(), Failure):
            raise BackendError(f"A call of the benchmark failed: {result.error}")
    return time.monotonic() - started


def _decoding(device: str, shape: dict[str, Any]) -> dict[str, float]:
    model = _model("Qwen2ForCausalLM", device, shape, torch.bfloat16)
    writer = TransformersLM("random", model, tiny.tokenizer(), slots=SEQUENCES)
    done: queue.SimpleQueue[Completion | Failure] = queue.SimpleQueue()
    sampling = Sampling(1.0, max_tokens=min(128, shape["max_position_embeddings"] // 2))
    try:
        for _ in range(2):  # once to warm up
            started, tokens = time.monotonic(), 0
            writer.submit([Request(str(i), "Tom has", sampling, i) for i in range(SEQUENCES)], done.put)
            for _ in range(SEQUENCES):
                if isinstance(result := done.get(), Failure):
                    raise BackendError(f"A call of the benchmark failed: {result.error}")
                tokens += result.tokens
            rate = tokens / (time.monotonic() - started)
    finally:
        writer.close()
    return {"decoded_tokens_per_s": rate}


def _training(device: str, shape: dict[str, Any]) -> dict[str, float]:
    on_gpu = device.startswith("cuda")
    model = _model("Qwen2ForCausalLM", device, shape, torch.float32).train()
    optimiser = Optimiser(model, Budget(tokens=0, adam_lr=2e-5, lr=2e-5), muon=False)
    batch = [Example([(7 * i + k) % shape["vocab_size"] for k in range(LENGTH)]) for i in range(BATCH)]
    ids, labels = collate(batch, torch.device(device))
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    seconds = []
    for step in range(STEPS + 1):
        started = time.monotonic()
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=on_gpu):
            loss = lm_loss(model, ids, labels)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step(step / STEPS)
        if on_gpu:
            torch.cuda.synchronize()
        seconds.append(time.monotonic() - started)
    rate = BATCH * LENGTH / sorted(seconds[1:])[STEPS // 2]
    figures = {"qft_tokens_per_s": rate}
    if on_gpu:
        figures["qft_peak_gib"] = torch.cuda.max_memory_allocated() / 2**30
        card = torch.cuda.get_device_name()
        peak = next((value for name, value in PEAK_TFLOPS.items() if name in card), None)
        if peak is not None:
            figures["qft_share_of_peak"] = 6 * model.num_parameters() * rate / (peak * 1e12)
    return figures
