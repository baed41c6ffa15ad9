"""Profiles: which model plays which role, and how; read from TOML, bundled or the user's own.

Loads no model.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, Strict

from engine.config import prompts
from engine.config.calibration import MAKE, Calibration
from engine.config.prompts import Template
from engine.config.sampling import Count, Sampling, Temperature, TopK, TopP
from engine.config.validation import Range, Texts, suggestion, unknown_key, validate, validated_dataclass
from engine.paths import ASSETS
from store.errors import InputError

PROFILES = ASSETS / "profiles"
ROLES = ("generator", "judge", "difficulty", "solver", "reward")
NONE, OPTIONAL = "none", ("judge", "reward")
"""What a profile writes in place of a table, ``reward = "none"``, and the roles that it may go without."""
CHAT = "openai-chat"
TEXT_BACKENDS = ("transformers", "vllm", "openai", CHAT)
SCORE_BACKENDS = ("classifier", "logprob", "linear", "vllm-pooling", "openai-pooling")
FIRST_TOKEN_BACKENDS = ("first-token", "vllm-first-token")
GREEDY = "greedy-confidence"
"""``classifier``: one logit of a sequence classifier. ``logprob``: the solver's log-probability of a solution.
``first-token``: the odds against a text model's beginning with ``Role.token``, for difficulty alone.
``greedy-confidence``: the profile's own solver, asked greedily, for difficulty alone: how likely it finds its tokens.
``linear``: the bundled text scorer of level. ``*-pooling``: a reward model in vLLM, in process or behind a server.
``engine.models.load`` says what each of them needs installed."""
SPREAD_BACKENDS = ("vllm", "vllm-pooling", "vllm-first-token", "openai", "openai-chat", "openai-pooling")
"""Those whose models can be spread over several GPUs; a server's, by the command that starts it."""


@validated_dataclass
class Role:
    """One model in one role. Fields that a backend does not use keep their default.

    ``model``: a folder, ``assets/...`` for a bundled one, or a hub id. ``template``: how its prompt is rendered.
    ``n``: samples per question (solver). ``retry_tokens``: a text cut off at ``max_tokens`` is redone once with this
    limit; 0 is never. ``share`` of the raw questions and ``band`` [least, greatest] fail rate kept (generators).
    ``threshold``: least P(solvable) kept (a judge that scores). ``activation``: maps the raw score to [0, 1].
    ``aggregate``: of token log-probabilities. ``device``: auto, cpu, cuda:0, or several separated by commas, which
    share the work. ``slots``: sequences at the same time, 0 is as many as the GPU's memory serves (vLLM; elsewhere 64,
    of a server 256). ``tensor_parallel``: GPUs that each copy of the model is spread over, ``device`` and those after
    it; more where the model is larger (vLLM). ``context``: tokens of prompt and text together at most, 0 is as many as
    the model holds (vLLM). ``urls``: servers that share the work, each up to and with ``/v1``; ``server``: whether they
    accept vLLM's own fields; ``timeout``: seconds without a response after which a request is
    retried; ``api_key_env``: the environment variable that holds the key. ``reward_token_id``: the token at which a
    reward model is read; None is what the model itself states. ``reproducible``: equal seeds give equal texts on a GPU
    too, at some cost (``engine.models.reproducible``); for servers, those started with ``VLLM_BATCH_INVARIANT=1``.
    ``token``: the first token whose odds ``first-token`` takes, as it is written. Of a solver, ``keep_cut``: whether
    a solution that was cut off at the token limit counts; ``max_repetition``: solutions with a larger share of
    repeated n-grams (``engine.text.repetition``) are dropped; None for no limit. With ``n_max`` above 0 its number of
    samples follows the question's difficulty, from ``n_min`` to ``n_max``, and ``n`` is only what savings are counted
    against: either so that questions cost ``n_budget`` solutions on average, or while the next sample's chance of being
    the first right one is ``n_gain`` or more (``engine.config.calibration.samples``).
    ``calibration``: of ``greedy-confidence``; in a profile, the path of its file.
    ``price_in``, ``price_out``: USD for a million tokens that a server reads and writes.
    """

    role: str
    name: str
    backend: str
    model: str
    template: Template
    revision: str | None = None
    temperature: Temperature = 0.0
    top_p: TopP = 1.0
    top_k: TopK = 0
    max_tokens: Count = 512
    retry_tokens: int = 0
    n: Count = 1
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    device: str = "auto"
    slots: Annotated[int, Field(ge=0)] = 64
    tensor_parallel: Count = 1
    share: float = 1.0
    band: Range | None = None
    threshold: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    activation: Literal["sigmoid", "identity"] = "sigmoid"
    aggregate: Literal["mean", "min", "sum"] = "mean"
    context: Annotated[int, Field(ge=0)] = 0
    urls: Texts = ()
    server: Literal["vllm", "other"] = "vllm"
    timeout: Annotated[float, Field(ge=1.0)] = 120.0
    api_key_env: str | None = None
    trust_remote_code: bool = False
    reward_token_id: Annotated[int, Field(ge=0)] | None = None
    reproducible: bool = False
    token: str = ""
    keep_cut: bool = True
    max_repetition: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    price_in: Annotated[float, Field(ge=0.0)] = 0.0
    price_out: Annotated[float, Field(ge=0.0)] = 0.0
    n_min: Count = 1
    n_max: Annotated[int, Field(ge=0)] = 0
    n_budget: Annotated[float, Field(ge=0.0)] = 0.0
    n_gain: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    calibration: Calibration | None = None

    def __post_init__(self) -> None:
        if self.backend == CHAT and self.role == "generator":
            remedy = "serve the model at /v1/completions and use openai, or vllm or transformers"
            raise InputError("backend", CHAT, "cannot continue a raw prefix, as a generator must", remedy)
        if self.backend not in (known := self._backends()):
            raise InputError("backend", self.backend, "is not known", suggestion(self.backend, known))
        if self.retry_tokens and self.retry_tokens <= self.max_tokens:
            problem = f"is not above max_tokens {self.max_tokens}"
            raise InputError("retry_tokens", self.retry_tokens, problem, "raise it, or use 0 for no second try")
        if not self.share > 0.0:
            raise InputError("share", self.share, "is not above 0", "leave the generator out instead")
        if self.backend.startswith("openai") and not self.urls:
            raise InputError("urls", [], "is empty", 'name a server, as in urls = ["http://127.0.0.1:8000/v1"]')
        if self.top_k and self.backend.startswith("openai") and self.server == "other":
            problem = "is no part of the protocol of OpenAI, which server = 'other' speaks"
            raise InputError("top_k", self.top_k, problem, "leave it out, or use a server of vLLM")
        if self.trust_remote_code and self.path is None and not self.revision and not self.urls:
            problem = "is not pinned, while trust_remote_code would run that repository's code"
            raise InputError("revision", "", problem, "read the code and give the commit that you read")
        self._check_tensor_parallel()
        if "{question}" not in self.template.text and self.role != "generator":
            raise InputError("template", self.template.id, "has no {question}", "use one that shows the question")
        if self.backend in FIRST_TOKEN_BACKENDS and not self.token:
            raise InputError("token", "", f"is missing, but {self.backend} takes its odds", "name one, as </think>")
        if self.backend == GREEDY and self.calibration is None:
            raise InputError("calibration", "", f"is missing, but {GREEDY} needs it", f"name a file, or {MAKE}")
        self._check_adaptive()
        if self.band is not None:
            check_band("band", self.band)
        if self.priced and not self.urls:
            field = "price_out" if self.price_out else "price_in"
            problem = "has no effect on a model in process"
            raise InputError(field, getattr(self, field), problem, "leave out price_in and price_out")
        if fault := self._chat_fault():
            raise InputError("template", self.template.id, *fault)

    def _chat_fault(self) -> tuple[str, str] | None:
        """What is wrong with the template, and the remedy, where the backend and it disagree on the chat format."""
        token = self.template.control_token
        if self.backend == CHAT and token:
            problem = f"contains {token}, while {CHAT} sends the template as a user's message"
            form = prompts.CHAT_FORMAT
            return problem, f"use {form}-solve, {form}-judge or one of your own without it"
        if self.backend != CHAT and not token and self.template.id.startswith(f"{prompts.CHAT_FORMAT}-"):
            return f"has no chat format, which only {CHAT} adds", "use one of the model's format, such as qwen-solve"
        return None

    def _check_adaptive(self) -> None:
        """InputError unless the bounds of an adaptive n make sense together."""
        given = {"n_budget": self.n_budget, "n_gain": self.n_gain}
        if not self.n_max:
            for name, value in {**given, "n_min": self.n_min - 1}.items():
                if value:
                    problem = "has no effect without n_max, the most samples of a question"
                    raise InputError(name, getattr(self, name), problem, "give n_max too, or leave it out")
            return
        if self.n_max < self.n_min:
            raise InputError("n_max", self.n_max, f"is below n_min {self.n_min}", "raise it")
        if bool(self.n_budget) == bool(self.n_gain):
            problem = "is given together with n_gain" if self.n_gain else "is missing, and so is n_gain"
            raise InputError("n_budget", self.n_budget or "", problem, "give either n_budget or n_gain with n_max")
        if self.n_budget and not self.n_min <= self.n_budget <= self.n_max:
            problem = f"is not between n_min {self.n_min} and n_max {self.n_max}"
            raise InputError("n_budget", self.n_budget, problem, "give a number of samples in between")

    def _check_tensor_parallel(self) -> None:
        count = self.tensor_parallel
        if count & (count - 1):
            raise InputError("tensor_parallel", count, "is not a power of two", "use 1, 2, 4 or 8")
        if count > 1 and self.backend not in SPREAD_BACKENDS:
            problem = f"has no effect on backend {self.backend}"
            raise InputError("tensor_parallel", count, problem, "use backend vllm or vllm-pooling, or leave it out")

    def _backends(self) -> tuple[str, ...]:
        if self.role in ("generator", "solver"):
            return TEXT_BACKENDS if self.role == "solver" else tuple(name for name in TEXT_BACKENDS if name != CHAT)
        if self.role == "difficulty":
            return (*SCORE_BACKENDS, *FIRST_TOKEN_BACKENDS, GREEDY)
        return SCORE_BACKENDS if self.role == "reward" else TEXT_BACKENDS + SCORE_BACKENDS

    def replaced(self, **changes: Any) -> Role:
        """A copy with these fields changed. InputError names a fault as profiles do: ``solver.temperature``."""
        return validate(Role, {**{f.name: getattr(self, f.name) for f in fields(self)}, **changes}, self.role)

    def fixed(self, n: int) -> Role:
        """A copy with ``n`` samples for every question."""
        return self.replaced(n=n, n_min=1, n_max=0, n_budget=0.0, n_gain=0.0)

    @property
    def writes(self) -> bool:
        """Whether it answers in text (a TextModel) or in numbers (a ScoreModel)."""
        return self.backend in TEXT_BACKENDS

    @property
    def adaptive(self) -> bool:
        """Whether its number of samples follows the question."""
        return self.n_max > 0

    @property
    def priced(self) -> bool:
        """Whether its tokens cost something."""
        return self.price_in > 0.0 or self.price_out > 0.0

    def cost(self, tokens_in: float, tokens_out: float) -> float:
        """USD for tokens read and written; reasoning is written."""
        return (tokens_in * self.price_in + tokens_out * self.price_out) / 1e6

    @property
    def sampling(self) -> Sampling:
        return Sampling(self.temperature, self.top_p, self.max_tokens, self.template.stop, self.top_k)

    @property
    def path(self) -> Path | None:
        """The model's folder, bundled (``assets/...``) or the user's; None for a hub id."""
        if self.model.startswith("assets/"):
            return ASSETS / self.model.removeprefix("assets/")
        looks_local = self.model.startswith(("/", "./", "../", "~")) or Path(self.model).is_dir()
        return Path(self.model).expanduser() if looks_local else None


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
        if made is not None and made.solver != self.solver.model:
            problem = f"was made with {made.solver}, while the solver is {self.solver.model}"
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


def check_band(name: str, band: tuple[float, float]) -> None:
    """InputError unless it is a range of fail rates."""
    if not 0.0 <= band[0] <= band[1] <= 1.0:
        raise InputError(name, list(band), "is not a range of fail rates", "use 0 <= least <= greatest <= 1")


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
