"""Tiny random models and their tokenizer, made in memory: real architectures, real weights, nothing to download."""

from __future__ import annotations

import queue
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen2ForSequenceClassification,
)

from engine.config.sampling import Sampling
from engine.models.base import BATCH, Completion, Failure, Request, TextModel

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
CORPUS = [
    "Tom has 3 apples and buys 4 more. How many apples does he have? The answer is \\boxed{7}.",
    "Größe: 5 €, 東京 ½ 🍎",
]
POSITIONS = 256
WAIT = 120.0
_SHAPE: dict[str, Any] = {
    "hidden_size": 128,  # heads of 32: the least that vLLM serves on a processor
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": POSITIONS,
    "eos_token_id": 0,
    "pad_token_id": 0,
    # Wide weights make sharp distributions: with the usual small ones every token is about as likely as any other.
    "initializer_range": 0.25,
}


def tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level, so that any text goes in and characters are split over tokens."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=384, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator(CORPUS * 20, trainer)
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=made, eos_token=SPECIAL[0], pad_token=SPECIAL[0], additional_special_tokens=SPECIAL[1:]
    )


def shape(vocabulary: int) -> dict[str, Any]:
    """The sizes of a tiny model, for a transformers config."""
    return {"vocab_size": vocabulary, **_SHAPE}


def causal(family: str, vocabulary: int) -> Any:
    torch.manual_seed(5)
    model: Any
    if family == "qwen2":
        model = Qwen2ForCausalLM(Qwen2Config(vocab_size=vocabulary, num_key_value_heads=4, **_SHAPE))  # type: ignore[no-untyped-call]
    else:
        model = LlamaForCausalLM(LlamaConfig(vocab_size=vocabulary, num_key_value_heads=2, **_SHAPE))  # type: ignore[no-untyped-call]
    return model.eval()


def classifier(vocabulary: int, labels: int = 1) -> Any:
    torch.manual_seed(6)
    config = Qwen2Config(vocab_size=vocabulary, num_key_value_heads=4, **_SHAPE)
    config.num_labels = labels
    model: Any = Qwen2ForSequenceClassification(config)  # type: ignore[no-untyped-call]
    return model.eval()


def requests(
    prompts: Sequence[str], sampling: Sampling, name: str = "r", priority: int = BATCH, seed: int = 0
) -> list[Request]:
    return [Request(f"{name}{i}", p, sampling, seed + i, priority) for i, p in enumerate(prompts)]


def ask(model: TextModel, asked: Sequence[Request]) -> list[Completion | Failure]:
    """Submit and wait; results in the order of the requests."""
    done: queue.Queue[Completion | Failure] = queue.Queue()
    model.submit(asked, done.put)
    results = {result.request_id: result for result in take(done, len(asked))}
    return [results[request.request_id] for request in asked]


def take(done: queue.Queue[Any], count: int) -> list[Any]:
    return [done.get(timeout=WAIT) for _ in range(count)]


def texts(results: Iterable[Completion | Failure]) -> list[tuple[str, int, str]]:
    """What must be equal between two runs: all but ids, times and an unfinished character at the end, which vLLM leaves
    out."""
    return [(r.text.rstrip("\ufffd"), r.tokens, r.finish_reason) for r in results if isinstance(r, Completion)]


def forward_logprobs(folder: Path, prompt: str, text: str) -> list[float]:
    """The natural log-probability of each token of ``text`` after ``prompt``, by one pass through the model on disk."""
    read: Any = AutoTokenizer.from_pretrained(folder)
    before, after = (read(one, add_special_tokens=False)["input_ids"] for one in (prompt, text))
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([before + after])).logits[0, len(before) - 1 : -1]
    found = logits.log_softmax(-1)[torch.arange(len(after)), torch.tensor(after)]
    return [float(one) for one in found]
