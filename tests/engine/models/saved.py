"""Tiny models on disk, in the architectures of the real ones: what the backends that read folders are tested on.

The reward models that transformers does not know are written from parts that it knows, so that their scores can be
computed twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from engine.models.local.causal import encode
from engine.models.tokenizers import load_tokenizer
from tests.engine.models import families, tiny

Score = Callable[[str], float]
"""What transformers' own modules give for a text."""

_INTERNLM2_CONFIG = """
from transformers import PretrainedConfig


class InternLM2Config(PretrainedConfig):
    model_type = "internlm2"

    def __init__(self, vocab_size=384, hidden_size=128, intermediate_size=128, num_hidden_layers=2,
                 num_attention_heads=4, num_key_value_heads=2, hidden_act="silu", max_position_embeddings=256,
                 rms_norm_eps=1e-6, rope_theta=10000.0, bias=False, **kwargs):
        self.vocab_size, self.hidden_size, self.intermediate_size = vocab_size, hidden_size, intermediate_size
        self.num_hidden_layers, self.num_attention_heads = num_hidden_layers, num_attention_heads
        self.num_key_value_heads, self.hidden_act, self.bias = num_key_value_heads, hidden_act, bias
        self.max_position_embeddings, self.rms_norm_eps = max_position_embeddings, rms_norm_eps
        self.rope_theta = rope_theta
        super().__init__(tie_word_embeddings=False, **kwargs)
"""


def causal(family: str, folder: Path) -> Path:
    """A random Qwen2 or Llama causal LM with its tokenizer."""
    tokenizer = tiny.tokenizer()
    tiny.causal(family, len(tokenizer)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def classifier(folder: Path) -> tuple[Path, Score]:
    """A Qwen2ForSequenceClassification with one label."""
    model = tiny.classifier(len(tiny.tokenizer()))
    model.save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)
    tokenizer = reader(folder)

    def score(text: str) -> float:
        with torch.inference_mode():
            return float(model(input_ids=_ids(tokenizer, text)).logits[0, 0])

    return folder, score


def qwen2_reward(folder: Path) -> tuple[Path, Score]:
    """A Qwen2ForRewardModel (as Qwen2.5-Math-RM): two layers over each token; the last token's counts."""
    model = tiny.causal("qwen2", len(tiny.tokenizer())).model
    torch.manual_seed(8)
    size = model.config.hidden_size
    head = nn.Sequential(nn.Linear(size, size), nn.ReLU(), nn.Linear(size, 1))
    weights = {f"model.{name}": weight for name, weight in model.state_dict().items()}
    weights |= {f"score.{name}": weight for name, weight in head.state_dict().items()}
    _write(folder, weights, {**model.config.to_dict(), "architectures": ["Qwen2ForRewardModel"]})
    tiny.tokenizer().save_pretrained(folder)
    return folder, _last(model, head, reader(folder))


def internlm2_reward(folder: Path) -> tuple[Path, Score]:
    """An InternLM2ForRewardModel (as internlm2-7b-reward): a Llama with queries, keys and values in one matrix, read at
    a token that its publisher appends by its id."""
    families.internlm2(folder)
    model = tiny.causal("llama", len(reader(folder))).model
    torch.manual_seed(9)
    head = nn.Linear(model.config.hidden_size, 1, bias=False)
    config = {
        "architectures": ["InternLM2ForRewardModel"],
        "model_type": "internlm2",
        "auto_map": {"AutoConfig": "configuration_internlm2.InternLM2Config"},
        "vocab_size": model.config.vocab_size,
        "rms_norm_eps": model.config.rms_norm_eps,
        "eos_token_id": 0,
        "pad_token_id": 0,
        "dtype": "float32",
        "reward_token_id": families.REWARD_TOKEN_ID,
    }
    (folder / "configuration_internlm2.py").write_text(_INTERNLM2_CONFIG, encoding="utf-8")
    _write(folder, {**_as_internlm2(model), "v_head.weight": head.weight}, config)
    return folder, _last(model, head, reader(folder), [families.REWARD_TOKEN_ID])


def reader(folder: Path) -> Any:
    """The tokenizer as the backends load it."""
    return load_tokenizer(str(folder))


def _as_internlm2(model: Any) -> dict[str, Tensor]:
    """A Llama's weights under InternLM2's names; ``wqkv`` holds, per key head, its queries, the key and the value."""
    heads, groups = model.config.num_attention_heads, model.config.num_key_value_heads
    per_group, size = heads // groups, model.config.hidden_size // heads
    weights = {"model.tok_embeddings.weight": model.embed_tokens.weight, "model.norm.weight": model.norm.weight}
    for i, layer in enumerate(model.layers):
        at, attention = f"model.layers.{i}", layer.self_attn
        width = attention.q_proj.weight.shape[1]
        q = attention.q_proj.weight.view(groups, per_group, size, width)
        k = attention.k_proj.weight.view(groups, 1, size, width)
        v = attention.v_proj.weight.view(groups, 1, size, width)
        weights |= {
            f"{at}.attention.wqkv.weight": torch.cat((q, k, v), 1).reshape(-1, width),
            f"{at}.attention.wo.weight": attention.o_proj.weight,
            f"{at}.feed_forward.w1.weight": layer.mlp.gate_proj.weight,
            f"{at}.feed_forward.w3.weight": layer.mlp.up_proj.weight,
            f"{at}.feed_forward.w2.weight": layer.mlp.down_proj.weight,
            f"{at}.attention_norm.weight": layer.input_layernorm.weight,
            f"{at}.ffn_norm.weight": layer.post_attention_layernorm.weight,
        }
    return weights


def _write(folder: Path, weights: dict[str, Tensor], config: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    save_file(
        {name: weight.detach().clone().contiguous() for name, weight in weights.items()}, folder / "model.safetensors"
    )
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")


def _last(model: Any, head: Any, tokenizer: Any, end: Sequence[int] = ()) -> Score:
    def score(text: str) -> float:
        with torch.inference_mode():
            hidden = model(input_ids=torch.tensor([[*encode(tokenizer, text), *end]])).last_hidden_state
            return float(head(hidden[0, -1])[0])

    return score


def _ids(tokenizer: Any, text: str) -> Tensor:
    return torch.tensor([encode(tokenizer, text)])
