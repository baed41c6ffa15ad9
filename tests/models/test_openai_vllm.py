"""Real vLLM servers on loopback: the same texts and raw scores as the models in this process give."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.config import Role
from engine.models.base import BATCH, LIVE, Completion, Failure, Request, Sampling
from engine.models.load import open_score, open_text
from engine.prompts import template
from store.errors import ItemError
from tests.models import tiny
from tests.models.tiny import ask, requests, take, texts
from tests.models.vllm_server import VllmServer, needs_vllm, shared

pytestmark = needs_vllm
STOP = ("<|im_end|>",)
GREEDY, FREE = Sampling(0.0, max_tokens=64, stop=STOP), Sampling(1.0, max_tokens=64, stop=STOP)
PREFIX = template("nano-generate").text


@pytest.fixture(scope="module")
def server(nano: Path) -> VllmServer:
    return shared(nano / "qgen-a", "--scheduling-policy", "priority")


def role(server: VllmServer, **changes: Any) -> Role:
    prompt = template("nano-generate")
    return replace(Role("generator", "far", "openai", server.model, prompt, urls=(server.url,), slots=32), **changes)


@pytest.fixture
def far(server: VllmServer) -> Iterator[Any]:
    model = open_text(role(server))
    yield model
    model.close()


@pytest.fixture(scope="module")
def near(nano: Path) -> Iterator[Any]:
    model = open_text(Role("generator", "near", "transformers", str(nano / "qgen-a"), template("nano-generate")))
    yield model
    model.close()


def test_greedy_texts_are_those_of_the_model_in_process(far: Any, near: Any) -> None:
    starts = ["", "Tom has 3", "A train", "What is", "In a box there are", "Eva buys"]
    for sampling in (GREEDY, replace(GREEDY, max_tokens=5), replace(GREEDY, stop=(*STOP, " is", "."))):
        asked = requests([PREFIX + start for start in starts], sampling)
        here, there = ask(near, asked), ask(far, asked)
        assert texts(there) == texts(here)
        assert [r.prompt_tokens for r in there] == [r.prompt_tokens for r in here]  # type: ignore[union-attr]


def test_the_seed_decides_the_text_streamed_or_not(far: Any) -> None:
    asked = requests([PREFIX] * 40, FREE)
    first = ask(far, asked)
    done: queue.Queue[Any] = queue.Queue()
    told: dict[str, str] = {}
    far.submit(asked, done.put, lambda i, new: told.update({i: told.get(i, "") + new}))
    again = {result.request_id: result for result in take(done, 40)}
    assert texts(first) == texts(again[r.request_id] for r in asked)
    assert told == {i: result.text for i, result in again.items() if result.text}
    assert len({r.text for r in first if isinstance(r, Completion)}) > 30


def test_special_tokens_end_texts_and_never_show(far: Any) -> None:
    start = Request("r", PREFIX, replace(GREEDY, max_tokens=300, stop=("<|im_start|>",)), 1)
    (result,) = ask(far, [start])
    assert isinstance(result, Completion)
    assert result.finish_reason == "stop"
    assert "<|" not in result.text


def test_a_text_is_as_long_as_the_model_has_room_for(far: Any) -> None:
    endless = Sampling(2.0, max_tokens=100_000)
    (result,) = ask(far, [Request("r", PREFIX + "Tom has 3 apples. " * 40, endless, 8)])
    assert isinstance(result, Completion)
    assert result.prompt_tokens + result.tokens <= 512


def test_a_prompt_that_is_too_long_fails_alone(far: Any) -> None:
    long, fine = ask(far, requests(["Tom has 3 apples. " * 500, PREFIX], FREE))
    assert isinstance(long, Failure)
    assert not long.fatal
    assert isinstance(long.error, ItemError)
    assert "\n" not in str(long.error)
    assert isinstance(fine, Completion)


def test_a_cancel_frees_the_server(far: Any, server: VllmServer) -> None:
    endless = Sampling(2.0, max_tokens=500)
    done: queue.Queue[Any] = queue.Queue()
    told: list[str] = []
    asked = requests([PREFIX] * 20, endless)
    far.submit(asked, done.put, lambda i, _: told.append(i))
    deadline = time.monotonic() + 60
    while not told and time.monotonic() < deadline:
        time.sleep(0.01)
    far.cancel([r.request_id for r in asked])
    results = take(done, 20)
    assert sum(r.finish_reason == "cancelled" for r in results) > 10
    deadline = time.monotonic() + 30
    while server.running() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert server.running() == 0


def test_a_live_request_overtakes_a_full_batch(far: Any) -> None:
    done: queue.Queue[Any] = queue.Queue()
    far.submit(requests([PREFIX] * 200, Sampling(2.0, max_tokens=200), "batch", BATCH), done.put)
    far.submit(requests([PREFIX], FREE, "live", LIVE), done.put)
    order = [result.request_id for result in take(done, 201)]
    assert order.index("live0") < 100


@pytest.fixture(scope="module")
def scorers(tmp_path_factory: pytest.TempPathFactory, tokenizer: Any) -> Path:
    """A random classifier with one label, as a folder."""
    folder = tmp_path_factory.mktemp("scorer")
    tiny.classifier(len(tokenizer)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_raw_scores_are_those_of_the_model_in_process(scorers: Path) -> None:
    server = shared(scorers, "--runner", "pooling")
    prompt = template("nano-score")
    near = open_score(Role("reward", "near", "classifier", str(scorers), prompt, device="cpu"))
    far = open_score(Role("reward", "far", "openai-pooling", server.model, prompt, urls=(server.url,)))
    rows = [
        (
            f"<|im_start|>user\nTom has {i} apples.<|im_end|>\n<|im_start|>assistant\n",
            f"So {i}.<|im_end|>" if i % 2 else None,
        )
        for i in range(60)
    ]
    done: queue.Queue[Any] = queue.Queue()
    for model in (near, far):
        for i in range(0, 60, 5):
            model.submit(f"{model.name}{i}", rows[i : i + 5], done.put)
    results = {result.request_id: result for result in take(done, 24)}
    far.submit("long", [rows[0], ("Tom has 3 apples. " * 200, None)], done.put)
    far.submit("empty", [("", None)], done.put)
    far.submit("none", [], done.put)
    odd = {result.request_id: result for result in take(done, 3)}
    near.close()
    far.close()
    for i in range(0, 60, 5):
        assert results[f"far{i}"].scores == pytest.approx(results[f"near{i}"].scores, abs=1e-3)
        assert results[f"far{i}"].tokens == results[f"near{i}"].tokens
    assert max(abs(s) for s in results["near0"].scores) > 1  # no sigmoid
    for name in ("long", "empty"):
        assert isinstance(odd[name].error, ItemError)
        assert not odd[name].fatal
    assert odd["none"].scores == ()


def test_a_generator_is_no_scorer(server: VllmServer) -> None:
    far = open_score(Role("reward", "far", "openai-pooling", server.model, template("plain"), urls=(server.url,)))
    done: queue.Queue[Any] = queue.Queue()
    far.submit("s", [("Tom", None)], done.put)
    (result,) = take(done, 1)
    far.close()
    assert result.fatal
    assert f"does not serve the model '{server.model}' in the way asked for (404)" in str(result.error)
