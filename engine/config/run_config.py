"""What a run is: its profile and its own options; from TOML, to JSON and back.

Everything is checked when it is made. The JSON is stored with the run before its first question and holds the text of
every template, so that a resumed run reads the same prompts even when the bundled templates change later.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from engine.config.profiles import ROLES, Profile, Role, profile_of, profile_table, read_toml
from engine.config.role import GREEDY, check_band
from engine.config.sampling import Count
from engine.config.validation import Range, Texts, unknown_key, validate, validated_dataclass
from store.errors import InputError

MAX_QUESTIONS_FACTOR = 20


@validated_dataclass
class RunConfig:
    """A profile and one run's options: either ``questions`` to generate, or pairs ``accepted`` (at ``max_questions``).

    ``difficulty_band``: least and greatest fail rate kept, unless a generator has a band of its own. ``reward_floor``:
    least reward kept, None is off. ``duplicate_threshold``: Jaccard similarity from which two questions are near
    duplicates. ``other_runs``: what to do with questions that another run of the workspace already has.
    ``reproducible``: every role is, so that equal seeds give equal texts on a GPU too.
    ``regenerated_from``: the question whose settings a live run repeats. ``max_cost``: USD at which the run stops and
    can be resumed; None for no limit.
    """

    profile: Profile
    questions: Count | None = None
    accepted: Count | None = None
    max_questions: Count | None = None
    seed: int = 0
    benchmarks: Texts = ()
    difficulty_band: Range = (0.0, 1.0)
    reward_floor: float | None = None
    duplicate_threshold: Annotated[float, Field(gt=0.0, le=1.0)] = 0.8
    other_runs: Literal["ignore", "mark", "drop"] = "mark"
    reproducible: bool = False
    regenerated_from: str | None = None
    max_cost: Annotated[float, Field(gt=0.0)] | None = None

    def __post_init__(self) -> None:
        if (self.questions is None) == (self.accepted is None):
            problem = "is missing, and so is accepted" if self.questions is None else "is given together with accepted"
            raise InputError("questions", self.questions or "", problem, "give either questions or accepted")
        if self.max_questions is not None and self.accepted is None:
            problem = "has no effect without accepted"
            raise InputError("max_questions", self.max_questions, problem, "give accepted too, or leave it out")
        if not 0 <= self.seed < 2**63:
            raise InputError("seed", self.seed, "is out of range", "use 0 to 2^63 - 1")
        check_band("difficulty_band", self.difficulty_band)
        if self.reward_floor is not None and self.profile.reward is None:
            problem = f"has no effect: the profile '{self.profile.name}' has no reward model"
            raise InputError("reward_floor", self.reward_floor, problem, "leave it out")
        if self.reproducible:
            object.__setattr__(self, "profile", self.profile.with_roles(lambda role: replace(role, reproducible=True)))
        if self.max_cost is not None and not any(role.priced for role in self.profile.roles):
            problem = f"has no effect: no role of the profile '{self.profile.name}' has a price"
            remedy = "give the roles on paid servers price_in and price_out, or leave it out"
            raise InputError("max_cost", self.max_cost, problem, remedy)

    @property
    def limit(self) -> int:
        """How many questions may be generated at most."""
        if self.questions is not None:
            return self.questions
        return self.max_questions or MAX_QUESTIONS_FACTOR * (self.accepted or 0)

    def band(self, generator: Role) -> tuple[float, float]:
        """The fail rates kept of this generator's questions."""
        return generator.band or self.difficulty_band

    def generator_of(self, idx: int) -> int:
        """Which generator writes question ``idx``: shares hold in every stretch, and depend on no order."""
        total = sum(g.share for g in self.profile.generators)
        # a golden-ratio sequence, shifted by the seed: even in every window, without a period
        point = ((idx + 1) * 0.6180339887498949 + (self.seed % 9973) / 9973) % 1.0 * total
        for i, generator in enumerate(self.profile.generators):
            point -= generator.share
            if point < 0:
                return i
        return len(self.profile.generators) - 1

    def to_json(self) -> dict[str, Any]:
        """Plain JSON with every template's text; ``from_json`` gives the equal config."""
        data: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> RunConfig:
        return validate(cls, {**data, "profile": Profile.from_json(data["profile"])})

    @property
    def hash(self) -> str:
        """sha256 of the canonical JSON: equal for runs that ask for the same, whatever they may cost."""
        asked = {key: value for key, value in self.to_json().items() if key != "max_cost"}
        canonical = json.dumps(asked, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()


def load_run_config(
    profile: str | None = None,
    config_file: str | Path | None = None,
    folder: Path | None = None,
    usual_accepted: int | None = None,
    **options: Any,
) -> RunConfig:
    """A run's config: the profile (else the file's, else nano), the file's tables and options, ``options`` not None.
    ``folder``: holds further profiles by name. ``usual_accepted``: the target where neither file nor options have one.

    In the file, role tables (``[solver]`` ...) change single fields of the profile's, ``[[generator]]`` replaces all
    generators, and every other key is an option of ``RunConfig``.
    """
    changes = read_toml(Path(config_file), "config") if config_file is not None else {}
    options = {key: value for key, value in options.items() if value is not None}
    if {"questions", "accepted"} & options.keys():  # a target on the command line replaces the file's
        changes = {
            key: value for key, value in changes.items() if key not in ("questions", "accepted", "max_questions")
        }
    from_file = changes.pop("profile", "nano")
    path, table = profile_table(str(profile or from_file), folder)
    for key in [key for key in changes if key in ROLES or key == "templates"]:
        change = changes.pop(key)
        # greedy confidence is the solver: nothing of another scorer's table holds for it
        greedy = isinstance(change, dict) and change.get("backend") == GREEDY
        known = {} if greedy else table.get(key, {})
        table[key] = {**known, **change} if isinstance(change, dict) and isinstance(known, dict) else change
    options_known = [f.name for f in fields(RunConfig) if f.name != "profile"]
    for key in changes:
        if key not in options_known:
            raise unknown_key(key, [*options_known, *ROLES, "templates", "profile"])
    options = changes | options
    if usual_accepted is not None and not {"questions", "accepted"} & options.keys():
        options["accepted"] = usual_accepted
    return validate(RunConfig, {**options, "profile": profile_of(table, path.stem)})
