"""The token at which some reward models are read: InternLM2's scores count at ``config.reward_token_id`` alone.

Its publisher appends it as an id. Its text is several other tokens to some tokenizers, and the score read at the last
of them is a plausible number that means nothing.
"""

import json
from typing import Any

from engine.config.profiles import Role
from engine.models.sizes import cached, stated
from store.errors import InputError


def reward_token_id(role: Role, config: Any = None) -> int | None:
    """The id that ends what the role's model reads: of the profile, else of the model's ``config`` (from its folder or
    the download cache where None), else as ``assets/models.toml`` states it. None for a model without one."""
    if role.reward_token_id is not None:
        return role.reward_token_id
    found = getattr(config, "reward_token_id", None) if config is not None else _in_folder(role)
    if found is None and (known := stated(role.model)) is not None:
        found = known.reward_token_id
    return found


def check_reward_token(role: Role, token: int, text: str | None) -> None:
    """``text``: what the model's tokenizer calls this id. InputError where it is not a token, or the template spells
    it."""
    if not text:
        problem = f"is not a token of the model '{role.model}'"
        raise InputError(f"{role.role}.reward_token_id", token, problem, "give the one in the model's config.json")
    if text in role.template.text + role.template.end:
        problem = f"spells '{text}', at whose id {token} the model '{role.model}' is read"
        raise InputError(f"{role.role}.template", role.template.id, problem, "leave it out: the id is appended")


def _in_folder(role: Role) -> int | None:
    folder = role.path or cached(role.model, role.revision)
    try:
        found = json.loads((folder / "config.json").read_text(encoding="utf-8")) if folder else {}
    except (OSError, ValueError):
        return None
    token = found.get("reward_token_id") if isinstance(found, dict) else None
    return token if type(token) is int else None
