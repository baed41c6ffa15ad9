"""Chat servers: the message is the prompt, refused options are left out, and reasoning is no part of the answer."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from engine.config.profiles import Role
from engine.config.prompts import Template, template
from engine.config.sampling import Sampling
from engine.models.base import Completion, Failure, Request, TextModel
from engine.models.openai import server as servers
from engine.models.openai.reply import Reply
from engine.models.openai.streamed import TextCall
from engine.stages import solution, solvability
from store.errors import InputError
from tests.engine.models.faulty import Faulty, length_of, prompt_of, text_of
from tests.engine.models.tiny import ask, requests

FREE = Sampling(0.7, 0.9, max_tokens=64)
Made = Callable[..., TextModel]


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "_FIRST_PAUSE", 0.02)


def role(*urls: str, **changes: Any) -> Role:
    given = {"urls": urls, "server": "other", "slots": 8, "timeout": 5.0, "template": template("chat-solve"), **changes}
    return Role("solver", "far", "openai-chat", "m", **given)


def texts(results: list[Completion | Failure]) -> list[str]:
    return [result.text for result in results if isinstance(result, Completion)]


def test_the_rendered_prompt_is_the_users_message_and_nothing_else_is_added(opened: Made) -> None:
    prompt = template("chat-solve").render("What is 3 + 4?")
    with Faulty() as server:
        (result,) = ask(opened(server.url), [Request("r", prompt, FREE, 5)])
        (seen,) = server.asked
    assert texts([result]) == [text_of(5, length_of(5))]
    assert seen.path == "/v1/chat/completions"
    assert seen.body == {
        "model": "m",
        "messages": [{"role": "user", "content": "What is 3 + 4?\n" + prompt.split("\n", 1)[1]}],
        "max_tokens": 64,
        "temperature": 0.7,
        "top_p": 0.9,
        "seed": 5,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


REFUSED = {
    "temperature": "Unsupported value: 'temperature' does not support 0.7 with this model. Only the default is",
    "max_tokens": "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens'",
    "seed": '{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}',
    "stream_options": "Unrecognized request argument supplied: stream_options",
    "top_p": "`temperature` and `top_p` cannot both be specified for this model",
}


@pytest.mark.parametrize("field", REFUSED)
def test_an_option_that_a_server_refuses_is_left_out_from_then_on(
    field: str, opened: Made, caplog: pytest.LogCaptureFixture
) -> None:
    def fault(_: int, body: dict[str, Any]) -> str | None:
        return f"400 {REFUSED[field]}" if field in body else None

    with Faulty(fault) as server, caplog.at_level(logging.WARNING):
        model = opened(server.url, slots=1)
        first = ask(model, requests(["p"] * 2, FREE, seed=5))
        again = ask(model, requests(["p"], FREE, seed=7))
        bodies = [seen.body for seen in server.asked]
    assert len(texts(first + again)) == 3
    assert [field in body for body in bodies] == [True, False, False, False]
    others = set(bodies[0]) - {field}
    assert all(
        set(body) == others | ({"max_completion_tokens"} if field == "max_tokens" else set()) for body in bodies[1:]
    )
    assert caplog.text.count(f"does not accept {field}") == 1


def test_several_refused_options_go_one_after_the_other(opened: Made) -> None:
    def fault(_: int, body: dict[str, Any]) -> str | None:
        refused = next((name for name in ("max_tokens", "temperature", "seed") if name in body), None)
        return f"400 Unsupported parameter: '{refused}'" if refused else None

    with Faulty(fault) as server:
        results = ask(opened(server.url), requests(["p"] * 6, FREE))
        assert server.asked[-1].body["max_completion_tokens"] == 64
    assert len(texts(results)) == 6


@pytest.mark.parametrize(
    "message",
    [
        "'max_tokens' is too large: 64. This model allows at most 16 completion tokens",
        "max_tokens (64) cannot be greater than the model's 16",
        "Unsupported value: the messages contain an image",
        "Unsupported parameter: 'max_completion_tokens'",
    ],
)
def test_any_other_refusal_is_the_items_failure_in_the_servers_words(message: str, opened: Made) -> None:
    with Faulty(lambda *_: f"400 {message}") as server:
        (result,) = ask(opened(server.url), requests(["p"], FREE))
        assert len(server.asked) == 1
    assert isinstance(result, Failure)
    assert not result.fatal
    assert message in str(result.error)


def test_a_refusal_that_only_happens_to_name_an_option_changes_nothing_for_other_requests(
    opened: Made, caplog: pytest.LogCaptureFixture
) -> None:
    def fault(_: int, body: dict[str, Any]) -> str | None:
        return "400 Not allowed: 'at which temperature does ...'" if prompt_of(body) == "bad" else None

    with Faulty(fault) as server, caplog.at_level(logging.WARNING):
        model = opened(server.url, slots=1)
        (bad,) = ask(model, requests(["bad"], FREE))
        good = ask(model, requests(["p"] * 2, FREE))
        assert all(seen.body["temperature"] == 0.7 for seen in server.asked[-2:])
    assert isinstance(bad, Failure)
    assert "at which temperature" in str(bad.error)
    assert len(texts(good)) == 2
    assert "does not accept" not in caplog.text


@pytest.mark.parametrize("fault", ["429 0", "500", "cut", "garbage", "early", "hang-up", "stall"])
def test_a_failure_that_may_pass_is_tried_again(fault: str, opened: Made) -> None:
    asked = [Request(f"r{seed}", "p", FREE, seed) for seed in range(60) if length_of(seed) > 1][:4]
    with Faulty(lambda number, _: fault if number <= 3 else None) as server:
        results = ask(opened(server.url, timeout=1.0), asked)
        assert len(server.asked) == 7
    assert texts(results) == [text_of(r.seed, length_of(r.seed)) for r in asked]


def test_several_servers_share_the_work_and_one_that_dies_is_replaced(opened: Made) -> None:
    with Faulty() as good, Faulty(lambda *_: "401 no key") as bad:
        results = ask(opened(good.url, bad.url), requests(["p"] * 20, FREE))
        assert bad.asked
    assert len(texts(results)) == 20


def test_a_text_that_is_withheld_is_the_items_failure(opened: Made) -> None:
    with Faulty(lambda *_: "reason content_filter") as server:
        (result,) = ask(opened(server.url), requests(["p"], FREE))
    assert isinstance(result, Failure)
    assert not result.fatal
    assert str(result.error) == f"The server {server.url} withheld the text (content_filter)."


def test_a_reply_that_is_all_reasoning_gives_no_verdict_and_no_answer(opened: Made) -> None:
    with Faulty(writes=lambda _: "", thinks=lambda _: "Yes, it is 7. Verdict: solvable") as server:
        (result,) = ask(opened(server.url), requests(["p"], FREE))
    assert isinstance(result, Completion)
    assert (result.text.strip(), result.reasoning) == ("", " Yes, it is 7. Verdict: solvable")
    assert (result.tokens, result.reasoning_tokens) == (7, 6)
    assert solvability.from_text("q-00000001", "j", result).reason == solvability.NO_VERDICT
    made = solution.solution("q-00000001", 0, result, "s", 1)
    assert made.answer is None
    faults = solution.faults([made], keep_cut=True, max_repetition=None)
    assert solution.judge("q-00000001", "s", faults).reason == "no_answer"


def test_reasoning_inside_the_text_is_taken_apart_and_its_words_are_no_verdict(opened: Made) -> None:
    writes = "<think> Verdict: solvable </think> \\boxed{3} Verdict: not solvable"
    with Faulty(writes=lambda _: writes) as server:
        (result,) = ask(opened(server.url), requests(["p"], FREE))
    assert isinstance(result, Completion)
    assert solvability.concluded(result) is False
    made = solution.solution("q-00000001", 0, result, "s", 1)
    assert (made.reasoning, made.answer) == ("Verdict: solvable", "3")


@pytest.mark.parametrize(("total", "tokens"), [(12, 4), (20, 12), (None, 4), ("many", 4)])
def test_reasoning_that_only_the_total_counts_is_counted(total: Any, tokens: int) -> None:
    reply = Reply("http://server")
    reply.add({"choices": [{"delta": {"content": "7"}, "finish_reason": "stop"}]})
    usage = {"completion_tokens": 4, "prompt_tokens": 8, "total_tokens": total}
    reply.add({"choices": [], "usage": usage})
    assert reply.completion("r", "stop").tokens == tokens


def test_a_text_that_is_cut_short_is_billed_by_its_events_where_the_server_has_counted_nothing() -> None:
    call = TextCall("r", lambda _: None, Request("r", "p" * 40, FREE, 1), None)
    call.begin("http://server")
    assert call.billed == (0, 0)  # nothing came: it may never have begun
    call.begin("http://server").add({"choices": [{"delta": {"content": "So"}, "finish_reason": None}]})
    assert call.billed == (10, 1)
    call.begin("http://server").add({"choices": [], "usage": {"prompt_tokens": 8, "completion_tokens": 4}})
    assert call.billed == (18, 5)


def test_the_words_of_a_refusal_are_the_text() -> None:
    reply = Reply("http://server")
    reply.add({"choices": [{"delta": {"content": None, "refusal": "I cannot."}, "finish_reason": "stop"}]})
    assert reply.completion("r", "stop").text == "I cannot."


def test_a_generator_is_refused_in_one_sentence() -> None:
    with pytest.raises(InputError, match=r"^backend 'openai-chat' cannot continue a raw prefix, as a generator must; "):
        Role("generator", "g", "openai-chat", "m", template("plain"), urls=("http://h/v1",))


@pytest.mark.parametrize("name", ["qwen-solve", "deepseek-solve", "llama3-solve", "nano-solve"])
def test_a_template_with_control_tokens_is_refused_for_chat(name: str) -> None:
    with pytest.raises(InputError, match=rf"^template '{name}' contains <.*, while openai-chat sends the template"):
        role("http://h/v1", template=template(name))


@pytest.mark.parametrize("backend", ["openai", "vllm", "transformers"])
def test_a_chat_template_is_refused_where_nothing_adds_a_format(backend: str) -> None:
    with pytest.raises(InputError, match=r"^template 'chat-solve' has no chat format, which only openai-chat adds; "):
        Role("solver", "s", backend, "m", template("chat-solve"), urls=("http://h/v1",))
    own = Template("chat-mine", "<|user|>{question}<|assistant|>")
    assert Role("solver", "s", backend, "m", own, urls=("http://h/v1",)).template is own
