"""The request of a check: the stage to judge again, and the benchmarks or the model to judge with.

Checks with equal ``hash`` give equal results for the same rows, so that a stopped one can be continued.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine.config.profiles import Profile, Role, load_profile
from engine.config.role import GREEDY
from engine.config.run_config import RunConfig
from engine.embedding.role import Embedder, sentence_embedder
from engine.stages import solution
from store.errors import InputError

STAGE = {
    "near-duplicates": "duplicate",
    "contamination": "contamination",
    "solvability": "solvability",
    "difficulty": "difficulty",
    "reward": "pair",
    "answers": "solution",
}
"""The checks of a stage, and the stage whose verdicts each replaces, in order."""
PASS_RATE = "pass-rate"
"""The check that measures instead: no verdict changes."""
CHECKS = (*STAGE, PASS_RATE)
NEAR = "near-duplicates"
BY = ("wording", "meaning")
"""What near-duplicates have in common: words, or the meaning as an embedder sees it."""
SIMILAR = 0.9
"""The cosine of two MiniLM vectors from which questions are near-duplicates by meaning, unless the request says
another one."""
ROLLOUTS = 16
"""Of every question, unless the request says another number."""
ROLE = {"solvability": "judge", "difficulty": "difficulty", "reward": "reward", PASS_RATE: "solver"}
"""The profile's role for each check by a model."""


@dataclass(frozen=True, slots=True)
class Check:
    """``benchmarks``: files for contamination. ``profile``: for checks by a model. ``drop``: drop near-duplicates
    rather than mark them. ``n``: rollouts for a pass rate. ``embedder``: of near-duplicates by meaning, whose cosine is
    ``threshold`` or more; None for those by wording."""

    name: str
    benchmarks: tuple[str, ...] = ()
    profile: Profile | None = None
    drop: bool = False
    n: int = 0
    embedder: Embedder | None = None
    threshold: float = SIMILAR

    @property
    def stage(self) -> str:
        return STAGE.get(self.name, self.name)

    @property
    def role(self) -> Role | None:
        """The model's role; None for a check without a model."""
        if self.name not in ROLE or self.profile is None:
            return None
        role: Role = getattr(self.profile, ROLE[self.name])
        return role

    @property
    def config(self) -> RunConfig | None:
        """A config with this model in every role, so that no other is loaded; None without a model."""
        role = self.role
        if role is None or self.profile is None:
            return None
        if role.backend == GREEDY:
            role = self.profile.solver
        role = role.fixed(1) if role.adaptive else role
        return RunConfig(Profile(self.profile.name, (role,), role, role, role, role), questions=1)

    @property
    def words(self) -> str:
        """``contamination against math500.jsonl``, ``reward by nano-reward``."""
        if self.name == "answers":
            return "answers, read and compared"
        if self.benchmarks:
            return f"{self.name} against {', '.join(Path(file).name for file in self.benchmarks)}"
        if self.role is not None:
            return f"{self.name} by {self.role.name}" + (f", {self.n} rollouts" if self.n else "")
        by = f"{self.name} by {self.judge}" if self.embedder is not None else self.name
        return f"{by}, dropped" if self.drop else by

    @property
    def judge(self) -> str:
        """The judge of verdicts by meaning: ``all-MiniLM-L6-v2 at 0.9``."""
        return f"{self.embedder.name} at {self.threshold:g}" if self.embedder is not None else ""

    def hash(self) -> str:
        """A hash of everything that the result depends on, the benchmarks' contents included. InputError where a file
        cannot be read; loading the benchmarks first gives more precise errors.
        """
        content: dict[str, Any] = {"name": self.name, "drop": self.drop}
        content["benchmarks"] = [(Path(file).name, _sha256(Path(file))) for file in self.benchmarks]
        content |= {"n": self.n} if self.n else {}
        content["role"] = asdict(self.role) if self.role is not None else None
        if self.embedder is not None:
            content |= {"embedder": asdict(self.embedder), "threshold": self.threshold}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def check_of(
    name: str,
    benchmarks: Sequence[str | Path] = (),
    profile: str | None = None,
    folder: Path | None = None,
    drop: bool = False,
    n: int | None = None,
    by: str | None = None,
    threshold: float | None = None,
) -> Check:
    """A validated check. ``folder``: where other than bundled profiles are found by name; ``n``: None for ROLLOUTS;
    ``by``: one of BY, None for wording; ``threshold``: None for SIMILAR.

    InputError for an unknown check, a missing benchmark, an unknown profile, a missing embedder, or an option without
    effect.
    """
    if name not in CHECKS:
        raise InputError("--stage", name, "is not a check", f"use one of {', '.join(CHECKS)}")
    if name == "contamination" and not benchmarks:
        raise InputError("--benchmark", "", "is missing, but contamination needs one", "name a file of questions")
    if name != "contamination" and benchmarks:
        raise InputError("--benchmark", str(benchmarks[0]), f"has no effect on {name}", "leave it out")
    if name not in ROLE and profile is not None:
        raise InputError("--profile", profile, f"has no effect on {name}, which needs no model", "leave it out")
    if name != NEAR and drop:
        raise InputError("--drop", "", f"has no effect on {name}", "leave it out")
    if name != NEAR and by is not None:
        raise InputError("--by", by, f"has no effect on {name}", "leave it out")
    if threshold is not None and by != "meaning":
        raise InputError("--threshold", threshold, "has an effect only with --by meaning", "leave it out")
    if by == "meaning":
        return Check(name, drop=drop, embedder=_embedder(), threshold=_cosine(threshold))
    if by not in (None, *BY):
        raise InputError("--by", by, "is not known", f"use one of {', '.join(BY)}")
    if name != PASS_RATE and n is not None:
        raise InputError("--n", n, f"has no effect on {name}", "leave it out")
    found = load_profile(profile or "nano", folder) if name in ROLE else None
    if found is not None and getattr(found, ROLE[name]) is None:
        part = "reward model" if name == "reward" else ROLE[name]
        raise InputError("--profile", found.name, f"has no {part}, which this check needs", "name another profile")
    if name != PASS_RATE or found is None:
        return Check(name, tuple(map(str, benchmarks)), found, drop)
    rollouts = ROLLOUTS if n is None else n
    solution.check_rollouts(found.solver, rollouts)
    return Check(name, (), found, n=rollouts)


def _embedder() -> Embedder:
    embedder = sentence_embedder()
    if embedder is None:
        raise InputError("--by", "meaning", "needs a sentence embedder, and none is installed", "run `make smol`")
    return embedder


def _cosine(threshold: float | None) -> float:
    if threshold is not None and not 0 < threshold <= 1:
        raise InputError("--threshold", threshold, "is not a cosine above 0 and up to 1", f"use one such as {SIMILAR}")
    return SIMILAR if threshold is None else float(threshold)


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError("--benchmark", str(path), "cannot be read", "check the path") from error
