"""Facts about a causal LM and its tokenizer: how many tokens fit, which ids end a text, which ids a text has."""

from typing import Any

from store.errors import ItemError


def max_positions(config: Any) -> int:
    """Tokens that the model can hold, prompt and answer together. Sliding-window models are used within one window,
    where their attention equals full attention."""
    limit = int(getattr(config, "max_position_embeddings", None) or 1 << 20)
    kinds = getattr(config, "layer_types", None) or ["full_attention"]
    window = getattr(config, "sliding_window", None)
    slides = "sliding_attention" in kinds or (window and not getattr(config, "layer_types", None))
    return min(limit, int(window)) if slides and window else limit


def encode(tokenizer: Any, text: str) -> list[int]:
    """The ids of exactly this text, without a template or added tokens. ItemError where it is not valid Unicode."""
    try:
        return [int(i) for i in tokenizer.encode(text, add_special_tokens=False)]
    except (TypeError, UnicodeError) as error:  # TypeError: a lone surrogate
        raise ItemError(f"The text cannot be read by the tokenizer: {error}.") from error


def encode_prompt(tokenizer: Any, prompt: str, positions: int) -> list[int]:
    """The ids of a prompt. ItemError where it is empty, or leaves none of ``positions`` for an answer."""
    ids = encode(tokenizer, prompt)
    if not ids:
        raise ItemError("The prompt is empty.")
    if len(ids) >= positions:
        raise ItemError(f"The prompt has {len(ids)} tokens; the model takes at most {positions - 1}.")
    return ids


def end_ids(model: Any, tokenizer: Any) -> list[int]:
    """The ids that end a text: those of the model's generation config, else of its tokenizer."""
    generation = getattr(model, "generation_config", None)
    ids = getattr(generation, "eos_token_id", None)
    ids = tokenizer.eos_token_id if ids is None else ids
    return [] if ids is None else [ids] if isinstance(ids, int) else [int(i) for i in ids]
