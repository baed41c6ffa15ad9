"""A role: one model in one part of a profile, and how it is asked. Checked when it is made; loads no model."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from engine.config import prompts
from engine.config.calibration import MAKE, Calibration
from engine.config.packaged import packaged
from engine.config.prompts import Template
from engine.config.sampling import Count, Sampling, Temperature, TopK, TopP
from engine.config.validation import Range, Texts, suggestion, validate, validated_dataclass
from engine.paths import ASSETS
from store.errors import InputError

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

    ``model``: a folder, ``assets/...`` for a bundled one, ``package:NAME`` for a fetched one, or a hub id. ``adapter``:
    the folder of a LoRA adapter of it (``engine.models.adapters``). ``template``: how its prompt is rendered.
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
    adapter: str = ""
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
        packaged(self.model)
        if self.adapter and (self.urls or self.backend in ("linear", GREEDY)):
            problem = f"has no effect on backend {self.backend}"
            remedy = "serve the merged model that the training saved with it" if self.urls else "leave it out"
            raise InputError("adapter", self.adapter, problem, remedy)
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
        """The model's folder, bundled (``assets/...``), fetched (``package:...``) or the user's; None for a hub id."""
        return _local_path(self.model)

    @property
    def adapter_path(self) -> Path | None:
        """The adapter's folder; None without one."""
        return (_local_path(self.adapter) or Path(self.adapter)) if self.adapter else None

    @property
    def weights(self) -> str:
        """The model and its adapter: what a calibration is made for."""
        return f"{self.model} with {self.adapter}" if self.adapter else self.model


def _local_path(model: str) -> Path | None:
    if (known := packaged(model)) is not None:
        return known.folder
    if model.startswith("assets/"):
        return ASSETS / model.removeprefix("assets/")
    looks_local = model.startswith(("/", "./", "../", "~")) or Path(model).is_dir()
    return Path(model).expanduser() if looks_local else None


def check_band(name: str, band: tuple[float, float]) -> None:
    """InputError unless it is a range of fail rates."""
    if not 0.0 <= band[0] <= band[1] <= 1.0:
        raise InputError(name, list(band), "is not a range of fail rates", "use 0 <= least <= greatest <= 1")
