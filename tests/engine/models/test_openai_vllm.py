"""Real vLLM servers on loopback: the same texts and raw scores as the models in this process give."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.config.profiles import Role
from engine.config.prompts import Template, template
from engine.config.sampling import Sampling
from engine.models.base import BATCH, LIVE, Completion, Failure, Request
from engine.models.load import open_score, open_text
from engine.models.tokenizers import write_for_vllm
from store.errors import ItemError
from tests.engine.models import families, saved
from tests.engine.models.tiny import ask, requests, take, texts
from tests.engine.models.vllm import needs_vllm
from tests.engine.models.vllm_server import VllmServer, serving, shared

pytestmark = needs_vllm
STOP = ("<|im_end|>",)
GREEDY, FREE = Sampling(0.0, max_tokens=64, stop=STOP), Sampling(1.0, max_tokens=64, stop=STOP)
PREFIX = template("nano-generate").text


@pytest.fixture(scope="module")
def server(nano: Path) -> VllmServer:
    return shared(nano / "qgen-a", "--scheduling-policy", "priority")


def role(server: VllmServer, **changes: Any) -> Role:
    prompt = template("nano-generate")
    return replace(
        Role("generator", "far", "openai", server.model, prompt, urls=(server.url,), slots=32, reproducible=True),
        **changes,
    )


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


@pytest.mark.parametrize(
    ("made", "read_at"),
    [(saved.classifier, None), (saved.qwen2_reward, None), (saved.internlm2_reward, families.REWARD_TOKEN_ID)],
)
def test_raw_scores_are_those_of_the_model_in_process(made: Any, read_at: int | None, tmp_path: Path) -> None:
    """A classifier gives a number for a text, a reward model one for each token: the last, or that of its own token."""
    folder, expected = made(tmp_path / "model")
    rows = [(f"<|im_start|>user\nTom has {i} apples.<|im_end|>\n<|im_start|>", f"So {i}.") for i in range(60)]
    rows[::3] = [(text + "<|im_end|>", None) for text, _ in rows[::3]]
    done: queue.Queue[Any] = queue.Queue()
    options = ["--runner", "pooling", "--trust-remote-code"]
    if read_at is None:  # else vLLM would split texts as Qwen2's own tokenizer does
        write_for_vllm(str(folder), None, tmp_path / "tokenizer")
        options += ["--tokenizer", str(tmp_path / "tokenizer")]
    with serving(folder, *options) as (server,):
        asked = Role("reward", "far", "openai-pooling", server.model, template("nano-score"), urls=(server.url,))
        far = open_score(replace(asked, reward_token_id=read_at))
        for i in range(0, 60, 5):
            far.submit(f"s{i}", rows[i : i + 5], done.put)
        far.submit("long", [rows[0], ("Tom has 3 apples. " * 200, None)], done.put)
        far.submit("empty", [("", None)], done.put)
        far.submit("none", [], done.put)
        results = {result.request_id: result for result in take(done, 15)}
        far.close()
        far.submit("late", rows[:1], done.put)
    scores = [score for i in range(0, 60, 5) for score in results[f"s{i}"].scores]
    assert scores == pytest.approx([expected(text + (more or "")) for text, more in rows], abs=1e-3)
    assert min(scores) < 0  # no sigmoid
    assert all(results[f"s{i}"].tokens > 50 for i in range(0, 60, 5))
    assert results["long"].scores == (pytest.approx(scores[0], abs=1e-3), None)
    assert isinstance(results["empty"].error, ItemError)
    assert not results["empty"].fatal
    assert results["none"].scores == ()
    assert take(done, 1)[0].fatal


def test_a_token_that_a_server_does_not_know_or_that_the_template_spells_is_one_sentence(tmp_path: Path) -> None:
    """InternLM2's own token as text is several other tokens to vLLM: the score would be read at the last of them."""
    folder, _ = saved.internlm2_reward(tmp_path / "model")
    spelt = Template("mine", "{question}", end=f"<|im_end|>\n{families.REWARD_TOKEN}")
    with serving(folder, "--runner", "pooling", "--trust-remote-code") as (server,):
        asked = Role("reward", "far", "openai-pooling", server.model, spelt, urls=(server.url,))
        for token, sentence in (
            (families.REWARD_TOKEN_ID, "reward.template 'mine' spells '[UNUSED_TOKEN_130]', at whose id 300"),
            (90_000, "reward.reward_token_id 90000 is not a token of the model"),
        ):
            done: queue.Queue[Any] = queue.Queue()
            far = open_score(replace(asked, reward_token_id=token))
            far.submit("s", [("Tom", None)], done.put)
            (result,) = take(done, 1)
            far.close()
            assert result.fatal
            assert sentence in str(result.error)


def test_a_generator_is_no_scorer(server: VllmServer) -> None:
    far = open_score(Role("reward", "far", "openai-pooling", server.model, template("plain"), urls=(server.url,)))
    done: queue.Queue[Any] = queue.Queue()
    far.submit("s", [("Tom", None)], done.put)
    (result,) = take(done, 1)
    far.close()
    assert result.fatal
    assert f"does not serve the model '{server.model}' at this address (404)" in str(result.error)
