"""What models need of a card, which are on it together, and how many sequences they serve."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.config.profiles import Profile, Role, load_profile
from engine.models.needs import USABLE, Need, need
from engine.models.placement import Plan, plan
from store.errors import InputError

GIB = 1 << 30
CARDS = (24, 40, 48, 80, 96, 141)


def models(profile: Profile) -> list[list[Role]]:
    return [[profile.generators[0]], [profile.generators[1]], [profile.judge, profile.solver], [profile.reward]]


def planned(gpu_gib: int, **changes: int) -> Plan:
    needs = [need([replace(role, **changes) for role in roles], gpu_gib * GIB)
             for roles in models(load_profile("paper"))]  # fmt: skip
    return plan(needs, gpu_gib * GIB)


@pytest.mark.parametrize(("gpu_gib", "phases"), [(141, 1), (80, 2), (40, 4), (24, 4)])
def test_the_plan_of_the_paper_profile_follows_the_memory_of_the_card(gpu_gib: int, phases: int) -> None:
    assert len(planned(gpu_gib).phases) == phases


@pytest.mark.parametrize("slots", [0, 64, 256])
@pytest.mark.parametrize("gpu_gib", CARDS)
def test_no_phase_is_over_the_memory_with_what_the_sleeping_engines_keep(gpu_gib: int, slots: int) -> None:
    made = planned(gpu_gib, slots=slots)
    assert sorted(place for phase in made.phases for place in phase) == list(range(len(made.needs)))
    for phase in made.phases:
        asleep = sum(one.asleep for place, one in enumerate(made.needs) if place not in phase)
        assert sum(map(made.memory, phase)) + asleep <= USABLE * gpu_gib * GIB
        if len(phase) > 1:  # together only where each keeps enough cache to be fast
            assert all(made.kv_bytes[place] >= made.needs[place].cache(alone=False) for place in phase)


def test_without_slots_in_the_profile_a_card_serves_as_many_as_its_memory_holds() -> None:
    solver = load_profile("paper").solver
    by_card = {gib: planned_alone(solver, gib) for gib in CARDS}
    assert list(by_card.values()) == sorted(by_card.values())
    assert 768 <= by_card[80] <= 1024
    assert by_card[24] >= 64
    assert planned_alone(replace(solver, slots=100), 24) == 100  # the profile's own number stays


def planned_alone(role: Role, gpu_gib: int) -> int:
    return plan([need([role], gpu_gib * GIB)], gpu_gib * GIB).slots(0)


def test_an_engine_takes_more_for_longer_steps_and_for_more_logits() -> None:
    solver = replace(load_profile("paper").solver, slots=256)
    small, large = need([solver], 24 * GIB), need([solver], 141 * GIB)
    assert (small.step_tokens, large.step_tokens) == (2_048, 16_384)
    # 16,384 tokens of 128 kB and 256 x 152k logits besides context and graphs: 3.5 to 4.5 GiB
    assert 3.5 * GIB < large.overhead < 4.5 * GIB
    assert large.overhead - small.overhead == 14_336 * 2 * (2 * 3_584 + 3 * 18_944)
    more = need([replace(solver, slots=512)], 141 * GIB)
    assert more.overhead - large.overhead == 256 * 152_064 * 12
    assert need([replace(solver, slots=4_096)], 24 * GIB).step_tokens == 4_096  # vLLM asks for one token a slot


def test_a_scorer_has_the_rows_of_one_step_in_its_cache_whatever_its_slots() -> None:
    reward = load_profile("paper").reward
    few, many = need([reward], 80 * GIB), need([replace(reward, slots=4_096)], 80 * GIB)
    assert few.kv_bytes == many.kv_bytes < 3 * GIB
    assert few.step_tokens >= reward.context


def test_a_model_that_is_larger_than_the_card_is_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"generator\.model 'dyyyyyyyy/ScaleQuest-Qwen2-Math-7B-QGen' needs 1"):
        planned(12)


def test_a_model_gets_the_cache_of_its_whole_context_without_which_vllm_does_not_start() -> None:
    solver = replace(load_profile("paper").solver, slots=4, context=32_768)
    wanted = need([solver], 80 * GIB)
    assert plan([wanted], 80 * GIB).kv_bytes[0] >= wanted.context_bytes > 2 * wanted.kv_bytes
    with pytest.raises(InputError, match="lower its context"):
        plan([need([replace(solver, context=1_000_000)], 40 * GIB)], 40 * GIB)


def test_a_model_over_several_cards_divides_weights_and_cache_but_not_what_each_engine_takes() -> None:
    solver = replace(load_profile("paper").solver, slots=64)
    one, two, eight = (need([solver], 80 * GIB, wide) for wide in (1, 2, 8))
    assert two.weight_bytes == one.weight_bytes // 2
    assert two.sequence_bytes == one.sequence_bytes // 2
    assert two.overhead == one.overhead
    assert eight.sequence_bytes == one.sequence_bytes // 4  # there are four heads of keys and values to divide


def test_space_is_kept_for_the_weights_of_the_next_phase_where_full_batches_leave_it() -> None:
    def one(weights: int, cache: int) -> Need:
        role = replace(load_profile("paper").solver, slots=64)
        return Need((role,), weights * GIB, cache * GIB // 64, 64, cache * GIB, 0, GIB, GIB // 2, 2_048)

    def spare(made: Plan, place: int) -> float:
        return (USABLE * 100 * GIB - made.memory(place) - GIB // 2) / GIB

    kept = plan([one(40, 15), one(30, 60)], 100 * GIB)
    assert len(kept.phases) == 2
    assert spare(kept, 0) >= 30  # the first's full batch leaves space for the second's weights
    assert kept.kv_bytes[0] >= kept.needs[0].kv_bytes
    assert spare(kept, 1) < 1  # the second's does not for the first's
