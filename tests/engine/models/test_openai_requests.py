"""What a server is sent, and what is found out about it before: begin tokens, blanks, stops and seeds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.config.sampling import Sampling
from engine.models.base import BATCH, LIVE, Completion, Request
from tests.engine.models import test_openai
from tests.engine.models.faulty import Faulty
from tests.engine.models.test_openai import FREE, stream
from tests.engine.models.tiny import ask, requests

role = test_openai.role  # what the fixture ``opened`` opens


def test_servers_other_than_vllm_are_sent_the_protocols_own_fields_alone(opened: Any) -> None:
    request = Request("r", "p", Sampling(0.7, 0.95, 9, ("<|end|>", ".")), 7)
    with Faulty() as server:
        ask(opened(server.url), [request])
        (seen,) = server.asked
    assert seen.body == {
        "model": "m",
        "prompt": "p",
        "max_tokens": 9,
        "temperature": 0.7,
        "top_p": 0.95,
        "seed": 7,
        "stream": True,
        "stream_options": {"include_usage": True},
        "stop": ["<|end|>", "."],
    }


@pytest.mark.parametrize(("added", "sent"), [(1, "Hi"), (0, "<s>Hi"), (None, "Hi")])
def test_a_bos_is_left_to_a_server_that_adds_one_itself(added: int | None, sent: str, opened: Any) -> None:
    """One that does not count the tokens of a prompt is taken for one that adds it, as most do."""
    with Faulty(added=added) as server:
        ask(opened(server.url), requests(["<s>Hi"] * 5, FREE))
        probes = [seen.body for seen in server.seen if not seen.body.get("stream")]
        assert [seen.body["prompt"] for seen in server.asked] == [sent] * 5
    assert [probe["prompt"] for probe in probes].count("a") == 1
    assert {probe["max_tokens"] for probe in probes} == {1}


def test_a_server_that_loses_blanks_is_refused_by_what_it_counts(opened: Any) -> None:
    with Faulty(loses_blanks=True) as server:
        (result,) = ask(opened(server.url), requests(["How many is 4 8?"], FREE))
        assert not server.asked
    assert result.fatal
    said = str(result.error)
    assert (
        "loses the blanks of the model 'm': it counts 8 tokens in '1 1 1 1 1 1 1 1' and as many in '11111111'; " in said
    )


def test_a_server_that_counts_nothing_is_used_and_said_to_be_unchecked(
    opened: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with Faulty(added=None) as server:
        results = ask(opened(server.url), requests(["Hi"] * 3, FREE))
    assert all(isinstance(result, Completion) for result in results)
    said = [record.getMessage() for record in caplog.records if "unchecked" in record.getMessage()]
    assert said == [
        f"The server {server.url} does not count the tokens of a prompt: whether it reads blanks is unchecked."
    ]


def test_vllm_is_told_that_nothing_is_to_be_added_and_which_tokens_end_a_text(opened: Any) -> None:
    sampling = Sampling(0.7, 0.95, 9, ("<|end|>", "."))
    with Faulty(tokenizes=True) as server:
        model = opened(server.url, server="vllm")
        ask(model, requests(["p"] * 10, sampling))
        stream(model, requests(["p"], sampling, "live", LIVE))
        *batch, live = [seen.body for seen in server.asked]
        assert [seen.path for seen in server.seen].count(
            "/tokenize"
        ) == 3  # each stop string, and the text that must come back
    for body in (*batch, live):
        assert body["add_special_tokens"] is False
        assert "seed" not in body  # on a GPU it would only make vLLM's sampler slower
        assert (body["top_k"], body["min_p"], body["repetition_penalty"]) == (0, 0.0, 1.0)
        assert (body["stop"], body["stop_token_ids"]) == (["."], [9, 9])
    assert all(body["priority"] == BATCH for body in batch)
    assert "priority" not in live
    assert "stream_interval" not in live


def test_vllm_is_sent_seeds_where_a_run_is_to_be_reproducible(opened: Any) -> None:
    with Faulty(tokenizes=True) as server:
        ask(opened(server.url, server="vllm", reproducible=True), requests(["p"] * 3, FREE, seed=5))
        assert sorted(seen.body["seed"] for seen in server.asked) == [5, 6, 7]


def test_a_server_that_is_no_vllm_is_told_apart_in_one_sentence(opened: Any) -> None:
    with Faulty() as server:
        (result,) = ask(opened(server.url, server="vllm"), requests(["p"], replace(FREE, stop=("<|end|>",))))
    assert result.fatal
    assert "or set generator.server to 'other' where it is not vLLM." in str(result.error)
