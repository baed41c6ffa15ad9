"""The attention of decode steps: on the CPU plain matrix products, elsewhere torch's own.

Why: torch's fused CPU attention rounds differently from thread to thread (its scratch memory is aligned differently,
and the matrix library chooses its kernel by that). Batched products gave the same bits for every number of rows, key
length and number of threads we tried, and are 1.3 times faster for single queries. Knows nothing of slots or caches.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward

NAME = "scalequest_decode"


def decode_attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """As transformers calls it: [rows, heads, tokens, head size] in, [rows, tokens, heads, head size] out.

    Single queries on the CPU with an additive mask are computed here; all else is handed on.
    """
    if query.shape[2] != 1 or query.device.type != "cpu" or attention_mask is None or set(kwargs) & {"position_bias"}:
        output: Tensor = sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **kwargs)[0]
        return output, None
    rows, heads, _, size = query.shape
    groups = key.shape[1]
    # Query heads that share a key head are the rows of one product: the keys need no copies.
    grouped = query.reshape(rows, groups, heads // groups, size) * (scaling or size**-0.5)
    weights = torch.matmul(grouped, key.transpose(2, 3)) + attention_mask
    mixed = torch.matmul(weights.float().softmax(-1).to(value.dtype), value)
    return mixed.reshape(rows, 1, heads, size), None


def use_decode_attention(model: Any) -> str:
    """Make the model attend this way, where it can; returns what it did before."""
    before = str(model.config._attn_implementation)
    AttentionInterface.register(NAME, decode_attention)
    model.set_attn_implementation(NAME)
    return before
