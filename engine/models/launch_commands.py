"""The commands that serve a profile's models on N GPUs with vLLM, and the urls to write into the profile.

Every model gets one server; further GPUs go to the models with the most tokens a server. With fewer GPUs than models,
models share GPUs as ``placement`` plans it.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from engine.config.profiles import Profile, Role
from engine.models import placement, reproducible
from engine.models.sizes import cached, stated
from engine.models.tokenizers import is_misread
from store.errors import InputError

FIRST_PORT = 8000
_PREFILL_COST = 0.4
"""Cost of a token that is read, relative to one that is written (paper, section 6: 112 hours of rewards for texts whose
writing took 251)."""
_USUAL_SHARE = 0.9
_UNREAD = "THE_COMMIT_THAT_YOU_READ"
"""Placeholder for the revision of a model with custom code, where the profile pins none."""


@dataclass(frozen=True, slots=True)
class Server:
    """One server process: ``command`` starts it, ``url`` goes into the profile for its roles. ``prepare``: a command to
    run before, once a model; empty where none is needed."""

    roles: tuple[str, ...]
    model: str
    gpu: int
    url: str
    command: str
    prepare: str = ""


def servers(profile: Profile, gpus: int, gpu_bytes: int) -> list[Server]:
    """One or more servers for every model of the profile that needs a GPU. InputError where they do not fit."""
    if gpus < 1:
        raise InputError("gpus", gpus, "must be at least 1", "use 1 or more")
    models = models_of(profile)
    placed = place_servers(models, gpus, gpu_bytes)
    return [_server(models[place], gpu, share, FIRST_PORT + i) for i, (place, gpu, share) in enumerate(placed)]


def models_of(profile: Profile) -> list[list[Role]]:
    """The roles of each model that needs a GPU of ours: chat servers other than vLLM are somebody else's."""
    by_model: dict[tuple[str, str | None, bool], list[Role]] = {}
    for role in profile.roles:
        if role.backend != "linear" and (role.backend, role.server) != ("openai-chat", "other"):
            by_model.setdefault((role.model, role.revision, role.writes), []).append(role)
    return list(by_model.values())


def names_of(roles: Sequence[Role]) -> tuple[str, ...]:
    """As they are named to the user: generators with their own name."""
    return tuple(f"{role.role} {role.name}" if role.role == "generator" else role.role for role in roles)


def urls(made: Sequence[Server]) -> dict[str, list[str]]:
    """The urls of each role, as the profile names them."""
    found: dict[str, list[str]] = {}
    for server in made:
        for role in server.roles:
            found.setdefault(role, []).append(server.url)
    return found


def place_servers(models: Sequence[Sequence[Role]], gpus: int, gpu_bytes: int) -> list[tuple[int, int, float]]:
    """(model, GPU, share of its memory) of each server. InputError where the models do not fit the GPUs."""
    return _spread(models, gpus) if gpus >= len(models) else _shared(models, gpus, gpu_bytes)


def _spread(models: Sequence[Sequence[Role]], gpus: int) -> list[tuple[int, int, float]]:
    """(model, GPU, share of its memory): one model a GPU; each further GPU goes to the most loaded model."""
    replicas = [1] * len(models)
    loads = [sum(map(_load, roles)) for roles in models]
    for _ in range(gpus - len(models)):
        replicas[max(range(len(models)), key=lambda place: loads[place] / replicas[place])] += 1
    places = [place for place, count in enumerate(replicas) for _ in range(count)]
    return [(place, gpu, _USUAL_SHARE) for gpu, place in enumerate(places)]


def _shared(models: Sequence[Sequence[Role]], gpus: int, gpu_bytes: int) -> list[tuple[int, int, float]]:
    """The same where several models must share a GPU."""
    needed = [placement.need(roles) for roles in models]
    plan = placement.plan(needed, gpu_bytes)
    if len(plan.phases) > gpus:
        problem = f"cannot hold the {len(models)} models: with half of their caches they need {len(plan.phases)}"
        raise InputError("gpus", gpus, problem, f"use {len(plan.phases)} GPUs, or the profile `paper` on one GPU")
    return [(place, gpu, round(plan.share(place), 2)) for gpu, phase in enumerate(plan.phases) for place in phase]


def _load(role: Role) -> float:
    """Approximate tokens for each generated question; tokens that are read count by ``_PREFILL_COST``."""
    if role.role == "generator":
        return 128 * role.share
    written = {"judge": 256, "solver": 512 * role.n}.get(role.role, 0)
    return float(written) if role.writes else _PREFILL_COST * 512 * 5


def _server(roles: Sequence[Role], gpu: int, share: float, port: int) -> Server:
    first = roles[0]
    words = ["python", "-m", "vllm.entrypoints.openai.api_server", "--model", str(first.path or first.model)]
    known = stated(first.model)
    code = first.path is None and known is not None and known.remote_code
    if first.revision or code:
        words += ["--revision", first.revision or _UNREAD]
    if code:
        words += ["--trust-remote-code"]
    words += ["--host", "127.0.0.1", "--port", str(port), "--dtype", first.dtype]
    words += ["--max-num-seqs", str(max(role.slots for role in roles)), "--gpu-memory-utilization", str(share)]
    if context := max(role.context for role in roles):
        words += ["--max-model-len", str(context)]
    if first.writes:
        words += ["--scheduling-policy", "priority"]
        if not first.reproducible:  # requests have no seeds: with vLLM's usual one, all servers would write the same
            words += ["--seed", str(port)]
    else:
        words += ["--runner", "pooling"]
    words += ["--shutdown-timeout", "20"]
    prepare: list[str] = []
    if _is_misread(first):
        folder = f"tokenizers/{first.model.rstrip('/').rpartition('/')[2]}"
        prepare = ["scalequest", "tokenizer", str(first.path or first.model), "--out", folder]
        prepare += ["--revision", first.revision] if first.revision and first.path is None else []
        words += ["--tokenizer", folder]
    variables = f"CUDA_VISIBLE_DEVICES={gpu}" + f" {reproducible.VARIABLE}=1" * first.reproducible
    command = f"{variables} {shlex.join(words)}"
    url = f"http://127.0.0.1:{port}/v1"
    return Server(names_of(roles), first.model, gpu, url, command, shlex.join(prepare))


def _is_misread(role: Role) -> bool:
    """Whether vLLM misreads the model's tokenizer, as far as is known without a download."""
    folder = role.path or cached(role.model, role.revision)
    if folder is not None:
        return is_misread(str(folder))
    known = stated(role.model)
    return known is not None and known.misread
