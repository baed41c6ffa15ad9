"""Models behind servers: every request ends whole, each failure is seen, and nothing is lost, doubled or given away."""

from __future__ import annotations

import logging
import queue
import random
import threading
import time
from collections import Counter, defaultdict
from dataclasses import replace
from typing import Any

import pytest

from engine.config.profiles import Role
from engine.config.prompts import template
from engine.config.sampling import Sampling
from engine.models.base import BATCH, LIVE, Completion, Failure, Request, TextModel
from engine.models.load import open_text
from engine.models.openai import server as servers
from engine.models.openai.limiter import LIVE_EXTRA
from engine.models.openai.reply import Reply
from engine.models.openai.server import TRIES
from store.errors import BackendError, InputError, ItemError
from tests.engine.models.faulty import Faulty, length_of, text_of
from tests.engine.models.tiny import WAIT, ask, requests, take
from tests.engine.models.vllm_server import free_port

FREE = Sampling(1.0, max_tokens=64)
KEY = "sk-very-secret-0123"


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "_FIRST_PAUSE", 0.02)
    monkeypatch.setattr(servers, "_LONGEST_PAUSE", 0.2)


def role(*urls: str, **changes: Any) -> Role:
    made = Role("generator", "far", "openai", "m", template("plain"), urls=urls, server="other", slots=32, timeout=5.0)
    return replace(made, **changes)


class Told:
    """What a model streamed, by request."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = defaultdict(str)

    def __call__(self, request_id: str, new: str) -> None:
        assert new
        self.texts[request_id] += new


def stream(model: TextModel, asked: list[Request]) -> tuple[list[Any], dict[str, str]]:
    done: queue.Queue[Any] = queue.Queue()
    told = Told()
    model.submit(asked, done.put, told)
    results = {result.request_id: result for result in take(done, len(asked))}
    assert done.empty()
    return [results[request.request_id] for request in asked], told.texts


def whole(request: Request) -> tuple[str, int, int, str]:
    """What the server has for this request."""
    count = length_of(request.seed)
    text = text_of(request.seed, min(count, request.sampling.max_tokens))
    words, read = min(count, request.sampling.max_tokens), len(request.prompt.split())
    return text, words, read, "length" if count > request.sampling.max_tokens else "stop"


def got(result: Any) -> tuple[str, int, int, str]:
    assert isinstance(result, Completion), result
    return result.text, result.tokens, result.prompt_tokens, result.finish_reason


def test_texts_come_whole_and_as_streamed_whatever_their_characters_and_their_ends(opened: Any) -> None:
    asked = requests([f"two words{'!' * i}" for i in range(40)], replace(FREE, max_tokens=12))
    assert {whole(request)[3] for request in asked} == {"stop", "length"}
    assert any(not whole(request)[0] for request in asked)
    with Faulty() as server:
        model = opened(server.url)
        streamed, told = stream(model, asked)
        silent = ask(model, asked)
    assert [got(r) for r in streamed] == [got(r) for r in silent] == [whole(r) for r in asked]
    assert {r.request_id: told.get(r.request_id, "") for r in asked} == {r.request_id: whole(r)[0] for r in asked}
    assert all(r.seconds > 0 for r in streamed)


def test_halves_of_a_character_in_two_events_are_one_character(opened: Any) -> None:
    (seed,) = [s for s in range(100) if text_of(s, length_of(s)).count("🍎") == 4][:1]
    asked = Request("r", "p", FREE, seed)
    with Faulty(lambda *_: "halves") as server:
        (result,), told = stream(opened(server.url), [asked])
    assert result.text == told["r"] == whole(asked)[0]


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_that_a_server_sends_apart_is_no_part_of_the_text(name: str) -> None:
    reply = Reply("http://server")
    for part in ({name: "Two and "}, {name: "two."}, {"text": "It is 4."}, {"text": "", "finish_reason": "stop"}):
        reply.add({"choices": [part]})
    details = {"reasoning_tokens": 5}
    reply.add(
        {"choices": [], "usage": {"completion_tokens": 9, "prompt_tokens": 2, "completion_tokens_details": details}}
    )
    found = reply.completion("r", "stop")
    assert (found.text, found.reasoning, found.reasoning_tokens, found.tokens) == ("It is 4.", "Two and two.", 5, 9)


@pytest.mark.parametrize(
    "fault",
    [
        *("500", "502", "503", "408", "409", "429", "hang-up", "html", "cut", "early", "garbage", "error"),
        *('garbage {"choices": 3}', "garbage [1, 2]", 'garbage {"choices": [{"text": 5}]}', "reason abort"),
    ],
)
def test_a_failure_that_may_pass_is_tried_again_and_seen_in_the_log(
    fault: str, opened: Any, caplog: pytest.LogCaptureFixture
) -> None:
    asked = [Request(f"r{seed}", "p", FREE, seed) for seed in range(60) if length_of(seed) > 1][:8]
    with Faulty(lambda number, _: fault if number <= 10 else None) as server:
        results, told = stream(opened(server.url), asked)
        assert len(server.asked) == 18
    assert [got(r) for r in results] == [whole(r) for r in asked]
    assert {r.request_id: told.get(r.request_id, "") for r in asked} == {r.request_id: whole(r)[0] for r in asked}
    assert f"The server {server.url} is in trouble: " in caplog.text
    assert f"The server {server.url} answers again." in caplog.text


def test_silence_is_noticed_and_slowness_is_not_taken_for_it(opened: Any) -> None:
    asked = Request("r", "p", FREE, 5)
    assert length_of(5) > 12
    with Faulty(lambda number, _: "stall" if number == 1 else None, pause=0.15) as server:
        (result,), told = stream(opened(server.url, timeout=1.0), [asked])
        first, second = server.asked
    assert got(result) == whole(asked)  # 0.15 s a word: longer than the timeout, but never silent for it
    assert told["r"] == result.text
    assert first.left
    assert second.at - first.at > 1.0


def test_a_server_that_stays_silent_is_given_up_after_few_tries(opened: Any) -> None:
    with Faulty(lambda *_: "silence") as server:
        (result,) = ask(opened(server.url, timeout=1.0), requests(["p"], FREE))
        assert len(server.asked) == servers.SILENT_TRIES
    assert result.fatal
    assert "it sent nothing for 1 s" in str(result.error)


def test_a_server_that_asks_for_patience_gets_more_of_it_but_not_without_end(opened: Any) -> None:
    with Faulty(lambda *_: "429 0") as server:
        (result,) = ask(opened(server.url), requests(["p"], FREE))
        assert len(server.asked) == servers.BUSY_TRIES
    assert result.fatal
    assert "last error: it answers (429): 0; start it" in str(result.error)


def test_an_answer_that_is_complete_need_not_be_closed(opened: Any) -> None:
    asked = requests(["p"] * 3, FREE)
    with Faulty(lambda *_: "open") as server:
        assert [got(r) for r in ask(opened(server.url, timeout=30.0), asked)] == [whole(r) for r in asked]


@pytest.mark.parametrize(("asked_for", "least"), [("1", 0.95), ("date", 0.95)])
def test_a_pause_that_the_server_asks_for_is_kept(asked_for: str, least: float, opened: Any) -> None:
    with Faulty(lambda number, _: f"429 {asked_for}" if number == 1 else None) as server:
        (result,) = ask(opened(server.url), requests(["p"], FREE))
        first, second = server.asked
    assert isinstance(result, Completion)
    assert second.at - first.at >= least


def test_a_text_that_comes_out_otherwise_the_second_time_is_not_told_twice(opened: Any) -> None:
    asked = Request("r", "p", FREE, 5)
    with Faulty(lambda number, _: "differs" if number == 1 else None) as server:
        (result,), told = stream(opened(server.url), [asked])
    assert result.text == whole(asked)[0]
    assert 0 < len(told["r"]) < len(result.text)
    assert not result.text.startswith(told["r"])


@pytest.mark.parametrize("usage", ["", "wrong", "odd"])
def test_where_token_counts_are_missing_or_impossible_events_are_counted(usage: str, opened: Any) -> None:
    asked = Request("r", "one two", FREE, 5)
    with Faulty(lambda *_: f"usage {usage}") as server:
        (result,) = ask(opened(server.url), [asked])
    assert got(result) == (whole(asked)[0], length_of(5), 0, "stop")


def test_a_thousand_requests_at_a_server_of_every_fault_end_whole_once_each(opened: Any) -> None:
    kinds = ["500", "429 0", "hang-up", "cut", "garbage", "error", "early", "usage", "503"]

    def fault(number: int, body: dict[str, Any]) -> str | None:
        chance = random.Random(number)
        return chance.choice(kinds) if chance.random() < 0.2 else None

    asked = [
        Request(f"r{i}", "p", replace(FREE, max_tokens=20), i, LIVE if i % 50 == 0 else BATCH) for i in range(1000)
    ]
    done: queue.Queue[Any] = queue.Queue()
    told = Told()
    with Faulty(fault) as server:
        model = opened(server.url, slots=64)
        for half in (asked[:500], asked[500:]):
            threading.Thread(target=model.submit, args=(half, done.put, told)).start()
        results = take(done, 1000)
        assert server.peak <= 64 + LIVE_EXTRA
    assert done.empty()
    assert Counter(r.request_id for r in results) == Counter(r.request_id for r in asked)
    texts = {r.request_id: (r.text, r.finish_reason) for r in results}
    assert texts == {r.request_id: (whole(r)[0], whole(r)[3]) for r in asked}
    assert {i: told.texts.get(i, "") for i in texts} == {i: text for i, (text, _) in texts.items()}


def test_no_more_requests_are_under_way_than_slots_and_live_ones_pass_them(opened: Any) -> None:
    with Faulty(pause=0.05) as server:
        model = opened(server.url, slots=4)
        done: queue.Queue[Any] = queue.Queue()
        model.submit(requests(["batch"] * 40, FREE, "b"), done.put)
        while len(server.asked) < 4:
            time.sleep(0.01)
        assert server.peak == 4
        model.submit(requests(["live"] * 3, FREE, "l", LIVE, seed=5), done.put)
        results = take(done, 43)
        order = [seen.body["prompt"] for seen in server.asked]
    assert all(isinstance(r, Completion) for r in results)
    assert max(i for i, prompt in enumerate(order) if prompt == "live") < 20


def test_a_server_that_is_not_there_is_one_sentence_and_one_that_comes_back_is_used(opened: Any) -> None:
    port = free_port()
    model = opened(f"http://127.0.0.1:{port}/v1", slots=4)
    asked = requests(["p"] * 20, FREE)
    failures = ask(model, asked)
    for failure in failures:
        assert isinstance(failure, Failure)
        assert failure.fatal
        assert isinstance(failure.error, BackendError)
        assert f"The server http://127.0.0.1:{port}/v1 is gone, {TRIES} tries failed" in str(failure.error)
        assert str(failure.error).endswith("; start it, or correct generator.urls.")
    with Faulty(port=port):
        assert [got(r) for r in ask(model, asked)] == [whole(r) for r in asked]


def test_a_request_that_fails_while_others_succeed_is_its_own_failure(opened: Any) -> None:
    asked = [Request("bad", "poison", FREE, 1), *requests(["p"] * 60, FREE)]
    with Faulty(lambda _, body: "500 out of luck" if body["prompt"] == "poison" else None, pause=0.01) as server:
        bad, *good = ask(opened(server.url, slots=4), asked)
    assert not bad.fatal
    assert isinstance(bad.error, ItemError)
    assert str(bad.error).endswith(f"failed the request {TRIES} times, last error: it answers (500): out of luck.")
    assert [got(r) for r in good] == [whole(r) for r in asked[1:]]


@pytest.mark.parametrize("status", ["400", "413", "422"])
def test_a_request_that_the_server_refuses_is_that_items_failure_in_its_words(status: str, opened: Any) -> None:
    said = f"{status} The prompt is\ntoo long. " + "x" * 500
    with Faulty(lambda _, body: said if body["prompt"] == "long" else None) as server:
        refused, served = ask(opened(server.url), requests(["long", "p"], FREE))
        assert len(server.asked) == 2
    assert not refused.fatal
    assert isinstance(refused.error, ItemError)
    assert f"refused the request ({status}): The prompt is too long. xxx" in str(refused.error)
    assert len(str(refused.error)) < 400
    assert isinstance(served, Completion)


def test_a_prompt_that_is_none_is_refused_without_asking(opened: Any) -> None:
    with Faulty() as server:
        empty, broken = ask(opened(server.url), requests(["", "half a \ud83c"], FREE))
        assert not server.seen
    for failure in (empty, broken):
        assert not failure.fatal
        assert isinstance(failure.error, ItemError)


def test_a_text_that_the_server_ended_for_its_own_reasons_is_a_failure(opened: Any) -> None:
    with Faulty(lambda *_: "reason content_filter") as server:
        (result,) = ask(opened(server.url), requests(["p"], FREE))
    assert not result.fatal
    assert "content_filter" in str(result.error)


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("401 no such key: KEY", "refuses access (401): no such key: Bearer ***; put a valid key into TEST_KEY."),
        ("403", "refuses access (403); put a valid key into TEST_KEY."),
        ("404 no model m", "'m' at this address (404): no model m; correct generator.model or generator.urls."),
        ("501", "at this address (501); correct generator.model or generator.urls."),
        ("302 http://elsewhere/", "redirects to http://elsewhere/; write the right address into generator.urls."),
    ],
)
def test_a_wrong_key_model_or_address_ends_all_in_one_sentence(
    fault: str, sentence: str, opened: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TEST_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    with Faulty(lambda *_: fault) as server:
        results = ask(opened(server.url, api_key_env="TEST_KEY", slots=2), requests(["p"] * 5, FREE))
        assert len(server.asked) <= 2
        assert {seen.headers["authorization"] for seen in server.asked} == {f"Bearer {KEY}"}
    for result in results:
        assert result.fatal
        assert str(result.error) == str(results[0].error)
    assert str(results[0].error).startswith(f"The server {server.url} ")
    assert str(results[0].error).endswith(sentence)
    assert KEY not in caplog.text + repr(results)


def test_a_redirect_to_another_host_takes_no_key_there(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", KEY)
    with Faulty() as other, Faulty(lambda *_: f"302 {other.url}") as server:
        (result,) = ask(opened(server.url, api_key_env="TEST_KEY"), requests(["p"], FREE))
        assert not other.seen
    assert result.fatal


def test_no_proxy_of_the_environment_stands_before_loopback(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with Faulty() as server:
        assert isinstance(ask(opened(server.url), requests(["p"], FREE))[0], Completion)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"api_key_env": "NO_SUCH_KEY"}, "generator.api_key_env 'NO_SUCH_KEY' is not set in the environment; export"),
        ({"api_key_env": "ODD_KEY"}, "generator.api_key_env 'ODD_KEY' contains invalid characters"),
        (
            {"urls": ("127.0.0.1:8000",)},
            "generator.urls '127.0.0.1:8000' is not the address of a server; write it as http",
        ),
        ({"urls": ("http://",)}, "generator.urls 'http://' is not the address of a server"),
        ({"urls": ("ftp://host/v1",)}, "generator.urls 'ftp://host/v1' is not the address of a server"),
        ({"urls": ("http://me:pw@host/v1",)}, "generator.urls 'http://host/v1' contains a password; put it into"),
    ],
)
def test_what_is_wrong_with_the_role_is_said_when_it_is_opened(
    changes: dict[str, Any], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ODD_KEY", "a\u00fcb\nc")
    with pytest.raises(InputError) as caught:
        open_text(role("http://127.0.0.1:9/v1", **changes))
    assert sentence in str(caught.value)
    assert "pw" not in str(caught.value)


def test_a_cancel_frees_the_server_at_once_and_keeps_the_text_so_far(opened: Any) -> None:
    with Faulty(pause=0.1) as server:
        model = opened(server.url, slots=2)
        done: queue.Queue[Any] = queue.Queue()
        told = Told()
        asked = requests(["p"] * 6, FREE, seed=5)
        model.submit([replace(r, seed=5) for r in asked], done.put, told)
        while not (told.texts["r0"] and told.texts["r1"]):
            time.sleep(0.01)
        model.cancel([r.request_id for r in asked])
        model.cancel(["nobody's"])
        results = {r.request_id: r for r in take(done, 6)}
        deadline = time.monotonic() + WAIT
        while server.at_once and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(server.asked) == 2
        assert all(seen.left for seen in server.asked)
        assert isinstance(ask(model, requests(["p"], FREE))[0], Completion)  # and its turn is another's
    assert {r.finish_reason for r in results.values()} == {"cancelled"}
    for request_id, result in results.items():
        assert result.text == told.texts[request_id]
        assert text_of(5, length_of(5)).startswith(result.text)


def test_a_request_cancelled_before_it_began_is_still_answered(opened: Any) -> None:
    with Faulty() as server:
        model = opened(server.url)
        done: queue.Queue[Any] = queue.Queue()
        for round_ in range(50):
            model.submit(requests(["p"] * 3, FREE, f"{round_}-"), done.put)
            model.cancel([f"{round_}-{i}" for i in range(3)])
        results = take(done, 150)
    assert len({r.request_id for r in results}) == 150
    assert all(isinstance(r, Completion) for r in results)


def test_close_ends_what_is_in_flight_as_cancelled_and_what_is_asked_later_too(opened: Any) -> None:
    held = "servers" in {thread.name for thread in threading.enumerate()}  # by a model cache of other tests
    with Faulty(lambda *_: "silence") as server:
        model = opened(server.url, slots=4)
        other = opened(server.url)  # keeps the thread alive, as another role would
        done: queue.Queue[Any] = queue.Queue()
        model.submit(requests(["p"] * 30, FREE), done.put)
        while len(server.asked) < 4:
            time.sleep(0.01)
        model.close()
        model.close()
        assert {r.finish_reason for r in take(done, 30)} == {"cancelled"}
        model.submit(requests(["p"], FREE), done.put)
        assert take(done, 1)[0].finish_reason == "cancelled"
        other.close()
    for _ in range(500):  # the thread ends by itself
        if held or "servers" not in {thread.name for thread in threading.enumerate()}:
            return
        time.sleep(0.01)
    pytest.fail("the thread goes on without a model")


def test_a_callback_may_close_the_model(opened: Any) -> None:
    with Faulty() as server:
        model = opened(server.url, slots=1)
        done: queue.Queue[Any] = queue.Queue()
        model.submit(requests(["p"] * 5, FREE), lambda result: (model.close(), done.put(result)))
        results = take(done, 5)
    assert {r.finish_reason for r in results[1:]} == {"cancelled"}


@pytest.mark.parametrize("backend", ["openai", "openai-chat"])
@pytest.mark.parametrize("fault", [None, "400 'logprobs' is not supported by this model"])
def test_a_server_without_log_probabilities_is_refused_in_a_sentence(backend: str, fault: str | None) -> None:
    """It ignores what it is asked for, or refuses it; only requests that need them end so."""

    def answer(_: int, body: dict[str, Any]) -> str | None:
        return fault if body.get("logprobs") else None

    form = template("chat-solve" if backend == "openai-chat" else "qwen-solve")
    with Faulty(answer, writes=lambda _: "It is four.") as server:
        solver = Role("solver", "far", backend, "m", form, urls=(server.url,), server="other")
        model = open_text(solver)
        try:
            (plain,) = ask(model, requests(["Two plus two?"], FREE, "plain"))
            (asked,) = ask(model, [replace(requests(["Two plus two?"], FREE)[0], logprobs=True)])
        finally:
            model.close()
    assert isinstance(plain, Completion)
    assert plain.logprobs is None
    assert isinstance(asked, Failure)
    assert asked.fatal
    assert isinstance(asked.error, BackendError)
    said = str(asked.error)
    assert f"The server {server.url} of the solver gives no log-probabilities of tokens" in said
    assert said.endswith("use a server that gives them, such as vLLM's, or another [difficulty].")
    assert said.count("logprobs") == (fault is not None)
