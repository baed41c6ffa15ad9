"""What a run is: its profile (which model plays which role, and how) and its own options; from TOML, to JSON and back.

Everything is checked when it is made, and a fault is one sentence that names the field, the value and the remedy. The
JSON is stored with the run before its first question and holds the text of every template, so that a resumed run
reads the same prompts whatever this code says by then. Nothing here loads a model.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from engine.config import prompts, values
from engine.config.prompts import Template
from engine.config.sampling import Sampling
from engine.paths import ASSETS
from store.errors import InputError

PROFILES = ASSETS / "profiles"
ROLES = ("generator", "judge", "difficulty", "solver", "reward")
TEXT_BACKENDS = ("transformers", "vllm", "openai")
SCORE_BACKENDS = ("classifier", "logprob", "linear", "vllm-pooling", "openai-pooling")
"""``classifier``: one logit of a sequence classifier. ``logprob``: the solver's log-probability of a solution.
``linear``: the bundled text scorer of level. ``*-pooling``: a reward model in vLLM, in process or behind a server. What
each of them needs installed, ``engine.models.load`` says."""
MAX_QUESTIONS_FACTOR = 20


@dataclass(frozen=True, slots=True)
class Role:
    """One model in one part. Fields that a backend has no use for keep their default.

    ``model``: a folder, ``assets/...`` for a bundled one, or a hub id. ``template``: how its prompt is rendered.
    ``n``: samples per question (solver). ``retry_tokens``: a text cut off at ``max_tokens`` is redone once with this
    limit; 0 is never. ``share`` of the raw questions and ``band`` [least, greatest] fail rate kept (generators).
    ``threshold``: least P(solvable) kept (a judge that scores). ``activation``: what turns the raw score into one in
    [0, 1]. ``aggregate``: of token log-probabilities. ``device``: auto, cpu, cuda:0, or several by commas,
    which share the work. ``slots``: sequences at once. ``context``: tokens of prompt and
    text together at most, 0 is as many as the model holds (vLLM). ``urls``: servers that share the work, each up to and
    with ``/v1``; ``server``: whether they know vLLM's own fields beside OpenAI's; ``timeout``: seconds without a sign
    of life after which a request is tried again; ``api_key_env``: the variable of the environment that holds the key.
    """

    role: str
    name: str
    backend: str
    model: str
    template: Template
    revision: str | None = None
    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 512
    retry_tokens: int = 0
    n: int = 1
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    device: str = "auto"
    slots: int = 64
    share: float = 1.0
    band: tuple[float, float] | None = None
    threshold: float = 0.5
    activation: Literal["sigmoid", "identity"] = "sigmoid"
    aggregate: str = "mean"
    context: int = 0
    urls: tuple[str, ...] = ()
    server: Literal["vllm", "other"] = "vllm"
    timeout: float = 120.0
    api_key_env: str | None = None
    trust_remote_code: bool = False

    def __post_init__(self) -> None:
        values.one_of(f"{self.role}.backend", self.backend, self._backends())
        values.one_of(f"{self.role}.aggregate", self.aggregate, ("mean", "min", "sum"))
        values.at_least(f"{self.role}.temperature", self.temperature, 0.0)
        values.between(f"{self.role}.threshold", self.threshold, 0.0, 1.0)
        for name in ("max_tokens", "n", "slots"):
            values.at_least(f"{self.role}.{name}", getattr(self, name), 1)
        if not 0.0 < self.top_p <= 1.0:
            raise InputError(f"{self.role}.top_p", self.top_p, "is not a share of probability", "use 0 < top_p <= 1")
        if self.retry_tokens and self.retry_tokens <= self.max_tokens:
            problem = f"is not above max_tokens {self.max_tokens}"
            raise InputError(
                f"{self.role}.retry_tokens", self.retry_tokens, problem, "raise it, or use 0 for no second try"
            )
        if self.share <= 0.0:
            raise InputError(f"{self.role}.share", self.share, "is not above 0", "leave the generator out instead")
        values.at_least(f"{self.role}.context", self.context, 0)
        values.at_least(f"{self.role}.timeout", self.timeout, 1.0)
        if self.backend.startswith("openai") and not self.urls:
            raise InputError(
                f"{self.role}.urls", [], "no server", 'name one, as in urls = ["http://127.0.0.1:8000/v1"]'
            )
        if self.trust_remote_code and self.path is None and not self.revision and not self.urls:
            problem = "is not pinned, while trust_remote_code would run that repository's code"
            raise InputError(f"{self.role}.revision", "", problem, "read the code and give the commit that you read")
        if "{question}" not in self.template.text and self.role != "generator":
            raise InputError(
                f"{self.role}.template", self.template.id, "has no {question}", "use one that shows the question"
            )
        if self.band is not None:
            _check_band(f"{self.role}.band", self.band)

    def _backends(self) -> tuple[str, ...]:
        if self.role in ("generator", "solver"):
            return TEXT_BACKENDS
        return SCORE_BACKENDS if self.role in ("difficulty", "reward") else TEXT_BACKENDS + SCORE_BACKENDS

    @property
    def writes(self) -> bool:
        """Whether it answers in text (a TextModel) or in numbers (a ScoreModel)."""
        return self.backend in TEXT_BACKENDS

    @property
    def sampling(self) -> Sampling:
        return Sampling(self.temperature, self.top_p, self.max_tokens, self.template.stop)

    @property
    def path(self) -> Path | None:
        """Its folder where the model is one: bundled (``assets/...``) or the user's; None for a hub id."""
        if self.model.startswith("assets/"):
            return ASSETS / self.model.removeprefix("assets/")
        looks_local = self.model.startswith(("/", "./", "../", "~")) or Path(self.model).is_dir()
        return Path(self.model).expanduser() if looks_local else None


@dataclass(frozen=True, slots=True)
class Profile:
    """Which model plays which role. Generators share the RAW questions by ``share``."""

    name: str
    generators: tuple[Role, ...]
    judge: Role
    difficulty: Role
    solver: Role
    reward: Role

    def __post_init__(self) -> None:
        if not self.generators:
            raise InputError("generator", "", f"profile '{self.name}' has none", "add a [[generator]] table")
        names = [g.name for g in self.generators]
        if len(set(names)) < len(names):
            raise InputError("generator.name", names, "two generators have one name", "give each a name of its own")

    @property
    def roles(self) -> tuple[Role, ...]:
        return (*self.generators, self.judge, self.difficulty, self.solver, self.reward)


@dataclass(frozen=True, slots=True)
class RunConfig:
    """A profile and one run's options: either ``questions`` to generate, or pairs ``accepted`` (at ``max_questions``).

    ``difficulty_band``: least and greatest fail rate kept, unless a generator has a band of its own. ``reward_floor``:
    least reward kept, None is off. ``duplicate_threshold``: Jaccard similarity from which two questions are near
    duplicates. ``other_runs``: what to do with questions that another run of the workspace already has.
    ``regenerated_from``: the question whose settings a live run repeats.
    """

    profile: Profile
    questions: int | None = None
    accepted: int | None = None
    max_questions: int | None = None
    seed: int = 0
    benchmarks: tuple[str, ...] = ()
    difficulty_band: tuple[float, float] = (0.0, 1.0)
    reward_floor: float | None = None
    duplicate_threshold: float = 0.8
    other_runs: Literal["ignore", "mark", "drop"] = "mark"
    regenerated_from: str | None = None

    def __post_init__(self) -> None:
        if (self.questions is None) == (self.accepted is None):
            raise InputError("questions", self.questions, "one target is needed", "give either questions or accepted")
        for name in ("questions", "accepted", "max_questions"):
            value = getattr(self, name)
            if value is not None:
                values.at_least(name, value, 1)
        if self.max_questions is not None and self.accepted is None:
            raise InputError(
                "max_questions", self.max_questions, "is a limit of accepted", "give accepted too, or leave it out"
            )
        if not 0 <= self.seed < 2**63:
            raise InputError("seed", self.seed, "is out of range", "use 0 to 2^63 - 1")
        if not 0.0 < self.duplicate_threshold <= 1.0:
            raise InputError(
                "duplicate_threshold", self.duplicate_threshold, "is not a similarity", "use 0 < value <= 1"
            )
        _check_band("difficulty_band", self.difficulty_band)

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
        profile = dict(data["profile"])
        one = {name: _role_from_json(profile[name]) for name in ROLES[1:]}
        generators = tuple(_role_from_json(g) for g in profile["generators"])
        rest = {key: value for key, value in data.items() if key != "profile"}
        return values.make(cls, {**rest, "profile": Profile(profile["name"], generators, **one)}, "")

    @property
    def hash(self) -> str:
        """sha256 of the canonical JSON: equal for runs that ask for the same."""
        canonical = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()


def profile_names(folder: Path | None = None) -> list[str]:
    """The bundled profiles, and those of ``folder`` (a workspace's, see ``engine.training.registered_models``)."""
    return sorted(_named(folder))


def load_profile(name: str, folder: Path | None = None) -> Profile:
    """A bundled profile by name, else one of ``folder`` by name, or a user's by path (``*.toml``)."""
    path, table = profile_table(name, folder)
    return _profile(table, path.stem)


def load_run_config(
    profile: str | None = None, config_file: str | Path | None = None, folder: Path | None = None, **options: Any
) -> RunConfig:
    """A run's config: the profile (else the file's, else nano), the file's tables and options, ``options`` not None.
    ``folder``: where profiles are found by name beside the bundled ones.

    In the file, role tables (``[solver]`` ...) change single fields of the profile's, ``[[generator]]`` replaces all
    generators, and every other key is an option of ``RunConfig``.
    """
    changes = values.read_toml(Path(config_file), "config") if config_file is not None else {}
    options = {key: value for key, value in options.items() if value is not None}
    if {"questions", "accepted"} & options.keys():  # a target on the command line replaces the file's
        changes = {
            key: value for key, value in changes.items() if key not in ("questions", "accepted", "max_questions")
        }
    from_file = changes.pop("profile", "nano")
    path, table = profile_table(str(profile or from_file), folder)
    for key in [key for key in changes if key in ROLES or key == "templates"]:
        change = changes.pop(key)
        table[key] = {**table.get(key, {}), **change} if isinstance(change, dict) else change
    known = [f.name for f in fields(RunConfig) if f.name != "profile"]
    for key in changes:
        values.known_key(key, [*known, *ROLES, "templates", "profile"], str(config_file))
    return values.make(RunConfig, {**changes, **options, "profile": _profile(table, path.stem)}, "")


def profile_table(name: str, folder: Path | None) -> tuple[Path, dict[str, Any]]:
    """A profile's file, and what it says."""
    known = _named(folder)
    if not name.endswith(".toml") and name not in known:
        raise InputError(
            "profile", name, "does not exist", f"use one of {', '.join(sorted(known))}, or the path of a .toml file"
        )
    path = Path(name) if name.endswith(".toml") else known[name]
    return path, values.read_toml(path, "profile")


def _named(folder: Path | None) -> dict[str, Path]:
    """Profiles by name; a bundled name means the bundled one wherever it is used."""
    files = [*(folder.glob("*.toml") if folder is not None else ()), *PROFILES.glob("*.toml")]
    return {path.stem: path for path in files}


def _profile(table: dict[str, Any], stem: str) -> Profile:
    for key in table:
        values.known_key(key, [*ROLES, "embedder", "name", "templates"], "profile")
    templates = {}
    for template_id, entry in table.get("templates", {}).items():
        templates[template_id] = values.make(Template, {"id": template_id, **entry}, f"templates.{template_id}")
    generators = table.get("generator", [])
    if isinstance(generators, dict):
        generators = [generators]
    missing = [role for role in ROLES[1:] if role not in table]
    if missing:
        raise InputError(missing[0], "", "the profile has no such table", f"add a [{missing[0]}] table")
    one = {role: _role(role, table[role], templates) for role in ROLES[1:]}
    many = tuple(_role("generator", g, templates) for g in generators)
    return Profile(str(table.get("name", stem)), many, **one)


def _role(role: str, table: object, templates: dict[str, Template]) -> Role:
    if not isinstance(table, dict):
        raise InputError(role, table, "is not a table", f"write a [{role}] table")
    table = dict(table)
    template_id = table.pop("template", None)
    if not isinstance(template_id, str):
        raise InputError(f"{role}.template", template_id, "is missing or no text", "name a template")
    found = templates.get(template_id) or prompts.template(template_id, f"{role}.template")
    table.setdefault("name", Path(str(table.get("model", ""))).name)
    return values.make(Role, {"role": role, **table, "template": found}, role)


def _role_from_json(data: dict[str, Any]) -> Role:
    template = values.make(Template, data["template"], "template")
    return values.make(Role, {**data, "template": template}, str(data.get("role", "role")))


def _check_band(name: str, band: tuple[float, float]) -> None:
    if not 0.0 <= band[0] <= band[1] <= 1.0:
        raise InputError(name, list(band), "is not a range of fail rates", "use 0 <= least <= greatest <= 1")
