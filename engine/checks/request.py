"""What a check asks: which stage is judged anew, against which benchmarks or by whose model.

Two checks with the same ``hash`` say the same of the same rows: a stopped one goes on where it stopped. Opens no model.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine.config.profiles import Profile, Role, load_profile
from engine.config.run_config import RunConfig
from store.errors import InputError

STAGE = {
    "near-duplicates": "duplicate",
    "contamination": "contamination",
    "solvability": "solvability",
    "difficulty": "difficulty",
    "reward": "pair",
}
"""The checks in the order of their stages, and the stage whose verdicts each replaces."""
ROLE = {"solvability": "judge", "difficulty": "difficulty", "reward": "reward"}
"""Of checks by a model: which role of the profile it plays."""


@dataclass(frozen=True, slots=True)
class Check:
    """``benchmarks``: files, of contamination. ``profile``: of checks by a model. ``drop``: near-duplicates are dropped
    (else only marked)."""

    name: str
    benchmarks: tuple[str, ...] = ()
    profile: Profile | None = None
    drop: bool = False

    @property
    def stage(self) -> str:
        return STAGE[self.name]

    @property
    def role(self) -> Role | None:
        """The model's part; None where no model is needed."""
        if self.name not in ROLE or self.profile is None:
            return None
        role: Role = getattr(self.profile, ROLE[self.name])
        return role

    @property
    def config(self) -> RunConfig | None:
        """A config that has this model alone, in every part, so that no other is loaded; None without a model."""
        role = self.role
        if role is None or self.profile is None:
            return None
        return RunConfig(Profile(self.profile.name, (role,), role, role, role, role), questions=1)

    @property
    def words(self) -> str:
        """``contamination against math500.jsonl``, ``reward by nano-reward``."""
        if self.benchmarks:
            return f"{self.name} against {', '.join(Path(file).name for file in self.benchmarks)}"
        if self.role is not None:
            return f"{self.name} by {self.role.name}"
        return f"{self.name}, dropped" if self.drop else self.name

    def hash(self) -> str:
        """Of all that decides what is found; of files their names and contents. InputError for one that is not there.

        Read ``benchmarks`` first, for the better sentence on a file that cannot serve.
        """
        told: dict[str, Any] = {"name": self.name, "drop": self.drop}
        told["benchmarks"] = [(Path(file).name, _sha256(Path(file))) for file in self.benchmarks]
        told["role"] = asdict(self.role) if self.role is not None else None
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def check_of(
    name: str,
    benchmarks: Sequence[str | Path] = (),
    profile: str | None = None,
    folder: Path | None = None,
    drop: bool = False,
) -> Check:
    """A check, its parts seen to fit together. ``folder``: where profiles are found by name beside the bundled ones.

    InputError for an unknown check, one that lacks its benchmark, a profile that cannot serve, a part it has no use
    for.
    """
    if name not in STAGE:
        raise InputError("--stage", name, "is not a check", f"use one of {', '.join(STAGE)}")
    if name == "contamination" and not benchmarks:
        raise InputError("--benchmark", "", "contamination is found against benchmarks", "name a file of questions")
    if name != "contamination" and benchmarks:
        raise InputError("--benchmark", str(benchmarks[0]), f"has no effect on {name}", "leave it out")
    if name not in ROLE and profile is not None:
        raise InputError("--profile", profile, f"has no effect on {name}, which needs no model", "leave it out")
    if name != "near-duplicates" and drop:
        raise InputError("--drop", "", f"has no effect on {name}", "leave it out")
    found = load_profile(profile or "nano", folder) if name in ROLE else None
    check = Check(name, tuple(map(str, benchmarks)), found, drop)
    if check.role is not None and check.role.writes:
        problem = f"its {ROLE[name]} writes its verdict as text, which a check of a stored run does not do yet"
        raise InputError("--profile", profile or "nano", problem, "name a profile whose model there gives scores")
    return check


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError("--benchmark", str(path), "cannot be read", "check the path") from error
