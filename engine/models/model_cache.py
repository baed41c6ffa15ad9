"""Live models, loaded once and shared: by the batch, by every live user, by two runs at the same time.

A model is loaded when a run first needs it and stays until a run of another profile is asked for and nobody uses it.
Two runs may hold the same objects: models take work from any thread, and request ids carry the run's id. Knows no run.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from engine.config.profiles import Profile, Role
from engine.config.run_config import RunConfig
from engine.models import placement
from engine.models.base import ScoreModel, TextModel
from engine.models.roles import Models
from store.errors import StoreError

Key = tuple[object, ...]
Model = TextModel | ScoreModel


@dataclass(frozen=True, slots=True)
class State:
    """What the model cache is doing, for a header: ``sentence`` says it, ``device`` is known once models are loaded."""

    status: Literal["empty", "loading", "ready", "failed"]
    sentence: str
    profile: str | None = None
    device: str | None = None


class ModelCache:
    """Safe from any thread. ``card_bytes``: memory of the card, by default the first GPU's."""

    def __init__(self, card_bytes: int | None = None) -> None:
        self._card_bytes = card_bytes
        self.state = State("empty", "No model is loaded yet.")
        self._books = threading.Lock()
        self._endpoint = threading.Lock()
        """Held while models are loaded or closed: who needs another one waits, who finds all of them there does not."""
        self._models: dict[Key, Model] = {}
        self._profile: dict[Key, str] = {}
        self._users: Counter[Key] = Counter()
        self._closed = False

    @contextmanager
    def acquire(self, config: RunConfig) -> Iterator[Models]:
        """The config's models, for as long as the block lasts; blocks while they are loaded. Errors as ``open_models``,
        StoreError where the model cache has been closed."""
        wanted = set(_keys(config.profile).values())
        models = self._take(config, wanted) or self._load(config, wanted)
        try:
            yield models
        finally:
            with self._books:
                self._users.subtract(wanted)

    def close(self) -> None:
        """Close all models; what is in flight on them ends as cancelled."""
        with self._endpoint:
            self._closed = True
            with self._books:
                gone, self._models = list(self._models.values()), {}
            for model in gone:
                model.close()
            self.state = State("empty", "The models are closed.")

    def _take(self, config: RunConfig, wanted: set[Key]) -> Models | None:
        """The models where all are there, counted as used by one more."""
        with self._books:
            if not wanted <= self._models.keys():
                return None
            self._users.update(wanted)
            return open_models(config, self._models)

    def _load(self, config: RunConfig, wanted: set[Key]) -> Models:
        name = config.profile.name
        with self._endpoint:
            if self._closed:
                raise StoreError("The app is ending; start it again.")
            if (models := self._take(config, wanted)) is not None:  # someone else has loaded them meanwhile
                return models
            self.state = State("loading", f"Loading the models of profile {name}.", name)
            self._close_idle(name, wanted)
            fresh = dict(self._models)
            try:
                card = self._card_bytes or card_memory()
                if card is not None:
                    told = residency_of(config.profile, card).sentence
                    self.state = State("loading", f"Loading the models of profile {name}. {told}", name)
                models = open_models(config, fresh, card)
            except BaseException as error:
                self.state = State("failed", str(error), name)
                raise
            with self._books:
                self._models = fresh
                self._profile |= dict.fromkeys(wanted, name)
                self._users.update(wanted)
            device = _device(config.profile)
            self.state = State("ready", f"The models of profile {name} are loaded ({device}).", name, device)
            return models

    def _close_idle(self, profile: str, wanted: set[Key]) -> None:
        """Make model_cache: what is of another profile, and in nobody's hands, goes first."""
        with self._books:
            idle = [key for key in self._models if key not in wanted and not self._users[key]]
            gone = [self._models.pop(key) for key in idle if self._profile[key] != profile]
        for model in gone:
            model.close()


def open_models(config: RunConfig, known: dict[Key, Model] | None = None, card_bytes: int | None = None) -> Models:
    """The config's models, live; roles of one model share one object. InputError for a missing model or package.

    ``known``: live ones, used where they are what a role asks for; those that are opened are added to it.
    ``card_bytes``: memory of the card that they share, None for no card: what does not fit together takes turns.
    """
    from engine.models.load import check_folder

    profile, keys = config.profile, _keys(config.profile)
    known = {} if known is None else known
    for role in profile.roles:
        if keys[role] not in known:
            check_folder(role)  # all of them before any is loaded: a missing one is told at once
    open_role = _opener(profile, card_bytes)
    opened: list[Key] = []

    def live(role: Role) -> Model:
        key = keys[role]
        if key not in known:
            known[key] = open_role(role)
            opened.append(key)
        return known[key]

    try:
        made: list[Model] = [live(role) for role in profile.roles]
    except BaseException:
        for key in opened:
            known.pop(key).close()
        raise
    generators: list[TextModel] = made[: len(profile.generators)]  # type: ignore[assignment]
    judge, difficulty, solver, reward = made[len(profile.generators) :]
    return Models(tuple(generators), judge, difficulty, solver, reward)  # type: ignore[arg-type]


def residency_of(profile: Profile, card_bytes: int) -> placement.Plan:
    """Which of the profile's models share the card; InputError for one that is too large for it."""
    by_key: dict[Key, list[Role]] = {}
    for role, key in _keys(profile).items():
        by_key.setdefault(key, []).append(role)
    return placement.plan(placement.needs(list(by_key.values())), card_bytes)


def _opener(profile: Profile, card_bytes: int | None) -> Callable[[Role], Model]:
    """How a role's model is opened: on its own, with a share of the card, or to take turns there."""
    from engine.models.load import open_score, open_text
    from engine.models.time_sharing import Card, PhasedScore, PhasedText
    from engine.models.vllm.engine import Memory

    def on_its_own(role: Role, memory: Memory | None = None) -> Model:
        return open_text(role, memory) if role.writes else open_score(role, memory)

    if card_bytes is None:
        return on_its_own
    plan = residency_of(profile, card_bytes)
    card = Card(len(plan.phases))

    def on_the_card(role: Role) -> Model:
        place = next((i for i, need in enumerate(plan.needs) if role in need.roles), None)
        if place is None:
            return on_its_own(role)
        memory = Memory(plan.kv_bytes[place], plan.share(place))
        if len(plan.phases) == 1:
            return on_its_own(role, memory)
        group = next(i for i, phase in enumerate(plan.phases) if place in phase)
        kind = PhasedText if role.writes else PhasedScore
        return kind(role.name, role.slots, card, group, lambda: on_its_own(role, memory))

    return on_the_card


def card_memory() -> int | None:
    """Bytes of the first GPU; None where there is none."""
    import torch

    return int(torch.cuda.get_device_properties(0).total_memory) if torch.cuda.is_available() else None


def _keys(profile: Profile) -> dict[Role, Key]:
    """What makes two roles the same model."""

    def key(role: Role) -> Key:
        where = (role.backend, role.model, role.revision, role.dtype, role.device, role.urls)
        return (*where, role.trust_remote_code, None if role.writes else role.aggregate)

    return {role: key(role) for role in profile.roles}


def _device(profile: Profile) -> str:
    import torch

    named = {role.device for role in profile.roles}
    if named != {"auto"}:
        return ", ".join(sorted(named))
    return "GPU" if torch.cuda.is_available() else "CPU"
