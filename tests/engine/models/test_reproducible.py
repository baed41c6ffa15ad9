"""``--reproducible``: what it changes, where it is refused, and that seeds stay at home without it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.config.profiles import load_profile
from engine.config.run_config import RunConfig, load_run_config
from engine.config.run_plan import run_plan
from engine.models import reproducible
from engine.models.launch_commands import servers
from store.errors import InputError

GIB = 1 << 30


def test_a_reproducible_run_says_so_of_every_role_and_is_stored_so() -> None:
    config = load_run_config("paper", questions=5, reproducible=True)
    assert all(role.reproducible for role in config.profile.roles)
    again = RunConfig.from_json(config.to_json())
    assert again == config
    assert again.reproducible
    plain = load_run_config("paper", questions=5)
    assert not any(role.reproducible for role in plain.profile.roles)
    assert plain.hash != config.hash
    said = {stage.stage: stage.settings for stage in run_plan(config)}
    assert said["solution"].endswith("reproducible")
    assert "reproducible" not in {stage.stage: stage.settings for stage in run_plan(plain)}["solution"]


def test_an_old_gpu_and_a_backend_that_cannot_are_refused_in_one_sentence() -> None:
    solver = replace(load_profile("paper").solver, reproducible=True)
    reproducible.check_on(solver, None)
    reproducible.check_on(solver, (8, 0))
    reproducible.check_on(solver, (12, 0))
    with pytest.raises(InputError) as refused:
        reproducible.check_on(solver, (7, 5))
    assert str(refused.value) == (
        "solver.reproducible True needs a GPU of compute capability 8.0 or later, not 7.5; "
        "leave it (or --reproducible) out, or run on a CPU."
    )
    with pytest.raises(InputError, match="use the backend vllm, or leave it"):
        reproducible.check_on(replace(solver, backend="transformers"), (9, 0))


def test_servers_are_started_batch_invariant_or_each_with_a_seed_of_its_own() -> None:
    profile = load_profile("openai")
    commands = [server.command for server in servers(profile, 8, 80 * GIB)]
    writing = [command for command in commands if "--runner pooling" not in command]
    seeds = [command.partition("--seed ")[2].split()[0] for command in writing]
    assert len(set(seeds)) == len(writing) > 3
    same = profile.with_roles(lambda role: replace(role, reproducible=True))
    for server in servers(same, 8, 80 * GIB):
        assert f"{reproducible.VARIABLE}=1 python -m vllm" in server.command
        assert "--seed" not in server.command
    assert not any(reproducible.VARIABLE in command for command in commands)
