"""The reward model is read at its own token: the score equals transformers', and that of the token's text does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.gpu.calls import score
from benchmarks.gpu.checks import Row, compared
from engine.config.profiles import Role
from engine.models.base import ScoreModel
from engine.models.reward_token import reward_token_id
from engine.models.tokenizers import load_tokenizer

PART = "reward"
Score = Callable[[str], float]
QUESTION = "Tom has 3 apples and buys 4 more. How many apples does he have?"
SOLUTIONS = ("He has 3 + 4 = 7 apples. The answer is \\boxed{7}.", "He has 3 * 4 = 12. The answer is \\boxed{12}.")
_TOLERANCE = {"float32": 1e-3, "auto": 1e-3}
"""Of a score, whose spread is a few units; bfloat16 in two implementations agrees to about 0.1."""


def rows(role: Role, model: ScoreModel, own: Score) -> Iterator[Row]:
    """``own``: transformers' score of a text with the model's own token, if it has one, appended as an id."""
    first = role.template.render(QUESTION)
    pairs = [(first, solution + role.template.end) for solution in SOLUTIONS]
    here = score(model, pairs).scores
    there = [own(first + second) for first, second in pairs]
    allowed = _TOLERANCE.get(role.dtype, 0.15)
    near = all(a is not None and abs(a - b) <= allowed for a, b in zip(here, there, strict=True))
    sentence = "the score in vLLM is not that of the publisher's model: it is read at another place."
    yield compared(PART, "score, transformers'", _figures(there), _figures(here), near, sentence)
    if (token := _token(role)) is None:
        return
    spelt = score(model, [(first, second + token) for first, second in pairs]).scores
    apart = any(a != b for a, b in zip(here, spelt, strict=True))
    sentence = f"the score is the same where {token!r} is written into the text: the id is not what it is read at."
    yield compared(PART, "score with the token as text", "another", _figures(spelt), apart, sentence)


def own_score(role: Role) -> Score:
    """The publisher's model in transformers, with its own code, on the CPU; raises where it cannot be loaded."""
    import torch
    from transformers import AutoModel

    source = str(role.path or role.model)
    options = {"revision": role.revision, "trust_remote_code": role.trust_remote_code}
    model: Any = AutoModel.from_pretrained(source, dtype=torch.bfloat16, **options).eval()
    tokenizer = load_tokenizer(source, role.revision, role.trust_remote_code)
    end = reward_token_id(role, model.config)

    def scored(text: str) -> float:
        ids = tokenizer.encode(text, add_special_tokens=False) + ([] if end is None else [end])
        with torch.inference_mode():
            return float(model(input_ids=torch.tensor([ids])).logits.flatten()[-1])

    return scored


def _token(role: Role) -> str | None:
    """The text of the token at which the model is read."""
    end = reward_token_id(role)
    if end is None:
        return None
    tokenizer = load_tokenizer(str(role.path or role.model), role.revision, role.trust_remote_code)
    return str(tokenizer.convert_ids_to_tokens(end))


def _figures(scores: Any) -> str:
    return ", ".join("none" if one is None else f"{one:.3f}" for one in scores)
