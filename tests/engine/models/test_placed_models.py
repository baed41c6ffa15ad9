"""Models in several copies and in turns on several cards, all of them in this process: the results stay the same."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.config.profiles import Role, load_profile
from engine.config.run_config import load_run_config
from engine.models import placed_models
from engine.models.model_cache import assignment_of, open_models
from engine.models.placed_models import Gpus, PlacedModels
from engine.models.replicas import Pool
from engine.models.roofline import card_of
from engine.models.time_sharing import TimeSharedText
from engine.models.vllm import engine
from engine.models.vllm.engine import Memory
from store.errors import InputError
from tests.engine.models.test_time_sharing import flat
from tests.engine.pipeline.run import run

GIB = 1 << 30


def test_a_run_over_two_cards_gives_what_a_run_on_one_gives(nano: Path) -> None:
    plain = load_run_config("nano", questions=8, seed=5)
    solver = replace(plain.profile.solver, device="cuda:0,cuda:1")
    config = replace(plain, profile=replace(plain.profile, solver=solver))
    models = open_models(config, gpus=Gpus(card_of(4 * GIB), ("cpu", "cpu")))  # the processor stands for both
    assert isinstance(models.solver, Pool)
    spread = run(config, models)
    assert spread.outcome.status == "done"
    for ours, theirs in zip(flat(spread.content), flat(run(plain, open_models(plain)).content), strict=True):
        # a score depends on its batch-mates below the fourth place
        assert ours == (pytest.approx(theirs, abs=1e-4) if isinstance(theirs, float) else theirs)
    generator: Any = models.generators[0]
    assert isinstance(generator, TimeSharedText)  # the first card has all models, in turns
    assert len(set(generator.gpu.history)) > 1


def test_a_copy_that_cannot_be_opened_closes_those_before_it(nano: Path) -> None:
    profile = load_profile("nano")
    solver = replace(profile.solver, device="cuda:0,cuda:1")
    gpus = Gpus(card_of(80 * GIB), ("cpu", "cuda:99"))
    placed = PlacedModels(assignment_of(replace(profile, solver=solver), gpus), gpus.devices)
    with pytest.raises(InputError, match="cuda:99"):
        placed.open(solver)


def test_what_waits_for_a_model_that_takes_turns_lasts_for_minutes() -> None:
    profile = load_profile("paper")
    for gib in (24, 40, 80):
        gpus = Gpus(card_of(gib * GIB), ("auto",))
        placed = PlacedModels(assignment_of(profile, gpus), gpus.devices)
        assert len(placed.shared) == 1
        solver: Any = placed.open(profile.solver)
        (group,) = assignment_of(profile, gpus).groups
        work = next(one for one in group.work if "solver" in one.roles)
        minutes = solver.window * work.hours * 60 / work.calls
        assert minutes > 4
        solver.close()


def test_an_engine_is_told_its_memory_its_step_and_its_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    role = replace(load_profile("paper").solver, slots=768, tensor_parallel=2, device="cuda:2")
    monkeypatch.setattr(engine, "on_gpu", lambda: True)
    options = engine._options(role, "generate", Memory(30 * GIB, 0.7, 8_192))
    assert options["max_num_seqs"] == 768
    assert options["max_num_batched_tokens"] == 8_192
    assert options["kv_cache_memory_bytes"] == 30 * GIB
    assert (options["tensor_parallel_size"], options["distributed_executor_backend"]) == (2, "mp")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6,7")
    with engine._visible_gpu(role):
        assert engine.os.environ["CUDA_VISIBLE_DEVICES"] == "6,7"
    assert engine.os.environ["CUDA_VISIBLE_DEVICES"] == "4,5,6,7"


def test_roles_of_one_model_are_opened_with_the_longest_of_their_contexts(monkeypatch: pytest.MonkeyPatch) -> None:
    paper = load_profile("paper")
    judge, solver = replace(paper.judge, context=1024), replace(paper.solver, context=3072)
    profile = replace(paper, judge=judge, solver=solver)
    gpus = Gpus(card_of(80 * GIB), ("cuda:0", "cuda:1"))
    opened: list[Role] = []

    def opener(role: Role, memory: Memory | None = None) -> Any:
        opened.append(role)
        raise InputError("judge.model", role.model, "is only looked at", "look at it")

    monkeypatch.setattr(placed_models, "open_text", opener)
    with pytest.raises(InputError, match="only looked at"):
        PlacedModels(assignment_of(profile, gpus), gpus.devices).open(judge)
    assert opened[0].context == 3072


def test_the_size_of_an_engines_model_must_be_known_and_its_shape_may_be_unknown() -> None:
    paper = load_profile("paper")
    gpus = Gpus(card_of(80 * GIB), ("cuda:0",))
    named = replace(paper, reward=replace(paper.reward, model="somebody/reward-7b", reward_token_id=1))
    (group,) = assignment_of(named, gpus).groups
    place = next(place for place, need in enumerate(group.plan.needs) if need.name == "reward-7b")
    assert group.plan.kv_bytes[place] > 4096 * 50_000  # without a cache, vLLM does not start
    unknown = replace(paper, reward=replace(paper.reward, model="somebody/reward"))
    with pytest.raises(InputError, match=r"reward\.model 'somebody/reward' has an unknown size; download it first"):
        assignment_of(unknown, gpus)


def test_engines_that_several_threads_load_are_made_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    role = load_profile("paper").solver
    seen: list[tuple[bool, str]] = []

    class Made(SimpleNamespace):
        def wake(self) -> None:
            pass

    def made(role: Role, *_: object) -> Any:
        with engine._visible_gpu(role):  # of the whole process
            seen.append((engine._making.locked(), engine.os.environ["CUDA_VISIBLE_DEVICES"]))
        return Made(users=0, _error=None, loop=SimpleNamespace(call=lambda call: call()))

    monkeypatch.setattr(engine, "_made", made)
    monkeypatch.setattr(engine, "_engines", {})
    roles = [replace(role, device="cuda:0"), replace(role, device="cuda:1"), replace(role, device="cuda:0")]
    with ThreadPoolExecutor(len(roles)) as pool:
        found = list(pool.map(lambda one: engine.engine(one, "generate"), roles))
    assert sorted(seen) == [(True, "0"), (True, "1")]
    assert found[0] is found[2] is not found[1]
    scorer = replace(roles[0], role="difficulty", backend="vllm-first-token", token="</think>")
    assert engine.engine(scorer, "generate") is not found[0]  # one would sleep while the other is in use
