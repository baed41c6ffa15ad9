"""The model cache with the bundled models: loaded once, kept while in use, closed when memory is needed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from engine.config.run_config import RunConfig, load_run_config
from engine.config.sampling import Sampling
from engine.models.base import Request, TextModel
from engine.models.model_cache import ModelCache
from engine.models.placed_models import Gpus
from engine.models.roles import Models
from engine.models.roofline import card_of
from store.errors import InputError, StoreError

CONFIG = load_run_config("nano", questions=1)


def other(config: RunConfig = CONFIG) -> RunConfig:
    """Another profile: all models as they are, but for the solver's numbers."""
    profile = config.profile
    return replace(config, profile=replace(profile, name="other", solver=replace(profile.solver, dtype="bfloat16")))


def works(model: TextModel) -> bool:
    """Whether it still writes: a closed one cancels all that it is asked."""
    answers: SimpleQueue[Any] = SimpleQueue()
    model.submit([Request("r/question/0", "1 + 1", Sampling(0.0, 1.0, 2), 1)], answers.put)
    return bool(answers.get(timeout=60).finish_reason != "cancelled")


@pytest.fixture
def model_cache(nano: Path) -> Iterator[ModelCache]:
    with closing(ModelCache()) as model_cache:
        yield model_cache


def test_two_who_ask_at_once_get_the_same_models_loaded_once(model_cache: ModelCache) -> None:
    taken: list[Models] = []
    both = threading.Barrier(2)

    def acquire() -> None:
        both.wait()
        with model_cache.acquire(CONFIG) as models:
            taken.append(models)

    threads = [threading.Thread(target=acquire) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    first, second = (models.distinct for models in taken)
    assert [id(model) for model in first] == [id(model) for model in second]
    assert len(first) == 6


def test_it_says_what_it_is_doing(nano: Path) -> None:
    model_cache = ModelCache()
    assert (model_cache.state.status, model_cache.state.profile) == ("empty", None)
    with model_cache.acquire(CONFIG):
        assert (model_cache.state.status, model_cache.state.profile, model_cache.state.device) == (
            "ready",
            "nano",
            "CPU",
        )
    model_cache.close()
    assert model_cache.state.status == "empty"
    with pytest.raises(StoreError, match="shutting down"), model_cache.acquire(CONFIG):
        pass


def test_other_sampling_needs_no_other_models(model_cache: ModelCache) -> None:
    profile = CONFIG.profile
    warm = replace(profile.generators[1], temperature=0.3, top_p=0.5)
    alone = replace(profile, generators=(warm,), solver=replace(profile.solver, n=2))
    with model_cache.acquire(CONFIG) as all_of_them, model_cache.acquire(replace(CONFIG, profile=alone)) as one:
        assert one.generators == (all_of_them.generators[1],)
        assert one.solver is all_of_them.solver


def test_idle_models_of_another_profile_are_closed_first_and_used_ones_stay(model_cache: ModelCache) -> None:
    with model_cache.acquire(CONFIG) as before:
        with model_cache.acquire(other()) as models:
            assert models.judge is before.judge
            assert models.solver is not before.solver
            assert works(before.solver)
        assert works(before.solver)
    with model_cache.acquire(CONFIG) as again:  # nobody uses the other's solver now, but nothing had to be loaded
        assert again.solver is before.solver
    third = other()
    third = replace(third, profile=replace(third.profile, name="third", reward=replace(third.profile.reward, name="x")))
    third = replace(third, profile=replace(third.profile, reward=replace(third.profile.reward, aggregate="min")))
    with model_cache.acquire(third) as last:
        assert works(last.solver)
        assert not works(before.solver)


def test_with_gpus_all_unused_models_are_closed_before_a_new_plan_is_carried_out(
    model_cache: ModelCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus = Gpus(card_of(80 << 30), ("cpu",))  # the processor stands for a card
    monkeypatch.setattr("engine.models.model_cache.gpus_here", lambda: gpus)
    with model_cache.acquire(CONFIG) as before:
        assert works(before.solver)
    with model_cache.acquire(CONFIG) as again:
        assert again.solver is before.solver  # all are loaded: there is nothing to plan
    with model_cache.acquire(other()) as models:
        assert models.judge is not before.judge
        assert works(models.solver)
        assert not works(before.solver)


def test_what_cannot_be_loaded_is_refused_and_the_room_goes_on(model_cache: ModelCache, tmp_path: Path) -> None:
    profile = CONFIG.profile
    missing = replace(CONFIG, profile=replace(profile, judge=replace(profile.judge, model=str(tmp_path / "no"))))
    with pytest.raises(InputError, match=r"judge\.model"), model_cache.acquire(missing):
        pass
    assert model_cache.state.status == "failed"
    assert "judge.model" in model_cache.state.sentence
    with model_cache.acquire(CONFIG) as models:
        assert works(models.solver)
