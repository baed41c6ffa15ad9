"""Profiles: which model plays which role, and how; read from TOML, bundled or the user's own.

Loads no model.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Strict

from engine.config import prompts
from engine.config.calibration import MAKE, Calibration
from engine.config.prompts import Template
from engine.config.role import GREEDY
from engine.config.role import Role as Role  # most of the engine imports it from here
from engine.config.validation import unknown_key, validate, validated_dataclass
from engine.paths import ASSETS
from store.errors import InputError

PROFILES = ASSETS / "profiles"
ROLES = ("generator", "judge", "difficulty", "solver", "reward")
NONE, OPTIONAL = "none", ("judge", "reward")
"""What a profile writes in place of a table, ``reward = "none"``, and the roles that it may go without."""


@validated_dataclass
class Profile:
    """Which model plays which role. Generators share the RAW questions by ``share``. Without a judge every question
    passes as solvable, without a reward model the solver's only sample is the response."""

    name: str
    generators: Annotated[tuple[Role, ...], Strict(False)]
    judge: Role | None
    difficulty: Role
    solver: Role
    reward: Role | None

    def __post_init__(self) -> None:
        if not self.generators:
            raise InputError("generator", "", f"is missing from profile '{self.name}'", "add a [[generator]] table")
        names = [g.name for g in self.generators]
        if len(set(names)) < len(names):
            raise InputError("generator.name", names, "has the same name twice", "give each generator its own name")
        most = max(self.solver.n, self.solver.n_max)
        if self.reward is None and most > 1:
            problem = f"leaves no way to choose among the solver's {most} samples"
            raise InputError("reward", NONE, problem, "add a [reward] table, or use n = 1 in [solver]")
        made = self.difficulty.calibration
        if made is not None and made.solver != self.solver.weights:
            problem = f"was made with {made.solver}, while the solver is {self.solver.weights}"
            raise InputError("difficulty.calibration", made.solver, problem, MAKE)
        if self.solver.n_budget and made is None:
            problem = f"needs the calibration of difficulty by {GREEDY}"
            raise InputError("solver.n_budget", self.solver.n_budget, problem, "use that, or n_gain")

    @property
    def roles(self) -> tuple[Role, ...]:
        """Those with a model of their own."""
        difficulty = None if self.difficulty.backend == GREEDY else self.difficulty
        every = (*self.generators, self.judge, difficulty, self.solver, self.reward)
        return tuple(role for role in every if role is not None)

    @property
    def greedy(self) -> Role | None:
        """The solver as difficulty by ``greedy-confidence`` asks it; None with another difficulty."""
        if self.difficulty.backend != GREEDY:
            return None
        return self.solver.fixed(1).replaced(temperature=0.0, top_p=1.0, top_k=0)

    @property
    def gain(self) -> float:
        """What ``engine.config.calibration.samples`` calls so, of the solver's adaptive n."""
        solver, made = self.solver, self.difficulty.calibration
        if made is None or not solver.n_budget:
            return solver.n_gain
        return made.gain(solver.n_budget, solver.n_min, solver.n_max)

    def with_roles(self, changed: Callable[[Role], Role]) -> Profile:
        """A copy with every role changed."""
        roles = {name: role and changed(role) for name in ROLES[1:] for role in [getattr(self, name)]}
        generators = tuple(map(changed, self.generators))
        return validate(Profile, {"name": self.name, "generators": generators, **roles})

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Profile:
        """A profile as ``RunConfig.to_json`` writes it."""
        roles = {name: _role_from_json(data[name]) if data[name] is not None else None for name in ROLES[1:]}
        return validate(cls, {**data, **roles, "generators": [_role_from_json(one) for one in data["generators"]]})


def profile_names(folder: Path | None = None) -> list[str]:
    """The bundled profiles, and those of ``folder`` (a workspace's, see ``engine.training.registered_models``)."""
    return sorted(_files(folder))


def load_profile(name: str, folder: Path | None = None) -> Profile:
    """A bundled profile by name, else one of ``folder`` by name, or a user's by path (``*.toml``)."""
    path, table = profile_table(name, folder)
    return profile_of(table, path.stem)


def profile_table(name: str, folder: Path | None) -> tuple[Path, dict[str, Any]]:
    """A profile's file and its content."""
    known = _files(folder)
    if not name.endswith(".toml") and name not in known:
        remedy = f"use one of {', '.join(sorted(known))}, or the path of a .toml file"
        raise InputError("profile", name, "does not exist", remedy)
    path = Path(name) if name.endswith(".toml") else known[name]
    return path, read_toml(path, "profile")


def profile_of(table: Mapping[str, Any], name: str) -> Profile:
    """The profile that a TOML file's content describes; ``name`` unless it has its own."""
    for key in table:
        if key not in (known := [*ROLES, "embedder", "name", "templates"]):
            raise unknown_key(key, known)
    templates = _templates(table)
    generators = table.get("generator", [])
    if isinstance(generators, dict):
        generators = [generators]
    missing = [role for role in ROLES[1:] if role not in table]
    if missing:
        remedy = f"add a [{missing[0]}] table"
        if missing[0] in OPTIONAL:
            remedy += f", or {missing[0]} = '{NONE}' above all tables to go without"
        raise InputError(missing[0], "", "is missing from the profile", remedy)
    roles: dict[str, Any] = {}
    for role in ("solver", "judge", "difficulty", "reward"):
        if role in OPTIONAL and table[role] == NONE:
            roles[role] = None
        elif isinstance(table[role], dict) and table[role].get("backend") == GREEDY and role == "difficulty":
            roles[role] = _greedy_role(table[role], roles["solver"])
        else:
            roles[role] = _role(role, table[role], templates)
    many = tuple(_role("generator", one, templates) for one in generators)
    return Profile(str(table.get("name", name)), many, **roles)


def load_solver(name: str, folder: Path | None = None) -> Role:
    """A profile's solver alone: the rest of the profile may still lack what only a measured solver gives."""
    _, table = profile_table(name, folder)
    if "solver" not in table:
        raise InputError("solver", "", "is missing from the profile", "add a [solver] table")
    return _role("solver", table["solver"], _templates(table))


def _templates(table: Mapping[str, Any]) -> dict[str, Template]:
    """The profile's own templates by id."""
    return {
        template_id: validate(Template, {"id": template_id, **as_table(entry, f"templates.{template_id}")},
                              f"templates.{template_id}")
        for template_id, entry in as_table(table.get("templates", {}), "templates").items()
    }  # fmt: skip


def read_toml(path: Path, what: str) -> dict[str, Any]:
    """A TOML file as a dict. InputError, whose field is ``what``, where it is missing or not TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError):
        raise InputError(what, str(path), "does not exist", "check the path") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(what, str(path), f"is not TOML ({error})", "correct that line") from None


def as_table(value: object, name: str) -> dict[str, Any]:
    """InputError unless it is a table of TOML."""
    if not isinstance(value, dict):
        raise InputError(name, value, "is not a table", f"write a [{name}] table")
    return value


def _files(folder: Path | None) -> dict[str, Path]:
    """Profiles by name; a bundled name always means the bundled profile."""
    files = [*(folder.glob("*.toml") if folder is not None else ()), *PROFILES.glob("*.toml")]
    return {path.stem: path for path in files}


def _role(role: str, table: object, templates: Mapping[str, Template]) -> Role:
    table = dict(as_table(table, role))
    template_id = table.pop("template", None)
    table.pop("calibration", None)  # of greedy confidence alone
    if not isinstance(template_id, str):
        raise InputError(f"{role}.template", template_id, "is not the name of a template", "name one")
    template = templates.get(template_id) or prompts.template(template_id, f"{role}.template")
    table.setdefault("name", Path(str(table.get("model", ""))).name)
    return validate(Role, {"role": role, **table, "template": template}, role)


def _greedy_role(table: Mapping[str, Any], solver: Role) -> Role:
    """Difficulty by the solver's greedy solution: it has a name and a calibration, and all else is the solver's."""
    for key in table:
        if key not in ("name", "backend", "calibration"):
            known = key in Role.__dataclass_fields__
            problem = f"has no effect: {GREEDY} asks the profile's solver" if known else "is not known"
            raise InputError(f"difficulty.{key}", table[key], problem, "leave it out")
    file = table.get("calibration", "")
    if not isinstance(file, str):
        raise InputError("difficulty.calibration", file, "is not text", "give the path of a file")
    values = {"name": f"{solver.name}, greedy", **table, "model": solver.model, "revision": solver.revision}
    made = Calibration.read(file) if file else None
    return validate(
        Role, {**values, "role": "difficulty", "template": solver.template, "calibration": made}, "difficulty"
    )


def _role_from_json(data: Mapping[str, Any]) -> Role:
    given = {**data, "template": validate(Template, data["template"], "template")}
    if data.get("calibration") is not None:
        given["calibration"] = validate(Calibration, data["calibration"], "calibration")
    return validate(Role, given, str(data.get("role")))
