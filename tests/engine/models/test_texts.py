"""The text contract, on real transformers models: what comes back depends on prompt, sampling and seed alone."""

from __future__ import annotations

import queue
import threading
from collections import defaultdict
from typing import Any

import pytest
import torch

from engine.config.sampling import Sampling
from engine.models.base import BATCH, LIVE, Completion, Failure, Request
from engine.models.local.decode import sample_all
from engine.models.local.transformers_lm import TransformersLM
from store.errors import BackendError, ItemError
from tests.engine.models.tiny import POSITIONS, WAIT, ask, requests, take, texts

PROMPTS = ["<|im_start|>user\n" + "Tom has 3 apples. " * (i % 5) + "He " * (i % 3) for i in range(200)]
FREE = Sampling(temperature=1.0, max_tokens=16)
NUCLEUS = Sampling(temperature=0.7, top_p=0.9, max_tokens=16, stop=("<|im_end|>", "ap"))
GREEDY = Sampling(temperature=0.0, max_tokens=16)


@pytest.mark.parametrize("sampling", [FREE, NUCLEUS, GREEDY], ids=["free", "nucleus", "greedy"])
def test_tokens_do_not_depend_on_batch_mates(causal: Any, tokenizer: Any, sampling: Sampling) -> None:
    together = sample_all(causal, tokenizer, PROMPTS, sampling, range(200), slots=64)
    few = sample_all(causal, tokenizer, PROMPTS[:100], sampling, range(100), slots=7)
    alone = sample_all(causal, tokenizer, PROMPTS[:12], sampling, range(12), slots=1)
    assert texts(few) == texts(together[:100])
    assert texts(alone) == texts(together[:12])


def test_tokens_do_not_depend_on_the_number_of_threads(causal: Any, tokenizer: Any) -> None:
    before = torch.get_num_threads()
    runs = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        runs.append(texts(sample_all(causal, tokenizer, PROMPTS[:40], Sampling(1.0, max_tokens=12), range(40))))
    torch.set_num_threads(before)
    assert runs[0] == runs[1]


def test_greedy_tokens_equal_those_of_transformers_generate(causal: Any, tokenizer: Any) -> None:
    prompts = PROMPTS[:15]
    ours = sample_all(causal, tokenizer, prompts, GREEDY, range(15))
    for prompt, completion in zip(prompts, ours, strict=True):
        ids = tokenizer(prompt, return_tensors="pt", add_special_tokens=False).input_ids
        theirs = causal.generate(ids, do_sample=False, max_new_tokens=16)[0, ids.shape[1] :].tolist()
        assert completion.text == tokenizer.decode(theirs, skip_special_tokens=True)


def test_sampled_tokens_follow_the_models_distribution(causal: Any, tokenizer: Any) -> None:
    prompt = "Tom has 3"
    ids = tokenizer(prompt, return_tensors="pt", add_special_tokens=False).input_ids
    expected = causal(ids).logits[0, -1].div(0.8).softmax(-1).detach()
    model = sample_all(causal, tokenizer, [prompt] * 3000, Sampling(0.8, max_tokens=1), range(3000), slots=256)
    counts: dict[str, int] = defaultdict(int)
    for completion in model:
        counts[completion.text] += 1
    for token in expected.topk(5).indices.tolist():
        text = tokenizer.decode([token], skip_special_tokens=True)
        same = [i for i in range(len(tokenizer)) if tokenizer.decode([i], skip_special_tokens=True) == text]
        assert counts[text] / 3000 == pytest.approx(float(expected[same].sum()), abs=0.04)


def test_a_nucleus_leaves_out_what_is_unlikely(causal: Any, tokenizer: Any) -> None:
    prompt = "Tom has 3"
    ids = tokenizer(prompt, return_tensors="pt", add_special_tokens=False).input_ids
    likely = causal(ids).logits[0, -1].softmax(-1).sort(descending=True)
    size = int((likely.values.cumsum(-1) - likely.values < 0.5).sum())
    allowed = {tokenizer.decode([int(i)], skip_special_tokens=True) for i in likely.indices[:size]}
    drawn = sample_all(causal, tokenizer, [prompt] * 300, Sampling(1.0, 0.5, max_tokens=1), range(300))
    assert {completion.text for completion in drawn} <= allowed
    assert len({completion.text for completion in drawn}) > 1 or size == 1


def test_top_k_applies_before_the_nucleus(causal: Any, tokenizer: Any) -> None:
    prompt = "Tom has 3"
    ids = tokenizer(prompt, return_tensors="pt", add_special_tokens=False).input_ids
    likely = causal(ids).logits[0, -1].softmax(-1).topk(8)
    share = float(likely.values[:3].sum() / likely.values.sum())  # of the eight, the first three have this
    asked = ((Sampling(1.0, max_tokens=1, top_k=8), 8), (Sampling(1.0, share - 1e-4, max_tokens=1, top_k=8), 3))
    for sampling, size in asked:
        allowed = {tokenizer.decode([int(i)], skip_special_tokens=True) for i in likely.indices[:size]}
        drawn = sample_all(causal, tokenizer, [prompt] * 400, sampling, range(400), slots=64)
        assert {completion.text for completion in drawn} == allowed


def test_tokens_of_limited_sequences_do_not_depend_on_batch_mates(causal: Any, tokenizer: Any) -> None:
    limits = [Sampling(1.0, 0.9 if i % 2 else 1.0, max_tokens=12, top_k=(0, 3, 20, 9999)[i % 4]) for i in range(40)]
    asked = [Request(f"r{i}", PROMPTS[i], limits[i], i) for i in range(40)]
    lm = TransformersLM("tiny", causal, tokenizer, slots=16)
    try:
        together = texts(ask(lm, asked))
        assert [texts(ask(lm, [request]))[0] for request in asked] == together
    finally:
        lm.close()


def test_the_seed_decides_the_text(lm: TransformersLM) -> None:
    asked = requests([PROMPTS[1]] * 20, FREE, seed=100)
    first, second = ask(lm, asked), ask(lm, asked)
    assert texts(first) == texts(second)
    assert len({text for text, _, _ in texts(first)}) > 15
    assert texts(ask(lm, [Request("big", PROMPTS[1], FREE, 2**63 - 1)]))


def test_a_stream_adds_up_to_the_batch_text(lm: TransformersLM) -> None:
    for sampling in (FREE, NUCLEUS):
        asked = requests(PROMPTS[:40], sampling)
        shown: dict[str, list[str]] = defaultdict(list)
        done: queue.Queue[Completion | Failure] = queue.Queue()
        lm.submit(asked, done.put, lambda key, new, shown=shown: shown[key].append(new))  # type: ignore[misc]
        streamed = {result.request_id: result for result in take(done, len(asked))}
        assert texts(streamed[r.request_id] for r in asked) == texts(ask(lm, asked))
        for result in streamed.values():
            assert "".join(shown[result.request_id]) == result.text
        assert max(len(parts) for parts in shown.values()) > 3


def test_a_stream_sends_whole_characters_only(causal: Any, tokenizer: Any) -> None:
    """The model is made to spell out a text of many-byte characters, a byte or two per token."""
    wanted = "½ €: 東京🍎é"
    ids = tokenizer.encode(wanted, add_special_tokens=False)
    parts = _stream_forced(causal, tokenizer, ids, Sampling(0.0, max_tokens=len(ids)))
    assert len(ids) > len(parts) > 3
    assert "".join(parts) == wanted
    assert all("\ufffd" not in part for part in parts)


def test_a_stream_holds_back_what_may_become_a_stop_string(causal: Any, tokenizer: Any) -> None:
    ids = tokenizer.encode("It is 7. The answer ends", add_special_tokens=False)
    parts = _stream_forced(causal, tokenizer, ids, Sampling(0.0, max_tokens=len(ids), stop=(" answer",)))
    assert "".join(parts) == "It is 7. The"
    kept = _stream_forced(causal, tokenizer, ids, Sampling(0.0, max_tokens=len(ids), stop=(" answered",)))
    assert "".join(kept) == "It is 7. The answer ends"


def _stream_forced(causal: Any, tokenizer: Any, ids: list[int], sampling: Sampling) -> list[str]:
    """What streams when the model's head is bent, step by step, to say these tokens."""
    steps = iter(ids)

    def bend(module: Any, inputs: Any, logits: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.one_hot(torch.tensor(next(steps)), logits.shape[-1]).float().expand_as(logits)

    hook = causal.lm_head.register_forward_hook(bend)
    model = TransformersLM("forced", causal, tokenizer, slots=1)
    parts: list[str] = []
    done: queue.Queue[Completion | Failure] = queue.Queue()
    try:
        model.submit([Request("f", "Tom", sampling, 0)], done.put, lambda _, new: parts.append(new))
        result = done.get(timeout=WAIT)
    finally:
        model.close()
        hook.remove()
    assert isinstance(result, Completion)
    assert "".join(parts) == result.text
    return parts


def test_a_stop_token_ends_the_text_and_is_no_part_of_it(causal: Any, tokenizer: Any) -> None:
    long = Sampling(1.0, max_tokens=100, stop=("<|im_end|>",))
    free = sample_all(causal, tokenizer, PROMPTS[:80], Sampling(1.0, max_tokens=100), range(80))
    stopped = sample_all(causal, tokenizer, PROMPTS[:80], long, range(80))
    ended = [(f, s) for f, s in zip(free, stopped, strict=True) if s.tokens < f.tokens]
    assert ended
    for without, with_stop in ended:
        assert with_stop.finish_reason == "stop"
        assert "<|im_end|>" not in with_stop.text
        assert without.text.startswith(with_stop.text)


def test_a_stop_string_ends_the_text_before_it(causal: Any, tokenizer: Any) -> None:
    free = sample_all(causal, tokenizer, PROMPTS[:60], FREE, range(60))
    # A pair of characters that some texts have: it may begin in one token and end in the next.
    sample = next(c.text for c in free if len(c.text) > 12)
    stop = sample[6:8]
    stopped = sample_all(causal, tokenizer, PROMPTS[:60], Sampling(1.0, max_tokens=16, stop=(stop,)), range(60))
    for without, with_stop in zip(free, stopped, strict=True):
        assert with_stop.text == without.text.split(stop)[0]
        assert (with_stop.finish_reason == "stop") == (stop in without.text or without.finish_reason == "stop")
    assert any(s.finish_reason == "stop" for s in stopped)


def test_end_of_text_ends_it_at_once_even_empty(causal: Any, tokenizer: Any) -> None:
    hook = causal.lm_head.register_forward_hook(
        lambda module, inputs, logits: (
            torch.nn.functional.one_hot(torch.tensor(0), logits.shape[-1]).float().expand_as(logits)
        )
    )
    try:
        (empty,) = sample_all(causal, tokenizer, ["Tom"], GREEDY, [0])
    finally:
        hook.remove()
    assert (empty.text, empty.tokens, empty.finish_reason) == ("", 1, "stop")


def test_a_text_is_cut_off_at_max_tokens_and_at_the_models_positions(causal: Any, tokenizer: Any) -> None:
    short = sample_all(causal, tokenizer, PROMPTS[:30], Sampling(1.0, max_tokens=3), range(30))
    assert {c.finish_reason for c in short} <= {"length", "stop"}
    assert any(c.finish_reason == "length" and c.tokens == 3 for c in short)
    endless = sample_all(causal, tokenizer, [" Tom"] * 10, Sampling(1.0, max_tokens=10_000), range(10))
    full = [c for c in endless if c.finish_reason == "length"]
    assert full
    assert all(c.tokens + c.prompt_tokens == POSITIONS for c in full)


def test_a_prompt_that_is_too_long_or_empty_fails_alone(lm: TransformersLM) -> None:
    long, empty, surrogate, good = ask(lm, requests(["Tom " * 400, "", "\ud800", PROMPTS[0]], FREE))
    for failure in (long, empty, surrogate):
        assert isinstance(failure, Failure)
        assert isinstance(failure.error, ItemError)
        assert not failure.fatal
    assert "at most 255" in str(long.error)  # type: ignore[union-attr]
    assert isinstance(good, Completion)


def test_cancelled_requests_still_answer_and_the_others_go_on(lm: TransformersLM) -> None:
    asked = requests([" Tom"] * 90, Sampling(1.0, max_tokens=200))
    done: queue.Queue[Completion | Failure] = queue.Queue()
    begun = threading.Event()
    lm.submit(asked, done.put, lambda key, new: begun.set())
    assert begun.wait(WAIT)
    half = [r.request_id for r in asked[::2]]
    lm.cancel([*half, "unknown"])
    results = {r.request_id: r for r in take(done, 90)}
    reasons = {key: r.finish_reason for key, r in results.items() if isinstance(r, Completion)}
    assert len(reasons) == 90
    assert any(reasons[key] == "cancelled" for key in half)
    assert all(reasons[r.request_id] != "cancelled" for r in asked[1::2])
    survivors = [results[r.request_id] for r in asked[1::2]]
    assert texts(survivors) == texts(ask(lm, asked[1::2]))


def test_three_hundred_requests_from_many_threads_all_come_back(lm: TransformersLM) -> None:
    asked = requests([PROMPTS[i % 200] for i in range(300)], FREE)
    done: queue.Queue[Completion | Failure] = queue.Queue()
    threads = [threading.Thread(target=lm.submit, args=(asked[i::6], done.put)) for i in range(6)]
    for thread in threads:
        thread.start()
    results = {r.request_id: r for r in take(done, 300)}
    assert len(results) == 300
    assert texts(results[r.request_id] for r in asked[:50]) == texts(ask(lm, asked[:50]))


def test_a_live_request_overtakes_a_full_batch(causal: Any, tokenizer: Any) -> None:
    model = TransformersLM("busy", causal, tokenizer, slots=4)
    done: queue.Queue[Completion | Failure] = queue.Queue()
    begun = threading.Event()
    model.submit(requests([" Tom"] * 16, Sampling(1.0, max_tokens=60)), done.put, lambda key, new: begun.set())
    assert begun.wait(WAIT)
    model.submit(requests([PROMPTS[0]], Sampling(1.0, max_tokens=2), "live", LIVE), done.put)
    order = [r.request_id for r in take(done, 17)]
    model.close()
    assert order.index("live0") < 8


def test_two_models_of_a_device_share_its_thread_and_both_go_on(causal: Any, tokenizer: Any) -> None:
    one, two = (TransformersLM(name, causal, tokenizer, slots=8) for name in ("one", "two"))
    done: queue.Queue[str] = queue.Queue()
    threads: set[str] = set()

    def note(which: str) -> Any:
        def take_note(result: Completion | Failure) -> None:
            threads.add(threading.current_thread().name)
            done.put(which)

        return take_note

    one.submit(requests([" Tom"] * 60, Sampling(1.0, max_tokens=60)), note("one"))
    two.submit(requests([" Tom"] * 8, Sampling(1.0, max_tokens=4)), note("two"))
    order = take(done, 68)
    one.close()
    two.close()
    assert len(threads) == 1
    assert max(i for i, which in enumerate(order) if which == "two") < 60


def test_close_ends_what_is_in_flight_as_cancelled(causal: Any, tokenizer: Any) -> None:
    model = TransformersLM("closing", causal, tokenizer, slots=4)
    done: queue.Queue[Completion | Failure] = queue.Queue()
    model.submit(requests([" Tom"] * 30, Sampling(1.0, max_tokens=200)), done.put)
    model.close()
    results = take(done, 30)
    assert any(r.finish_reason == "cancelled" for r in results)
    model.submit(requests([" Tom"], FREE), done.put)
    assert take(done, 1)[0].finish_reason == "cancelled"
    model.close()


@pytest.mark.parametrize("where", ["model", "lm_head"])
def test_a_failing_forward_pass_fails_everything_in_one_sentence(causal: Any, tokenizer: Any, where: str) -> None:
    def fail(module: Any, inputs: Any) -> None:
        raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB\nand a long trace")

    model = TransformersLM("failing", causal, tokenizer, slots=4)
    hook = getattr(causal, where).register_forward_pre_hook(fail)
    try:
        failures = ask(model, requests(PROMPTS[:10], FREE))
    finally:
        hook.remove()
    later = ask(model, requests(PROMPTS[:1], FREE, priority=BATCH))
    model.close()
    for failure in [*failures, *later]:
        assert isinstance(failure, Failure)
        assert failure.fatal
        assert isinstance(failure.error, BackendError)
        assert str(failure.error).startswith("The model 'failing' failed: CUDA out of memory. Tried to allocate 2 GiB;")
        assert "lower the role's slots" in str(failure.error)
        assert "\n" not in str(failure.error)
