"""Models that do not fit a GPU together: the plan says so, and they take turns without changing a result."""

from __future__ import annotations

import queue
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engine.config.profiles import load_profile
from engine.config.run_config import load_run_config
from engine.config.sampling import Sampling
from engine.models.base import BATCH, LIVE, Completion, Failure, Request, Scored
from engine.models.load import open_score, open_text
from engine.models.model_cache import open_models
from engine.models.placed_models import Gpus
from engine.models.roofline import card_of
from engine.models.shared_gpu import SharedGpu
from engine.models.time_sharing import TimeSharedScore, TimeSharedText
from tests.engine.models.tiny import WAIT, ask, requests, take
from tests.engine.pipeline.run import run

GIB = 1 << 30
SHORT = Sampling(1.0, max_tokens=8)


def test_a_run_in_phases_gives_what_a_run_with_all_models_at_once_gives(nano: Path) -> None:
    config = load_run_config("nano", questions=30, seed=11)
    together = run(config, open_models(config))
    models = open_models(config, gpus=Gpus(card_of(4 * GIB), ("auto",)))
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


class Held:
    """A ``TextModel`` whose requests end when the test says so; it tells what happens to it."""

    def __init__(self, name: str, events: queue.Queue[str]) -> None:
        self.name, self.window, self.events = name, 8, events
        self.calls: dict[str, Any] = {}
        self._tell("load")

    def submit(self, requests: Sequence[Request], on_done: Any, on_text: Any = None) -> None:
        for request in requests:
            self.calls[request.request_id] = on_done
            self._tell(f"start {request.request_id}")

    def end(self, request_id: str) -> None:
        self.calls.pop(request_id)(Completion(request_id, "", 1, 1, 0.0, "stop"))

    def cancel(self, request_ids: Sequence[str]) -> None: ...

    def sleep(self) -> None:
        assert not self.calls  # vLLM would drop them
        self._tell("sleep")

    def prepare(self) -> None:
        self._tell("prepare")

    def wake(self) -> None:
        self._tell("wake")

    def close(self) -> None:
        self._tell("close")

    def _tell(self, what: str) -> None:
        self.events.put(f"{self.name} {what}")


class Turns:
    """Two models that take turns on a GPU with ``memory`` for weights of 4 and caches of 6 each."""

    def __init__(self, memory: int = 10) -> None:
        self.now = 0.0
        self.events: queue.Queue[str] = queue.Queue()
        self.done: queue.Queue[Any] = queue.Queue()
        self.gpu = SharedGpu(2, memory, lambda: self.now)
        self.held: dict[str, Held] = {}
        self.models = {
            name: TimeSharedText(name, 2, self.gpu, place, partial(self.load, name), window=4, sizes=(4, 10))
            for place, name in enumerate(("a", "b"))
        }

    def load(self, name: str) -> Held:
        self.held[name] = Held(name, self.events)
        self.now += 1.0  # so long does a switch take
        return self.held[name]

    def ask(self, *request_ids: str, priority: int = BATCH) -> None:
        for one in request_ids:
            self.models[one[0]].submit([Request(one, "", SHORT, 1, priority)], self.done.put)

    def happens(self, *events: str) -> None:
        assert [self.events.get(timeout=WAIT) for _ in events] == list(events)

    def end(self, *request_ids: str) -> None:
        for one in request_ids:
            self.held[one[0]].end(one)

    def close(self) -> None:
        for model in self.models.values():
            model.close()


def test_a_phase_that_is_never_idle_keeps_the_gpu_until_switching_is_a_small_part_of_the_time() -> None:
    turns = Turns()
    turns.ask("a0", "a1")
    turns.happens("a load", "a start a0", "a start a1")
    turns.ask("b0", "b1")  # half of what may wait: the watermark
    turns.end("a0")
    turns.ask("a2")
    turns.happens("a start a2")  # the switch took a second, and so the phase lasts twenty
    turns.now += 21.0
    turns.end("a1")
    turns.ask("a3")
    turns.end("a2")
    turns.happens("a sleep", "b load", "b start b0", "b start b1")
    turns.now += 21.0
    turns.end("b0", "b1")
    turns.happens("b sleep", "a wake", "a start a3")
    turns.close()
    assert turns.gpu.history == [0, 1, 0]


def test_nothing_starts_in_a_phase_that_yields_and_weights_of_the_next_come_before_it_has_ended() -> None:
    turns = Turns(memory=14)
    turns.ask("b0")
    turns.happens("b load", "b start b0")
    turns.end("b0")
    turns.ask("a0", "a1")
    turns.happens("b sleep", "a load", "a start a0", "a start a1")
    turns.ask("b1", priority=LIVE)  # from now on the phase yields
    turns.happens("b prepare")  # its weights of 4 fit besides the 10 that the other takes
    turns.ask("a2")
    turns.end("a0", "a1")
    turns.happens("a sleep", "b wake", "b start b1")
    turns.end("b1")
    turns.happens("b sleep", "a wake", "a start a2")
    turns.close()


def test_the_next_phase_waits_for_the_memory_where_its_weights_do_not_fit_besides() -> None:
    turns = Turns(memory=13)
    turns.ask("b0")
    turns.happens("b load", "b start b0")
    turns.end("b0")
    turns.ask("a0")
    turns.happens("b sleep", "a load", "a start a0")
    turns.ask("b1", priority=LIVE)
    turns.ask("a1")
    turns.end("a0")
    turns.happens("a sleep", "b wake", "b start b1")
    turns.close()


def test_a_phase_all_of_whose_work_was_cancelled_while_it_came_lets_the_other_return() -> None:
    turns = Turns(memory=14)
    turns.ask("b0")
    turns.happens("b load", "b start b0")
    turns.end("b0")
    turns.ask("a0")
    turns.happens("b sleep", "a load", "a start a0")
    turns.ask("b1", priority=LIVE)
    turns.happens("b prepare")
    turns.models["b"].cancel(["b1"])
    turns.ask("a1")
    turns.end("a0")
    turns.happens("a sleep", "b wake", "b sleep", "a wake", "a start a1")
    turns.close()


def test_a_model_that_fails_to_come_back_fails_its_own_work_alone() -> None:
    turns = Turns()
    turns.ask("b0")
    turns.happens("b load", "b start b0")
    turns.end("b0")
    turns.ask("a0")
    turns.happens("b sleep", "a load", "a start a0")
    turns.held["b"].wake = broken  # type: ignore[method-assign]
    turns.end("a0")
    turns.ask("b1")
    results = {result.request_id: result for result in take(turns.done, 3)}
    assert isinstance(results["b1"], Failure)
    assert "out of memory" in str(results["b1"].error)
    turns.ask("a1")
    turns.happens("a sleep", "a wake", "a start a1")
    turns.close()


def broken() -> None:
    raise RuntimeError("CUDA out of memory")


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
