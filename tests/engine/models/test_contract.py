"""One contract, every backend: the same requests to each, and what `engine.models.base` promises of the answers.

Real models throughout: the bundled nano generator in transformers, in vLLM, behind a real server (completions and
chat), and as a pool of two.
"""

from __future__ import annotations

import queue
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.config.profiles import Role, load_profile
from engine.config.prompts import template
from engine.config.sampling import Sampling
from engine.models.base import BATCH, LIVE, Completion, Failure, Request, TextModel
from engine.models.load import open_text
from engine.models.replicas import Pool
from tests.engine.models.tiny import WAIT, ask, forward_logprobs, requests, take, texts
from tests.engine.models.vllm import needs_vllm
from tests.engine.models.vllm_server import shared

START = "<|im_start|>user\n"
FREE = Sampling(1.0, max_tokens=48, stop=("<|im_end|>",))
GREEDY = replace(FREE, temperature=0.0)


def _transformers(role: Role) -> TextModel:
    return open_text(role)


def _vllm(role: Role) -> TextModel:
    return open_text(replace(role, backend="vllm"))


def _server(role: Role) -> TextModel:
    assert role.path is not None
    served = shared(role.path, "--scheduling-policy", "priority")
    return open_text(replace(role, backend="openai", model=served.model, urls=(served.url,), reproducible=True))


def _chat(role: Role) -> TextModel:
    """vLLM's chat endpoint with a chat format that adds nothing to the message, so that the texts are the others'."""
    assert role.path is not None
    bare = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
    served = shared(role.path, "--scheduling-policy", "priority", "--chat-template", bare)
    changes: Any = {"role": "solver", "backend": "openai-chat", "template": template("chat-solve")}
    return open_text(replace(role, model=served.model, urls=(served.url,), reproducible=True, **changes))


def _pool(role: Role) -> TextModel:
    return Pool([open_text(role), open_text(role)])


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(_transformers, id="transformers"),
        pytest.param(_vllm, id="vllm", marks=needs_vllm),
        pytest.param(_server, id="openai", marks=needs_vllm),
        pytest.param(_chat, id="openai-chat", marks=needs_vllm),
        pytest.param(_pool, id="pool"),
    ],
)
def opened(request: pytest.FixtureRequest, nano: Path) -> Callable[[], TextModel]:
    """Opens the backend's model; each call one more."""
    return lambda: request.param(load_profile("nano").generators[0])


@pytest.fixture(scope="module")
def model(opened: Callable[[], TextModel]) -> Iterator[TextModel]:
    made = opened()
    yield made
    made.close()


def test_every_request_is_answered_once_under_its_id(model: TextModel) -> None:
    asked = requests([START] * 50, FREE, "mine")
    results = ask(model, asked)
    assert [result.request_id for result in results] == [request.request_id for request in asked]
    for result in results:
        assert isinstance(result, Completion)
        assert 0 < result.tokens <= 48
        assert result.prompt_tokens > 0
        assert result.seconds > 0
        assert "<|" not in result.text
        assert result.finish_reason == "stop" or result.tokens == 48
    assert len({result.text for result in results if isinstance(result, Completion)}) > 25


def test_streamed_text_is_the_batchs_text_in_pieces(model: TextModel) -> None:
    asked = requests([START] * 12, FREE, "s")
    plain = ask(model, asked)
    pieces: dict[str, list[str]] = defaultdict(list)
    done: queue.Queue[Any] = queue.Queue()
    model.submit(asked, done.put, lambda key, text: pieces[key].append(text))
    streamed = {result.request_id: result for result in take(done, 12)}
    assert texts(streamed[request.request_id] for request in asked) == texts(plain)
    for key, result in streamed.items():
        assert "".join(pieces[key]) == result.text
    assert max(len(parts) for parts in pieces.values()) > 3


def test_the_seed_decides_the_text(model: TextModel) -> None:
    first, again = ask(model, requests([START] * 8, FREE, seed=7)), ask(model, requests([START] * 8, FREE, seed=7))
    assert texts(first) == texts(again)
    assert texts(ask(model, requests([START] * 8, FREE, seed=700))) != texts(first)
    large = 2**63 - 1
    assert isinstance(ask(model, [Request("large", START, FREE, large)])[0], Completion)


def test_greedy_ignores_the_seed(model: TextModel) -> None:
    one, two = ask(model, [Request("a", START, GREEDY, 1), Request("b", START, GREEDY, 2)])
    assert texts([one]) == texts([two])


def test_top_k_leaves_only_the_likeliest_tokens(model: TextModel) -> None:
    asked = requests([START] * 6, replace(FREE, top_k=1), seed=3)
    assert texts(ask(model, asked)) == texts(ask(model, requests([START] * 6, GREEDY)))
    assert len(set(texts(ask(model, requests([START] * 6, replace(FREE, top_k=2), seed=3))))) > 1


def test_a_text_ends_where_a_stop_string_begins(model: TextModel) -> None:
    (whole,) = ask(model, requests([START], GREEDY))
    assert isinstance(whole, Completion)
    word = whole.text.split()[2]
    (cut,) = ask(model, requests([START], replace(GREEDY, stop=("<|im_end|>", word))))
    assert isinstance(cut, Completion)
    assert cut.text == whole.text[: whole.text.index(word)]
    assert cut.finish_reason == "stop"


def test_a_text_may_be_empty(model: TextModel) -> None:
    (whole,) = ask(model, requests([START], GREEDY))
    assert isinstance(whole, Completion)
    (empty,) = ask(model, requests([START], replace(GREEDY, stop=(whole.text[0],))))
    assert isinstance(empty, Completion)
    assert (empty.text, empty.finish_reason) == ("", "stop")


def test_a_text_that_is_cut_off_says_so(model: TextModel) -> None:
    for result in ask(model, requests([START] * 5, replace(FREE, max_tokens=3))):
        assert isinstance(result, Completion)
        assert (result.tokens, result.finish_reason) == (3, "length")


def test_log_probabilities_are_those_of_the_models_own_distribution(model: TextModel, nano: Path) -> None:
    """Mean and least over all tokens with the end token, as one forward pass gives them; untempered, streamed or not;
    None where nobody asks."""
    tempered = Sampling(0.6, top_p=0.9, max_tokens=96, stop=("<|im_end|>",))
    asked = [replace(one, logprobs=True) for one in requests([START] * 6, tempered, "lp")]
    cut = replace(asked[0], request_id="cut", sampling=replace(GREEDY, max_tokens=7))
    results = ask(model, [*asked, cut])
    done: queue.Queue[Any] = queue.Queue()
    model.submit(asked, done.put, lambda *_: None)
    streamed = {result.request_id: result for result in take(done, len(asked))}
    ended = 0
    for result in results:
        assert isinstance(result, Completion)
        assert result.logprobs is not None
        whole = result.finish_reason == "stop"
        each = forward_logprobs(nano / "qgen-a", START, result.text + ("<|im_end|>" if whole else ""))
        if len(each) == result.tokens:  # sampled tokens may be others than the tokenizer's own
            ended += whole
            assert result.logprobs.mean == pytest.approx(sum(each) / len(each), abs=1e-3)
            assert result.logprobs.least == pytest.approx(min(each), abs=1e-3)
        if result.request_id in streamed:
            assert streamed[result.request_id].logprobs == pytest.approx(result.logprobs, abs=1e-4)
    assert ended >= 3
    (plain,) = ask(model, requests([START], GREEDY))
    assert isinstance(plain, Completion)
    assert plain.logprobs is None


def test_any_unicode_is_a_prompt_and_what_is_none_fails_alone(model: TextModel) -> None:
    prompts = [START + text for text in ("Größe: 5 €", "東京 ½ 🍎", "a\u202eb\x00c", "نص")]
    results = ask(model, [*requests(prompts, FREE), Request("bad", START + "\ud800", FREE, 1)])
    assert all(isinstance(result, Completion) for result in results[:-1])
    assert isinstance(results[-1], Failure)
    assert not results[-1].fatal


def test_a_prompt_that_is_too_long_or_empty_fails_alone_in_one_line(model: TextModel) -> None:
    bad = [Request("long", START + "Tom has 3 apples. " * 300, FREE, 1), Request("empty", "", FREE, 1)]
    results = ask(model, [*bad, *requests([START] * 3, FREE)])
    for failed in results[:2]:
        assert isinstance(failed, Failure), failed
        assert not failed.fatal
        assert "\n" not in str(failed.error)
    assert all(isinstance(result, Completion) for result in results[2:])


def test_what_is_cancelled_ends_at_once_and_the_rest_goes_on(model: TextModel) -> None:
    done: queue.Queue[Any] = queue.Queue()
    endless = Sampling(1.0, max_tokens=400)  # no stop string: goes on until the model's own end, or the limit
    model.submit(requests([START] * 40, endless, "gone"), done.put)
    model.submit(requests([START] * 10, FREE, "stays"), done.put)
    model.cancel([f"gone{i}" for i in range(40)] + ["never-asked"])
    results = {result.request_id: result for result in take(done, 50)}
    assert len(results) == 50
    assert all(isinstance(result, Completion) for result in results.values())
    assert {results[f"stays{i}"].finish_reason for i in range(10)} <= {"stop", "length"}
    assert sum(results[f"gone{i}"].finish_reason == "cancelled" for i in range(40)) > 20


def test_a_thousand_requests_at_once_are_all_answered(model: TextModel) -> None:
    short = replace(FREE, max_tokens=12)
    done: queue.Queue[Any] = queue.Queue()
    for start in range(0, 1000, 100):
        batch = [Request(f"r{i}", START, short, i, LIVE if i % 10 == 0 else BATCH) for i in range(start, start + 100)]
        model.submit(batch, done.put)
    results = take(done, 1000)
    assert Counter(result.request_id for result in results) == Counter(f"r{i}" for i in range(1000))
    assert all(isinstance(result, Completion) for result in results)
    by_id = {result.request_id: result for result in results}
    few = ask(model, [Request(f"r{i}", START, short, i) for i in range(0, 1000, 250)])
    assert texts(few) == texts(by_id[result.request_id] for result in few)


def test_closing_ends_what_is_in_flight_and_what_comes_after(opened: Callable[[], TextModel]) -> None:
    model = opened()
    done: queue.Queue[Any] = queue.Queue()
    model.submit(requests([START] * 60, Sampling(1.0, max_tokens=400), "open"), done.put)
    model.close()
    model.close()
    model.submit(requests([START], FREE, "late"), done.put)
    results = [done.get(timeout=WAIT) for _ in range(61)]
    assert len({result.request_id for result in results}) == 61
    assert all(isinstance(result, Completion) for result in results)
    late = next(result for result in results if result.request_id == "late0")
    assert late.finish_reason == "cancelled"
    with pytest.raises(queue.Empty):
        done.get(timeout=0.2)
