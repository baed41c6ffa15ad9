"""What a run would do, stage by stage, before anything is loaded or downloaded: models, settings, expected counts.

Counts follow the shares that the paper removed from its 2M questions (its section on filtering): 20.1 % by language,
19.4 % by solvability, 9.2 % by difficulty, all of these from one of two generators. Stages for which it gives no
figure are taken to drop nothing. Other generators and judges will differ.
"""

from dataclasses import dataclass

from engine.config.profiles import NONE, Role
from engine.config.run_config import RunConfig

_LANGUAGE, _SOLVABILITY, _DIFFICULTY = 0.201, 0.194, 0.092
"""Shares of the generated questions that the paper's filters removed (section 4)."""
_BANDED_SHARE = 0.5
"""The share of the paper's questions whose generator has a band."""


@dataclass(frozen=True, slots=True)
class StagePlan:
    """One stage, or one generator at stage ``generated``. ``by``: its model, or ``rules``; ``calls``:
    texts that the model writes or scores. Greedy solutions that tell the difficulty count as the solver's."""

    stage: str
    by: str
    model: str
    settings: str
    entered: int
    kept: int
    calls: int


def run_plan(config: RunConfig) -> list[StagePlan]:
    """The stages in order, the generators first."""
    profile = config.profile
    total = sum(generator.share for generator in profile.generators)
    shares = [generator.share / total for generator in profile.generators]
    after_language = 1 - _LANGUAGE
    after_judge = after_language - (_SOLVABILITY if profile.judge is not None else 0.0)
    least, most = config.difficulty_band
    banded = sum(share for share, one in zip(shares, profile.generators, strict=True) if one.band is not None)
    banded = 1.0 if (least, most) != (0.0, 1.0) else banded
    after_difficulty = after_judge - _DIFFICULTY * banded / _BANDED_SHARE
    questions = config.limit
    if config.accepted is not None:
        questions = min(questions, round(config.accepted / after_difficulty))
    n = [round(questions * share) for share in (1.0, after_language, after_judge, after_difficulty)]
    pairs, solver = n[3], profile.solver
    solutions = round(pairs * (solver.n_budget or solver.n))
    rules = [("language", n[0], n[1]), ("duplicate", n[1], n[1]), ("contamination", n[1], n[1])]
    return [
        *(_by(one, "generated", round(n[0] * share), round(n[0] * share)) for one, share in
          zip(profile.generators, shares, strict=True)),
        *(StagePlan(stage, "rules", "", "", entered, kept, 0) for stage, entered, kept in rules),
        _by(profile.judge, "solvability", n[1], n[2]),
        _by(profile.difficulty, "difficulty", n[2], pairs, None if profile.greedy is None else 0),
        _by(solver, "solution", pairs, pairs, solutions + (0 if profile.greedy is None else n[2] - pairs)),
        _by(profile.reward, "pair", pairs, pairs, solutions),
    ]  # fmt: skip


def _by(role: Role | None, stage: str, entered: int, kept: int, calls: int | None = None) -> StagePlan:
    if role is None:
        return StagePlan(stage, NONE, "", "keeps all", entered, kept, 0)
    settings = [role.template.id]
    if role.writes:
        settings += [f"T {role.temperature:g}", f"top-p {role.top_p:g}"]
        settings += [f"top-k {role.top_k}"] if role.top_k else []
        settings.append(f"{role.max_tokens} tokens")
    if role.adaptive:
        settings.append(f"n {role.n_min} to {role.n_max}")
        settings.append(f"{role.n_budget:g} on average" if role.n_budget else f"gain {role.n_gain:g}")
    elif role.n > 1:
        settings.append(f"n {role.n}")
    if role.band is not None:
        settings.append(f"band {role.band[0]:g} to {role.band[1]:g}")
    if role.reproducible and role.writes:
        settings.append("reproducible")
    called = entered if calls is None else calls
    return StagePlan(stage, role.name, role.weights, ", ".join(settings), entered, kept, called)
