"""Tiny random models of the profile ``paper``'s architectures, with tokenizers in the form in which they are published.

They stand in for the real models where there is no GPU, so that every check runs whole; what needs trained weights
(the judge's verdicts) is then only measured.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from engine.config.profiles import Profile, Role, load_profile
from tests.engine.models import families, saved

CONTEXT = 2048


def profile(folder: Path) -> tuple[Profile, saved.Score]:
    """The profile ``paper`` with tiny models made in ``folder``, and what transformers' own parts give for a text that
    the reward model reads."""
    qwen = _longer(families.causal("qwen2", folder / "qwen2"))
    deepseek = _longer(families.causal("deepseek", folder / "deepseek"))
    reward, own_score = saved.internlm2_reward(folder / "internlm2")
    _longer(reward)
    paper = load_profile("paper")

    def tiny(role: Role) -> Role:
        if role.backend == "linear":
            return role
        model = reward if role.role == "reward" else deepseek if "deepseek" in role.name else qwen
        tokens = 24 if role.writes else role.max_tokens
        made = replace(role, model=str(model), dtype="float32", slots=8, max_tokens=tokens, context=0, device="auto")
        return replace(made, trust_remote_code=role.role == "reward")

    return replace(paper.with_roles(tiny), name="paper, tiny random models"), own_score


def _longer(folder: Path) -> Path:
    """The model with space for whole prompts: their positions are computed, not learnt."""
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8")) | {"max_position_embeddings": CONTEXT}
    path.write_text(json.dumps(config), encoding="utf-8")
    return folder
