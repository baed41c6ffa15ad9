"""What a causal LM and its tokenizer say of themselves: how much fits, what ends a text, which ids a text has.

Knows nothing of decoding or scoring.
"""

from __future__ import annotations

from typing import Any

from store.errors import ItemError


def max_positions(config: Any) -> int:
    """How many tokens, prompt and answer together, the model can hold. Sliding-window models are used within one
    window, where full attention is the same thing."""
    limit = int(getattr(config, "max_position_embeddings", None) or 1 << 20)
    kinds = getattr(config, "layer_types", None) or ["full_attention"]
    window = getattr(config, "sliding_window", None)
    slides = "sliding_attention" in kinds or (window and not getattr(config, "layer_types", None))
    return min(limit, int(window)) if slides and window else limit


def encode(tokenizer: Any, text: str) -> list[int]:
    """The ids of exactly this text: no template, nothing added. Raises ItemError for a text that is no valid
    Unicode."""
    try:
        return [int(i) for i in tokenizer.encode(text, add_special_tokens=False)]
    except (TypeError, UnicodeError) as error:  # a lone surrogate: the tokenizer says TypeError
        raise ItemError(f"The text cannot be read by the tokenizer: {error}.") from error


def end_ids(model: Any, tokenizer: Any) -> list[int]:
    """The ids that end a text by the model's own word: its generation config's, else its tokenizer's."""
    generation = getattr(model, "generation_config", None)
    ids = getattr(generation, "eos_token_id", None)
    ids = tokenizer.eos_token_id if ids is None else ids
    return [] if ids is None else [ids] if isinstance(ids, int) else [int(i) for i in ids]
