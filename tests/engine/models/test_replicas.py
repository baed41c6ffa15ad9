"""Several backends as one: the work is shared by load, and when one is gone the others finish it, each text once."""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from engine.config.sampling import Sampling
from engine.models import replicas as pools
from engine.models.base import Completion, Failure, Request, Scored
from engine.models.local.transformers_lm import TransformersLM
from engine.models.local.transformers_score import SequenceScore, TransformersScore
from engine.models.replicas import Pool, ScorePool
from store.errors import BackendError, ItemError
from tests.engine.models import tiny
from tests.engine.models.tiny import ask, requests, take, texts

FREE = Sampling(1.0, max_tokens=24)
PROMPTS = ["Tom has", "How many", "Größe: 5 €, 東京", "The answer is"] * 10


class Breakable:
    """A real model whose forward pass fails from its n-th step on, while ``broken``."""

    def __init__(self, tokenizer: Any, after: int = 5) -> None:
        self.model = tiny.causal("qwen2", len(tokenizer))
        self.steps, self.after, self.broken = 0, after, True
        self.model.lm_head.register_forward_pre_hook(self._step)

    def _step(self, module: Any, inputs: Any) -> None:
        self.steps += 1
        if self.broken and self.steps > self.after:
            raise RuntimeError("the card fell off the bus")


@pytest.fixture
def breakable(tokenizer: Any) -> Breakable:
    return Breakable(tokenizer)


@pytest.fixture
def expected(tokenizer: Any) -> Iterator[TransformersLM]:
    model = TransformersLM("alone", tiny.causal("qwen2", len(tokenizer)), tokenizer, slots=8)
    yield model
    model.close()


def sound(tokenizer: Any, slots: int = 8) -> TransformersLM:
    return TransformersLM("sound", tiny.causal("qwen2", len(tokenizer)), tokenizer, slots)


def test_work_is_shared_by_load_and_the_texts_are_those_of_one(tokenizer: Any, expected: TransformersLM) -> None:
    replicas = [sound(tokenizer), sound(tokenizer, slots=4)]
    pool = Pool(replicas)
    counts = Counter[int]()
    for number, replica in enumerate(replicas):
        submit = replica.submit

        def count(batch: Any, *rest: Any, number: int = number, submit: Any = submit) -> None:
            counts[number] += len(batch)
            submit(batch, *rest)

        replica.submit = count  # type: ignore[method-assign]
    asked = requests(PROMPTS, FREE)
    assert texts(ask(pool, asked)) == texts(ask(expected, asked))
    assert pool.window == sum(replica.window for replica in replicas)
    assert counts[0] > counts[1] > 0  # by load over window
    pool.close()


def test_the_work_of_a_replica_that_is_gone_moves_to_the_others(
    breakable: Breakable, tokenizer: Any, expected: TransformersLM, caplog: pytest.LogCaptureFixture
) -> None:
    pool = Pool([TransformersLM("frail", breakable.model, tokenizer, slots=8), sound(tokenizer)])
    done: queue.Queue[Any] = queue.Queue()
    told: dict[str, str] = {}
    asked = requests(PROMPTS, FREE)
    pool.submit(asked, done.put, lambda i, new: told.update({i: told.get(i, "") + new}))
    results = {result.request_id: result for result in take(done, len(asked))}
    assert breakable.steps > breakable.after
    assert done.empty()
    assert texts(results[r.request_id] for r in asked) == texts(ask(expected, asked))
    assert {i: told.get(i, "") for i in results} == {i: result.text for i, result in results.items()}
    assert "The model 'frail' failed: the card fell off the bus." in caplog.text
    assert "1 of 2 backends of 'frail' are left." in caplog.text
    assert texts(ask(pool, asked)) == texts(ask(expected, asked))  # and what is asked later goes to those left
    pool.close()


def test_only_when_all_are_gone_is_it_fatal_and_each_is_named(breakable: Breakable, tokenizer: Any) -> None:
    other = Breakable(tokenizer, after=8)
    pool = Pool([TransformersLM("a", breakable.model, tokenizer, 8), TransformersLM("b", other.model, tokenizer, 8)])
    for _ in range(2):
        results = ask(pool, requests(PROMPTS, FREE))
        for result in results:
            assert isinstance(result, Failure)
            assert result.fatal
            assert isinstance(result.error, BackendError)
            assert str(result.error) == (
                "All 2 backends of 'a' are gone: The model 'a' failed: the card fell off the bus; "
                "The model 'b' failed: the card fell off the bus."
            )
    pool.close()


def test_an_items_own_failure_moves_nowhere(tokenizer: Any) -> None:
    pool = Pool([sound(tokenizer), sound(tokenizer)])
    long, fine = ask(pool, requests(["Tom has " * 400, "Tom has"], FREE))
    assert isinstance(long, Failure)
    assert not long.fatal
    assert isinstance(long.error, ItemError)
    assert isinstance(fine, Completion)
    pool.close()


def test_cancel_finds_a_request_wherever_it_is(breakable: Breakable, tokenizer: Any) -> None:
    pool = Pool([TransformersLM("frail", breakable.model, tokenizer, 8), sound(tokenizer)])
    done: queue.Queue[Any] = queue.Queue()
    asked = requests(PROMPTS, Sampling(1.0, max_tokens=200))
    cancelling = threading.Event()

    def cancel() -> None:
        while not cancelling.is_set():
            pool.cancel([r.request_id for r in asked[::2]])
            time.sleep(0.001)

    pool.submit(asked, done.put)
    thread = threading.Thread(target=cancel)
    thread.start()
    results = {result.request_id: result for result in take(done, len(asked))}
    cancelling.set()
    thread.join()
    assert len(results) == len(asked)
    assert all(isinstance(result, Completion) for result in results.values())
    assert sum(results[r.request_id].finish_reason == "cancelled" for r in asked[::2]) > len(asked) // 4
    assert all(results[r.request_id].finish_reason != "cancelled" for r in asked[1::2])
    pool.close()


def test_close_ends_what_is_in_flight_as_cancelled(tokenizer: Any) -> None:
    pool = Pool([sound(tokenizer), sound(tokenizer)])
    done: queue.Queue[Any] = queue.Queue()
    pool.submit(requests(PROMPTS, Sampling(1.0, max_tokens=200)), done.put)
    pool.close()
    results = take(done, len(PROMPTS))
    assert {r.finish_reason for r in results} >= {"cancelled"}
    assert all(isinstance(r, Completion) for r in results)


def test_a_replica_that_is_back_is_used_again(
    tokenizer: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A replica that fails and comes back, as a server does that was started again."""
    monkeypatch.setattr(pools, "RETRY_SECONDS", 0.05)

    class Away:
        name, window, here = "away", 8, False

        def submit(self, asked: Any, on_done: Any, on_text: Any = None) -> None:
            for request in asked:
                self.asked = request.request_id
                gone = Failure(request.request_id, BackendError("It is away."), fatal=True)
                on_done(Completion(request.request_id, "back", 1, 1, 0.1, "stop") if self.here else gone)

        def cancel(self, request_ids: Any) -> None: ...

        def close(self) -> None: ...

    away = Away()
    pool = Pool([away, sound(tokenizer)])
    assert all(isinstance(r, Completion) for r in ask(pool, requests(PROMPTS, FREE)))
    assert "It is away. 1 of 2 backends of 'away' are left." in caplog.text
    away.here = True
    time.sleep(0.1)
    ask(pool, requests(["Tom"], FREE))
    assert "Backend 1 of 'away' works again." in caplog.text
    results = ask(pool, requests(PROMPTS, FREE))
    assert sum(isinstance(r, Completion) and r.text == "back" for r in results) >= 1
    pool.close()


def test_scores_move_to_the_others_too(tokenizer: Any) -> None:
    def scorer(name: str) -> TransformersScore:
        return TransformersScore(name, SequenceScore(tiny.classifier(len(tokenizer))), tokenizer)

    frail = tiny.classifier(len(tokenizer))
    steps: list[int] = []

    def fail(module: Any, inputs: Any) -> None:
        steps.append(1)
        if len(steps) > 2:
            raise RuntimeError("the card fell off the bus")

    frail.score.register_forward_pre_hook(fail)
    rows = [[(f"Tom has {i} apples" + " and pears" * (i % 5), None)] * (1 + i % 3) for i in range(40)]
    pool, alone = ScorePool([TransformersScore("frail", SequenceScore(frail), tokenizer), scorer("b")]), scorer("alone")
    found: dict[str, list[Scored]] = {}
    for name, model in (("pool", pool), ("alone", alone)):
        done: queue.Queue[Any] = queue.Queue()
        for i, asked in enumerate(rows):
            model.submit(f"s{i}", asked, done.put)
        results = {result.request_id: result for result in take(done, len(rows))}
        found[name] = [results[f"s{i}"] for i in range(len(rows))]
        model.close()
    assert len(steps) > 2
    for shared, single in zip(found["pool"], found["alone"], strict=True):
        assert shared.scores == pytest.approx(single.scores, abs=1e-4)


def test_ids_and_seeds_stay_what_they_were(tokenizer: Any) -> None:
    seen: list[Request] = []

    class Gone:
        name, window = "gone", 64

        def submit(self, asked: Any, on_done: Any, on_text: Any = None) -> None:
            for request in asked:
                seen.append(request)
                on_done(Failure(request.request_id, BackendError("Gone."), fatal=True))

        def cancel(self, request_ids: Any) -> None: ...

        def close(self) -> None: ...

    pool = Pool([Gone(), Gone(), Gone()])
    asked = requests(["p"] * 4, FREE, seed=7)
    assert all(isinstance(r, Failure) and r.fatal for r in ask(pool, asked))
    assert Counter(seen) == dict.fromkeys(asked, 3)
