"""The commands that serve a profile's models on N GPUs with vLLM, and the urls to write into the profile.

Which model is on which GPU, and with how many copies, is decided by ``assignment``.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.config.profiles import Profile, Role
from engine.config.role import FIRST_TOKEN_BACKENDS
from engine.models import reproducible
from engine.models.assignment import Assignment, assign
from engine.models.placement import Plan
from engine.models.roofline import card_of
from engine.models.sizes import cached, stated
from engine.models.tokenizers import is_misread
from engine.models.workload import names_of, usual_stages
from store.errors import InputError

FIRST_PORT = 8000
_ALONE = 0.9
"""Share of its GPU's memory for a server that has it alone."""
_IN_PROCESS = (*FIRST_TOKEN_BACKENDS, "logprob")
"""Backends that no server has: their models stay in the process of the run, with a place on its GPUs."""
_SERVED = {"transformers": "vllm", "classifier": "vllm-pooling"}
"""What a server runs in place of the backends of this process."""
_UNREAD = "THE_COMMIT_THAT_YOU_READ"
"""Placeholder for the revision of a model with custom code, where the profile pins none."""


@dataclass(frozen=True, slots=True)
class Server:
    """One server process: ``command`` starts it, ``url`` goes into the profile for its roles, and so does ``slots``.
    ``gpu``: its first. ``prepare``: a command to run before, once a model; empty where none is needed."""

    roles: tuple[str, ...]
    model: str
    gpu: int
    slots: int
    url: str
    command: str
    prepare: str = ""


def servers(profile: Profile, gpus: int, gpu_bytes: int) -> list[Server]:
    """One or more servers for every model of the profile that needs a GPU. InputError where they do not fit."""
    return commands(placed(profile, gpus, gpu_bytes))


def placed(profile: Profile, gpus: int, gpu_bytes: int) -> Assignment:
    """Which models the servers of these GPUs have. InputError where they do not fit."""
    if gpus < 1:
        raise InputError("gpus", gpus, "must be at least 1", "use 1 or more")
    served = profile.with_roles(
        lambda role: role if role.adapter else replace(role, backend=_SERVED.get(role.backend, role.backend))
    )
    return assign(models_of(served), usual_stages(served), card_of(gpu_bytes), gpus, turns=False)


def commands(made: Assignment) -> list[Server]:
    """A command for each copy of each model that a server can have, by GPU."""
    copies = sorted((first, group.models.index(model), group)
                    for group in made.groups for model in group.models for first in group.first_cards
                    if not _stays(made.models[model][0]))  # fmt: skip
    return [_server(group.plan, place, first, FIRST_PORT + i) for i, (first, place, group) in enumerate(copies)]


def in_process(made: Assignment) -> list[str]:
    """A sentence for each model that stays in the process of the run: where it has its place on the GPUs."""
    found = []
    for model, roles in enumerate(made.models):
        if _stays(roles[0]):
            firsts = [f"cuda:{first}" for group in made.groups if model in group.models for first in group.first_cards]
            device, names = ",".join(firsts), ", ".join(names_of(roles))
            why = "it has an adapter" if roles[0].adapter else "no server gives this score"
            found.append(f'{names}: device = "{device}", in the process of the run: {why}')
    return found


def _stays(role: Role) -> bool:
    """Whether its model stays in the process of the run."""
    return role.backend in _IN_PROCESS or bool(role.adapter)


def models_of(profile: Profile) -> list[list[Role]]:
    """The roles of each model that needs a GPU of ours: chat servers other than vLLM are somebody else's."""
    by_model: dict[tuple[str, str | None, bool, bool], list[Role]] = {}
    for role in profile.roles:
        foreign = (role.backend, role.server) == ("openai-chat", "other")
        if role.backend != "linear" and role.device != "cpu" and not foreign:
            by_model.setdefault((role.weights, role.revision, role.writes, _stays(role)), []).append(role)
    return list(by_model.values())


def slots(made: Sequence[Server]) -> dict[str, int]:
    """The slots of each role, as its servers have them."""
    found: dict[str, int] = {}
    for server in made:
        for role in server.roles:
            found[role] = min(server.slots, found.get(role, server.slots))
    return found


def urls(made: Sequence[Server]) -> dict[str, list[str]]:
    """The urls of each role, as the profile names them."""
    found: dict[str, list[str]] = {}
    for server in made:
        for role in server.roles:
            found.setdefault(role, []).append(server.url)
    return found


def _server(plan: Plan, place: int, gpu: int, port: int) -> Server:
    need, slots = plan.needs[place], plan.slots(place)
    roles, first = need.roles, need.roles[0]
    share = _ALONE if len(plan.needs) == 1 else int(1000 * plan.share(place)) / 1000
    words = ["python", "-m", "vllm.entrypoints.openai.api_server", "--model", str(first.path or first.model)]
    known = stated(first.model)
    code = first.path is None and known is not None and known.remote_code
    if first.revision or code:
        words += ["--revision", first.revision or _UNREAD]
    if code:
        words += ["--trust-remote-code"]
    words += ["--host", "127.0.0.1", "--port", str(port), "--dtype", first.dtype]
    words += ["--max-num-seqs", str(slots), "--max-num-batched-tokens", str(need.step_tokens)]
    words += ["--gpu-memory-utilization", str(share)]
    if need.tensor_parallel > 1:
        words += ["--tensor-parallel-size", str(need.tensor_parallel)]
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
    gpus = ",".join(str(gpu + i) for i in range(need.tensor_parallel))
    variables = f"CUDA_VISIBLE_DEVICES={gpus}" + f" {reproducible.VARIABLE}=1" * first.reproducible
    command = f"{variables} {shlex.join(words)}"
    url = f"http://127.0.0.1:{port}/v1"
    return Server(names_of(roles), first.model, gpu, slots, url, command, shlex.join(prepare))


def _is_misread(role: Role) -> bool:
    """Whether vLLM misreads the model's tokenizer, as far as is known without a download."""
    folder = role.path or cached(role.model, role.revision)
    if folder is not None:
        return is_misread(str(folder))
    known = stated(role.model)
    return known is not None and known.misread
