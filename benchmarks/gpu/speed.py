"""The transformers backend and a QFT step on one GPU, with random models of Qwen2-1.5B's shape.

Scoring in batches against one row at a time, decoding, and a step of the paper's QFT batch (32 packed rows of 256
tokens, float32 weights, bfloat16 arithmetic) with its peak memory and its share of the card's arithmetic. Without a GPU
a tiny shape on the processor takes its place.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from benchmarks.gpu.calls import complete, score
from benchmarks.gpu.checks import Row
from engine.config.sampling import Sampling
from engine.models.base import Request
from engine.models.local.transformers_lm import TransformersLM
from engine.models.local.transformers_score import SequenceScore, TransformersScore
from engine.training.fit import Budget, Example, Optimiser, collate, lm_loss
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
TINY_SHAPE = {
    **SHAPE,
    "hidden_size": 64,
    "intermediate_size": 64,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "vocab_size": 400,
    "max_position_embeddings": 256,
}


@dataclass(frozen=True, slots=True)
class Sizes:
    """Rows that are scored together and one at a time, sequences that are decoded, and the batch of a QFT step."""

    rows: int = 512
    single_rows: int = 32
    sequences: int = 256
    batch: int = 32
    length: int = 256
    steps: int = 5


PART = "speed"
TINY = Sizes(32, 4, 8, 4, 32, 3)
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


def rows(tiny: bool) -> Iterator[Row]:
    """The figures as rows."""
    for name, value in (measure("cpu", TINY_SHAPE, TINY) if tiny else measure("cuda:0", SHAPE, Sizes())).items():
        yield Row(PART, name, GOALS[name], f"{value:,.2f}", "measured")


def measure(device: str, shape: dict[str, Any], sizes: Sizes) -> dict[str, float]:
    """The figures by name."""
    parts = (_scoring, _decoding, _training)
    return {name: value for part in parts for name, value in part(device, shape, sizes).items()}


def _model(kind: str, device: str, shape: dict[str, Any], dtype: torch.dtype) -> Any:
    import transformers

    torch.manual_seed(0)
    config = transformers.Qwen2Config(**shape, pad_token_id=0, eos_token_id=0)
    config.num_labels = 1
    with torch.device(device):
        return getattr(transformers, kind)(config).to(dtype).eval()


def _scoring(device: str, shape: dict[str, Any], sizes: Sizes) -> dict[str, float]:
    model = _model("Qwen2ForSequenceClassification", device, shape, torch.bfloat16)
    scorer = TransformersScore("random", SequenceScore(model), tiny.tokenizer(), window=sizes.rows)
    texts: list[tuple[str, str | None]] = [("Tom has 3 apples. " * (10 + i % 10), None) for i in range(sizes.rows)]
    try:
        _scored(scorer, [texts])  # once to warm up
        together = _scored(scorer, [texts]) / sizes.rows
        single = _scored(scorer, [[row] for row in texts[: sizes.single_rows]]) / sizes.single_rows
    finally:
        scorer.close()
    return {"scoring_speedup": single / together, "scored_rows_per_s": 1 / together}


def _scored(scorer: TransformersScore, calls: list[list[tuple[str, str | None]]]) -> float:
    """Seconds for these calls, one after another."""
    started = time.monotonic()
    for call in calls:
        score(scorer, call)
    return time.monotonic() - started


def _decoding(device: str, shape: dict[str, Any], sizes: Sizes) -> dict[str, float]:
    model = _model("Qwen2ForCausalLM", device, shape, torch.bfloat16)
    writer = TransformersLM("random", model, tiny.tokenizer(), slots=sizes.sequences)
    sampling = Sampling(1.0, max_tokens=min(128, shape["max_position_embeddings"] // 2))
    try:
        for _ in range(2):  # once to warm up
            started = time.monotonic()
            asked = [Request(str(i), "Tom has", sampling, i) for i in range(sizes.sequences)]
            tokens = sum(answer.tokens for answer in complete(writer, asked))
            rate = tokens / (time.monotonic() - started)
    finally:
        writer.close()
    return {"decoded_tokens_per_s": rate}


def _training(device: str, shape: dict[str, Any], sizes: Sizes) -> dict[str, float]:
    on_gpu = device.startswith("cuda")
    model = _model("Qwen2ForCausalLM", device, shape, torch.float32).train()
    optimiser = Optimiser(model, Budget(tokens=0, adam_lr=2e-5, lr=2e-5), muon=False)
    batch = [Example([(7 * i + k) % shape["vocab_size"] for k in range(sizes.length)]) for i in range(sizes.batch)]
    ids, labels = collate(batch, torch.device(device))
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    seconds = []
    for step in range(sizes.steps + 1):
        started = time.monotonic()
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=on_gpu):
            loss = lm_loss(model, ids, labels)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step(step / sizes.steps)
        if on_gpu:
            torch.cuda.synchronize()
        seconds.append(time.monotonic() - started)
    rate = sizes.batch * sizes.length / sorted(seconds[1:])[sizes.steps // 2]
    figures = {"qft_tokens_per_s": rate}
    if on_gpu:
        figures["qft_peak_gib"] = torch.cuda.max_memory_allocated() / 2**30
        card = torch.cuda.get_device_name()
        peak = next((value for name, value in PEAK_TFLOPS.items() if name in card), None)
        if peak is not None:
            figures["qft_share_of_peak"] = 6 * model.num_parameters() * rate / (peak * 1e12)
    return figures
