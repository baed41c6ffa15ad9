"""Which models are on which cards: all are placed, no card is overfull, more cards are never slower."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest

from engine.config.profiles import Profile, Role, load_profile
from engine.models.assignment import Assignment, assign
from engine.models.assignment_report import lines
from engine.models.launch_commands import models_of
from engine.models.needs import USABLE
from engine.models.roofline import CARDS, Card, card_of
from engine.models.workload import usual_stages
from store.errors import InputError

GIB = 1 << 30
PAPER = load_profile("paper")


def assigned(cards: int, card: Card, turns: bool = True, profile: Profile = PAPER) -> Assignment:
    return assign(models_of(profile), usual_stages(profile), card, cards, turns)


def varied() -> Iterator[Profile]:
    """The paper's profile, with other slots, with one generator, with a small judge."""
    yield PAPER
    yield changed(slots=64)
    yield replace(PAPER, generators=PAPER.generators[:1])
    yield replace(PAPER, judge=replace(PAPER.judge, model="Qwen/Qwen2-Math-1.5B-Instruct"))


def changed(**changes: int) -> Profile:
    return replace(PAPER, **{
        "generators": tuple(replace(one, **changes) for one in PAPER.generators),
        **{name: replace(getattr(PAPER, name), **changes) for name in ("judge", "solver", "reward")},
    })  # fmt: skip


PROFILES = list(varied())


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("card", CARDS)
def test_every_model_is_placed_and_no_card_is_over_its_memory_and_more_cards_are_never_slower(
    card: Card, profile: Profile
) -> None:
    hours = []
    for cards in (1, 2, 3, 4, 6, 8):
        made = assigned(cards, card, profile=profile)
        hours.append(made.hours)
        assert all(made.copies(place) >= 1 for place in range(len(made.models)))
        used = list(itertools.chain.from_iterable(group.cards for group in made.groups))
        assert len(used) == len(set(used))
        assert set(used) <= set(range(cards))
        for group in made.groups:
            for phase in group.plan.phases:
                asleep = sum(need.asleep for place, need in enumerate(group.plan.needs) if place not in phase)
                assert sum(map(group.plan.memory, phase)) + asleep <= USABLE * card.memory_bytes
    assert hours == sorted(hours, reverse=True)


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("cards", [4, 5, 7, 8, 12])
def test_models_share_a_card_only_where_that_is_faster(card: Card, cards: int) -> None:
    made = assigned(cards, card, turns=False)
    if all(len(group.models) == 1 for group in made.groups):
        return
    hours = sorted(group.work[place].hours for group in made.groups for place in range(len(group.models)))
    counts = [1] * len(hours)
    for _ in range(cards - len(hours)):  # a card for each model, the others for the heaviest
        counts[max(range(len(hours)), key=lambda one: hours[one] / counts[one])] += 1
    apart = max(one / count for one, count in zip(hours, counts, strict=True))
    assert made.hours < apart


def test_many_generators_are_merged_and_refused_where_those_that_sleep_leave_no_memory() -> None:
    many = replace(PAPER, generators=tuple(replace(PAPER.generators[0], name=f"g{i}", model=f"someone/g{i}-7b")
                                           for i in range(7)))  # fmt: skip
    made = assigned(4, card_of(80 * GIB), profile=many)
    assert sorted(itertools.chain.from_iterable(group.models for group in made.groups)) == list(range(9))
    with pytest.raises(InputError, match="for engines that sleep"):
        assigned(1, card_of(24 * GIB), profile=many)


def test_on_eight_cards_of_80_gib_both_generators_share_one_and_the_solver_has_most() -> None:
    made = assigned(8, card_of(80 * GIB), turns=False)
    names = {tuple(names_of(made, group.models)): len(group.cards) for group in made.groups}
    assert names == {("generator", "generator"): 1, ("judge", "solver"): 4, ("reward",): 3}
    assert [len(group.plan.phases) for group in made.groups] == [1, 1, 1]


def names_of(made: Assignment, places: tuple[int, ...]) -> list[str]:
    return [role.role for place in places for role in made.models[place]]


def test_servers_never_take_turns_and_too_few_cards_are_refused_with_what_is_needed() -> None:
    for cards in (2, 4, 8):
        assert not any(group.takes_turns for group in assigned(cards, card_of(80 * GIB), turns=False).groups)
    with pytest.raises(InputError, match=r"gpus 3 cannot hold the 4 models at once: .* need 4; use 4 GPUs"):
        assigned(3, card_of(24 * GIB), turns=False)
    apart = replace(PAPER, reward=on(PAPER.reward, "cuda:0"))
    with pytest.raises(InputError, match=r"gpus 3 cannot hold the 4 models at once: .* need 4; use 4 GPUs"):
        assigned(3, card_of(24 * GIB), turns=False, profile=apart)


def large(tensor_parallel: int = 1) -> Profile:
    judge, solver = (
        replace(role, model="Qwen/Qwen2-Math-72B-Instruct", tensor_parallel=tensor_parallel)
        for role in (PAPER.judge, PAPER.solver)
    )
    return replace(PAPER, judge=judge, solver=solver)


def test_a_model_that_is_larger_than_a_card_is_spread_over_as_few_as_hold_it() -> None:
    spread = {}
    for gib in (40, 80, 141):
        made = assigned(8, card_of(gib * GIB), profile=large())
        solver = next(group for group in made.groups if 2 in group.models)
        spread[gib] = solver.tensor_parallel
        assert len(solver.cards) % solver.tensor_parallel == 0
        assert solver.first_cards == solver.cards[:: solver.tensor_parallel]
    assert spread == {40: 8, 80: 4, 141: 2} or spread == {40: 4, 80: 2, 141: 2}
    with pytest.raises(InputError, match=r"judge\.model 'Qwen/Qwen2-Math-72B-Instruct' needs"):
        assigned(1, card_of(80 * GIB), profile=large())


def test_the_profile_may_spread_a_model_over_more_cards_which_must_divide_its_heads() -> None:
    made = assigned(8, card_of(80 * GIB), profile=changed(tensor_parallel=2))
    assert {group.tensor_parallel for group in made.groups} == {2}
    with pytest.raises(InputError, match=r"tensor_parallel 8 does not divide the 28 attention heads"):
        assigned(8, card_of(80 * GIB), profile=changed(tensor_parallel=8))
    with pytest.raises(InputError, match=r"tensor_parallel 2 is more than 1 GPU"):
        assigned(1, card_of(80 * GIB), profile=changed(tensor_parallel=2))


def on(role: Role, device: str) -> Role:
    return replace(role, device=device)


def test_a_role_with_a_device_of_its_own_keeps_it_and_is_planned_there() -> None:
    profile = replace(PAPER, reward=on(PAPER.reward, "cuda:1"), generators=tuple(
        on(one, "cuda:1") for one in PAPER.generators))  # fmt: skip
    made = assigned(3, card_of(24 * GIB), profile=profile)
    assert {group.cards: names_of(made, group.models) for group in made.groups} == {
        (1,): ["generator", "generator", "reward"], (0, 2): ["judge", "solver"]
    }  # fmt: skip
    assert next(group for group in made.groups if group.cards == (1,)).takes_turns
    with pytest.raises(InputError, match=r"device 'cuda:1' needs 2 GPUs, and there is 1"):
        assigned(1, card_of(80 * GIB), profile=profile)


def test_a_role_with_two_devices_has_a_copy_on_each_and_those_without_one_go_where_there_is_none_left() -> None:
    both = "cuda:0, cuda:1"
    profile = replace(PAPER, judge=on(PAPER.judge, both), solver=on(PAPER.solver, both))
    made = assigned(2, card_of(80 * GIB), profile=profile)
    assert {group.cards: names_of(made, group.models) for group in made.groups} == {
        (0,): ["judge", "solver", "generator", "generator", "reward"], (1,): ["judge", "solver"]
    }  # fmt: skip
    assert made.copies(2) == 2


def test_devices_that_overlap_are_refused() -> None:
    wide = [replace(role, device="cuda:0", tensor_parallel=2) for role in (PAPER.judge, PAPER.solver)]
    profile = replace(PAPER, judge=wide[0], solver=wide[1], reward=on(PAPER.reward, "cuda:1"))
    with pytest.raises(InputError, match="overlaps with the GPUs of another role"):
        assigned(4, card_of(80 * GIB), profile=profile)


def test_small_models_of_this_process_stay_on_one_card() -> None:
    made = assigned(4, card_of(80 * GIB), profile=load_profile("nano"))
    assert [group.cards for group in made.groups] == [(0,)]


@pytest.mark.parametrize("turns", [True, False])
@pytest.mark.parametrize("gib", [40, 80, 141])
@pytest.mark.parametrize("cards", [4, 8])
def test_the_plan_says_what_is_on_each_card_with_its_slots_and_why(cards: int, gib: int, turns: bool) -> None:
    made = assigned(cards, card_of(gib * GIB), turns)
    told = "\n".join(lines(made))
    assert len(lines(made)) == len(made.groups)
    for group in made.groups:
        for place, need in enumerate(group.plan.needs):
            assert need.name in told
            assert not need.roles[0].writes or f"{group.plan.slots(place):,} slots" in told
        assert not group.takes_turns or "They take turns: " in told
