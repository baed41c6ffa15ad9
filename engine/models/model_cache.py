"""Loaded models, shared by batch runs and live users.

A model is loaded when a run first needs it, and stays until it is unused and a run of another profile starts. Two runs
may hold the same objects: models take requests from any thread, and request ids carry the run's id.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from engine.config.profiles import Profile, Role
from engine.config.run_config import RunConfig
from engine.models.assignment import Assignment, assign
from engine.models.assignment_report import lines
from engine.models.needs import on_gpu
from engine.models.placed_models import Gpus, Model, PlacedModels, gpus_here, load
from engine.models.roles import Models
from engine.models.workload import usual_stages
from store.errors import StoreError

Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class State:
    """What the model cache is doing, as the page shows it. ``device`` is known once models are loaded."""

    status: Literal["empty", "loading", "ready", "failed"]
    sentence: str
    profile: str | None = None
    device: str | None = None


class ModelCache:
    """Safe from any thread."""

    def __init__(self) -> None:
        self.state = State("empty", "No model is loaded yet.")
        self._lock = threading.Lock()
        self._loading = threading.Lock()
        """Held while models are loaded or closed; a run whose models are all loaded does not wait for it."""
        self._models: dict[Key, Model] = {}
        self._profile: dict[Key, str] = {}
        self._users: Counter[Key] = Counter()
        self._closed = False

    @contextmanager
    def acquire(self, config: RunConfig) -> Iterator[Models]:
        """The config's models for the duration of the block; waits while they are loaded. Raises as ``open_models``
        does, and StoreError after ``close``."""
        wanted = set(_keys(config.profile).values())
        models = self._acquire_loaded(config, wanted) or self._load(config, wanted)
        try:
            yield models
        finally:
            with self._lock:
                self._users.subtract(wanted)

    def close(self) -> None:
        """Close all models; their requests in flight end as cancelled."""
        with self._loading:
            self._closed = True
            with self._lock:
                gone, self._models = list(self._models.values()), {}
            for model in gone:
                model.close()
            self.state = State("empty", "The models are closed.")

    def _acquire_loaded(self, config: RunConfig, wanted: set[Key]) -> Models | None:
        """The models with their use counted; None unless all of them are loaded."""
        with self._lock:
            if not wanted <= self._models.keys():
                return None
            self._users.update(wanted)
            return open_models(config, self._models)

    def _load(self, config: RunConfig, wanted: set[Key]) -> Models:
        name = config.profile.name
        with self._loading:
            if self._closed:
                raise StoreError("The app is shutting down; start it again.")
            if (models := self._acquire_loaded(config, wanted)) is not None:  # another thread has loaded them
                return models
            self.state = State("loading", f"Loading the models of profile {name}.", name)
            gpus = gpus_here()
            self._close_idle(name, wanted, planned=gpus is not None)
            fresh = dict(self._models)
            try:
                if gpus is not None:
                    where = " ".join(lines(assignment_of(config.profile, gpus)))
                    self.state = State("loading", f"Loading the models of profile {name}. {where}", name)
                models = open_models(config, fresh, gpus)
            except BaseException as error:
                self.state = State("failed", str(error), name)
                raise
            with self._lock:
                self._models = fresh
                self._profile |= dict.fromkeys(wanted, name)
                self._users.update(wanted)
            device = _device(config.profile)
            self.state = State("ready", f"The models of profile {name} are loaded ({device}).", name, device)
            return models

    def _close_idle(self, profile: str, wanted: set[Key], planned: bool) -> None:
        """Close unused models before new ones are loaded: those of other profiles, but for the wanted ones. With GPUs
        (``planned``) all of them: the new plan may have each on another card, with others, and with another cache."""
        with self._lock:
            idle = [key for key in self._models if not self._users[key]]
            left = [key for key in idle if planned or (key not in wanted and self._profile[key] != profile)]
            gone = [self._models.pop(key) for key in left]
        for model in gone:
            model.close()


def open_models(config: RunConfig, known: dict[Key, Model] | None = None, gpus: Gpus | None = None) -> Models:
    """Load the config's models; roles of the same model share one object. InputError for a missing model or package.

    ``known``: loaded models, used where they match a role; newly loaded ones are added to it. ``gpus``: those
    that the models are spread over (None without one); models that do not fit together take turns.
    """
    from engine.models.load import check_folder

    profile, keys = config.profile, _keys(config.profile)
    known = {} if known is None else known
    for role in profile.roles:
        if keys[role] not in known:
            check_folder(role)  # before any is loaded, so that a missing one is reported at once
    open_role = load if gpus is None else PlacedModels(assignment_of(profile, gpus), gpus.devices).open
    opened: list[Key] = []

    def live(role: Role) -> Model:
        key = keys[role]
        if key not in known:
            known[key] = open_role(role)
            opened.append(key)
        return known[key]

    try:
        made: dict[Role, Any] = {role: live(role) for role in profile.roles}
    except BaseException:
        for key in opened:
            known.pop(key).close()
        raise
    judge, reward = (None if role is None else made[role] for role in (profile.judge, profile.reward))
    generators = tuple(made[role] for role in profile.generators)
    return Models(generators, judge, made.get(profile.difficulty), made[profile.solver], reward)


def assignment_of(profile: Profile, gpus: Gpus) -> Assignment:
    """Which of the profile's models are on which of these GPUs; InputError for one that is too large for them."""
    by_key: dict[Key, list[Role]] = {}
    for role, key in _keys(profile).items():
        by_key.setdefault(key, []).append(role)
    models = [roles for roles in by_key.values() if on_gpu(roles[0])]
    return assign(models, usual_stages(profile), gpus.card, len(gpus.devices))


def _keys(profile: Profile) -> dict[Role, Key]:
    """A key for each role; roles with equal keys share one model."""

    def key(role: Role) -> Key:
        where = (role.backend, role.model, role.adapter, role.revision, role.dtype, role.device, role.urls)
        read = (role.trust_remote_code, role.reward_token_id, role.reproducible)
        return (*where, *read, None if role.writes else (role.aggregate, role.token))

    return {role: key(role) for role in profile.roles}


def _device(profile: Profile) -> str:
    import torch

    named = {role.device for role in profile.roles}
    if named != {"auto"}:
        return ", ".join(sorted(named))
    return "GPU" if torch.cuda.is_available() else "CPU"
