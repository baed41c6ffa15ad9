"""The attention of decode steps: plain matrix products on the CPU, torch's attention elsewhere.

torch's fused CPU attention rounds differently from thread to thread (its scratch memory is aligned differently, and the
matrix library chooses its kernel by that). Batched products gave the same bits for all numbers of rows, key lengths and
threads that we tried, and are 1.3 times faster for single queries.
"""

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
    """transformers' interface: [rows, heads, tokens, head size] in, [rows, tokens, heads, head size] out.

    Computes single queries on the CPU with an additive mask; passes everything else to torch.
    """
    if query.shape[2] != 1 or query.device.type != "cpu" or attention_mask is None or set(kwargs) & {"position_bias"}:
        output: Tensor = sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **kwargs)[0]
        return output, None
    rows, heads, _, size = query.shape
    groups = key.shape[1]
    # Query heads that share a key head are the rows of one product, so that keys are not copied.
    grouped = query.reshape(rows, groups, heads // groups, size) * (scaling or size**-0.5)
    weights = torch.matmul(grouped, key.transpose(2, 3)) + attention_mask
    mixed = torch.matmul(weights.float().softmax(-1).to(value.dtype), value)
    return mixed.reshape(rows, 1, heads, size), None


def use_decode_attention(model: Any) -> str:
    """Switch the model to this attention; returns the name of its previous one."""
    before = str(model.config._attn_implementation)
    AttentionInterface.register(NAME, decode_attention)
    model.set_attn_implementation(NAME)
    return before
