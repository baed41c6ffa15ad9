"""Models that do not fit a GPU together: the plan says so, and they take turns without changing a result."""

from __future__ import annotations

import queue
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.config.profiles import load_profile
from engine.config.run_config import load_run_config
from engine.config.sampling import Sampling
from engine.models import placement
from engine.models.base import BATCH, LIVE, Completion, Failure, Request, Scored
from engine.models.load import open_score, open_text
from engine.models.model_cache import open_models, placement_of
from engine.models.time_sharing import FILL, SharedGpu, TimeSharedScore, TimeSharedText
from store.errors import InputError
from tests.engine.models.tiny import WAIT, ask, requests, take
from tests.engine.pipeline.run import run

GIB = 1 << 30
SHORT = Sampling(1.0, max_tokens=8)


@pytest.mark.parametrize(("gpu_gib", "phases"), [(141, 1), (80, 2), (40, 4), (24, 4)])
def test_the_plan_of_the_paper_profile_follows_the_memory_of_the_gpu(gpu_gib: int, phases: int) -> None:
    plan = placement_of(load_profile("paper"), gpu_gib * GIB)
    assert len(plan.phases) == phases
    assert ("fit together" if phases == 1 else f"take turns in {phases} phases") in plan.sentence
    assert sorted(place for phase in plan.phases for place in phase) == list(range(len(plan.needs)))
    for phase in plan.phases:
        needs = [plan.needs[place] for place in phase]
        used = sum(need.weight_bytes + need.overhead for need in needs) + sum(plan.kv_bytes[place] for place in phase)
        assert used <= placement.USABLE * gpu_gib * GIB
        if len(phase) > 1:  # together only where each keeps enough cache to be fast
            assert all(2 * plan.kv_bytes[place] >= plan.needs[place].kv_bytes for place in phase)


def test_a_model_that_is_larger_than_the_gpu_is_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"generator\.model 'dyyyyyyyy/ScaleQuest-Qwen2-Math-7B-QGen' needs 18.6"):
        placement_of(load_profile("paper"), 12 * GIB)


def test_a_model_gets_the_cache_of_its_whole_context_without_which_vllm_does_not_start() -> None:
    profile = load_profile("paper")
    solver = replace(profile.solver, slots=4, context=32_768)
    need = placement.need([solver])
    plan = placement.plan([need], 80 * GIB)
    assert plan.kv_bytes[0] >= need.context_bytes > 2 * need.kv_bytes
    with pytest.raises(InputError, match="lower its context"):
        placement.plan([placement.need([replace(solver, context=1_000_000)])], 40 * GIB)


def test_servers_and_linear_scorers_need_no_gpu() -> None:
    profile = load_profile("openai")
    plan = placement_of(profile, 12 * GIB)
    assert [need.roles[0].role for need in plan.needs] == [
        role.role for role in (profile.reward,) if role.backend not in ("openai-pooling",)
    ]


def test_a_run_in_phases_gives_what_a_run_with_all_models_at_once_gives(nano: Path) -> None:
    config = load_run_config("nano", questions=30, seed=11)
    together = run(config, open_models(config))
    models = open_models(config, gpu_bytes=4 * GIB)
    in_turns = run(config, models)
    assert in_turns.outcome.status == "done"
    for ours, theirs in zip(flat(in_turns.content), flat(together.content), strict=True):
        # a score depends on its batch-mates below the fourth place
        assert ours == (pytest.approx(theirs, abs=1e-4) if isinstance(theirs, float) else theirs)
    first: Any = models.generators[0]
    assert set(first.gpu.history) == {0, 1, 2}


def flat(content: Any) -> list[Any]:
    """All values of a run, in order of their keys."""
    if isinstance(content, dict):
        return [leaf for key in sorted(content, key=str) for leaf in (key, *flat(content[key]))]
    return [leaf for part in content for leaf in flat(part)] if isinstance(content, tuple) else [content]


def opener(name: str, opened: list[str]) -> Callable[[], Any]:
    profile = load_profile("nano")

    def make() -> Any:
        opened.append(name)
        return open_score(profile.difficulty) if name == "score" else open_text(replace(profile.solver, name=name))

    return make


def test_a_phase_becomes_resident_when_it_has_work_and_not_before(nano: Path) -> None:
    opened: list[str] = []
    gpu = SharedGpu(2)
    one = TimeSharedText("one", 4, gpu, 0, opener("one", opened))
    other = TimeSharedScore("score", 4, gpu, 1, opener("score", opened))
    assert opened == []
    assert all(isinstance(result, Completion) for result in ask(one, requests(["<|im_start|>user\n"] * 3, SHORT)))
    assert opened == ["one"]
    done: queue.Queue[Any] = queue.Queue()
    other.submit("s", [("What is 2 plus 3?", None)], done.put)
    assert isinstance(take(done, 1)[0], Scored)
    assert opened == ["one", "score"]
    assert gpu.history == [0, 1]
    one.close()
    other.close()


def test_a_live_user_is_not_kept_waiting_by_a_batch_of_another_phase(nano: Path) -> None:
    opened: list[str] = []
    gpu = SharedGpu(2)
    one, other = (TimeSharedText(name, 8, gpu, i, opener(name, opened)) for i, name in enumerate(("one", "two")))
    done: queue.Queue[Completion | Failure] = queue.Queue()
    for wave in range(20):  # as the pipeline does: more work as long as there is room
        one.submit(requests(["<|im_start|>user\n"] * 8, SHORT, f"batch{wave}-", BATCH), done.put)
    other.submit([Request("live", "<|im_start|>user\n", SHORT, 1, LIVE)], done.put)
    for wave in range(20):
        one.submit(requests(["<|im_start|>user\n"] * 8, SHORT, f"later{wave}-", BATCH), done.put)
    order = [result.request_id for result in (done.get(timeout=WAIT) for _ in range(321))]
    assert order.index("live") < 300
    assert len(set(order)) == 321
    one.close()
    other.close()


def test_a_queue_past_the_watermark_takes_the_gpu_from_a_phase_that_is_never_idle(nano: Path) -> None:
    opened: list[str] = []
    gpu = SharedGpu(2)
    one, other = (TimeSharedText(name, 2, gpu, i, opener(name, opened)) for i, name in enumerate(("one", "two")))
    done: queue.Queue[Completion | Failure] = queue.Queue()
    finished: list[str] = []

    def again(result: Completion | Failure) -> None:
        finished.append(result.request_id)
        if len(finished) < 200:  # one's queue never runs dry
            one.submit(requests(["<|im_start|>user\n"], SHORT, f"more{len(finished)}-"), again)
        done.put(result)

    one.submit(requests(["<|im_start|>user\n"] * 4, SHORT, "first"), again)
    other.submit(requests(["<|im_start|>user\n"] * 2 * FILL, SHORT, "other"), done.put)
    order = [result.request_id for result in (done.get(timeout=WAIT) for _ in range(200 + 2 * FILL))]
    assert max(i for i, name in enumerate(order) if name.startswith("other")) < 180
    one.close()
    other.close()


def test_a_model_that_cannot_be_opened_fails_its_own_work_in_one_sentence(nano: Path) -> None:
    profile = load_profile("nano")
    gpu = SharedGpu(2)
    bad = TimeSharedText("bad", 4, gpu, 0, lambda: open_text(replace(profile.solver, model="/nowhere")))
    good = TimeSharedText("good", 4, gpu, 1, lambda: open_text(profile.solver))
    failed = ask(bad, requests(["x"], SHORT))[0]
    assert isinstance(failed, Failure)
    assert failed.fatal
    assert "is not a model folder" in str(failed.error)
    assert isinstance(ask(good, requests(["<|im_start|>user\n"], SHORT))[0], Completion)
    bad.close()
    good.close()


def test_what_waits_for_a_phase_can_be_cancelled_and_ends_with_the_model(nano: Path) -> None:
    opened: list[str] = []
    gpu = SharedGpu(2)
    one, other = (TimeSharedText(name, 4, gpu, i, opener(name, opened)) for i, name in enumerate(("one", "two")))
    done: queue.Queue[Completion | Failure] = queue.Queue()
    one.submit(requests(["<|im_start|>user\n"] * 40, Sampling(1.0, max_tokens=200), "long"), done.put)
    other.submit(requests(["<|im_start|>user\n"] * 4, SHORT, "short"), done.put)
    other.cancel(["short0", "short1"])
    first = [done.get(timeout=WAIT) for _ in range(2)]
    assert {result.request_id for result in first} >= {"short0"}
    other.close()
    one.close()
    rest = [done.get(timeout=WAIT) for _ in range(42)]
    names = [result.request_id for result in [*first, *rest]]
    assert len(set(names)) == 44
    ended = ask(other, requests(["x"], SHORT, "late"))[0]
    assert isinstance(ended, Completion)
    assert ended.finish_reason == "cancelled"
