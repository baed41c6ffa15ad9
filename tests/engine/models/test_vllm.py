"""The vLLM backend on the real vLLM: the same tokens and scores as transformers, live requests first, engines kept."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.config.profiles import Role
from engine.config.prompts import Template
from engine.config.sampling import Sampling
from engine.models.base import BATCH, LIVE, Completion, Failure, Request, Scored
from engine.models.load import open_score, open_text
from engine.models.local.decode import sample_all
from engine.models.vllm.text import VllmText
from store.errors import InputError
from tests.engine.models import families, saved, tiny
from tests.engine.models.tiny import WAIT, ask, requests, texts
from tests.engine.models.vllm import needs_vllm

pytestmark = needs_vllm

PROMPTS = ["<|im_start|>user\n" + "Tom has 3 apples. " * (i % 5) + "He " * (i % 3) for i in range(64)]
GREEDY = Sampling(temperature=0.0, max_tokens=24)
NUCLEUS = Sampling(temperature=0.7, top_p=0.9, max_tokens=24, stop=("<|im_end|>", "ap"))


def role(folder: Path, backend: str = "vllm", **rest: Any) -> Role:
    part = "solver" if backend == "vllm" else "reward"
    return Role(part, "tiny", backend, str(folder), Template("plain", "{question}"), dtype="float32", **rest)


@pytest.fixture(scope="module", params=["qwen2", "llama"])
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def folder(family: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved.causal(family, tmp_path_factory.mktemp(family))


@pytest.fixture(scope="module")
def lm(folder: Path) -> Iterator[VllmText]:
    model = open_text(role(folder))
    assert isinstance(model, VllmText)
    yield model
    model.close()


def test_greedy_tokens_equal_those_of_the_transformers_backend(lm: VllmText, family: str, folder: Path) -> None:
    tokenizer = saved.reader(folder)
    theirs = sample_all(tiny.causal(family, len(tokenizer)), tokenizer, PROMPTS, GREEDY, range(64))
    assert texts(ask(lm, requests(PROMPTS, GREEDY))) == texts(theirs)


def test_sampled_texts_depend_on_prompt_and_seed_alone(lm: VllmText) -> None:
    together = ask(lm, requests(PROMPTS, NUCLEUS))
    one_by_one = [ask(lm, [request])[0] for request in requests(PROMPTS, NUCLEUS)[:8]]
    assert texts(one_by_one) == texts(together[:8])
    assert texts(ask(lm, requests(PROMPTS, NUCLEUS, seed=1000))) != texts(together)


def test_seeds_are_left_out_where_they_promise_nothing(lm: VllmText) -> None:
    """As on a GPU, where vLLM samples more slowly with them."""
    unseeded = VllmText("tiny", lm.engine, 64, seeded=False)
    assert unseeded.params(NUCLEUS, 7, 24, streamed=False).seed is None
    assert lm.params(NUCLEUS, 7, 24, streamed=False).seed == 7


def test_a_live_request_is_served_while_a_batch_runs(lm: VllmText) -> None:
    done: queue.Queue[Completion | Failure] = queue.Queue()
    lm.submit(requests(PROMPTS * 10, Sampling(1.0, max_tokens=100), "batch", BATCH), done.put)
    told: list[str] = []
    lm.submit(requests(PROMPTS[:1], GREEDY, "live", LIVE), done.put, lambda _, text: told.append(text))
    order = [done.get(timeout=WAIT) for _ in range(641)]
    place = next(i for i, result in enumerate(order) if result.request_id == "live0")
    assert place < 200
    live = order[place]
    assert isinstance(live, Completion)
    assert "".join(told) == live.text
    assert len(told) > 1


@pytest.mark.parametrize("make", [saved.classifier, saved.qwen2_reward, saved.internlm2_reward])
def test_raw_scores_equal_those_of_transformers(make: Any, tmp_path: Path) -> None:
    folder, score = make(tmp_path / "model")
    model = open_score(role(folder, "vllm-pooling", trust_remote_code=make is saved.internlm2_reward))
    done: queue.Queue[Any] = queue.Queue()
    rows = [(prompt, "He has 7." if i % 2 else None) for i, prompt in enumerate(PROMPTS)]
    model.submit("all", rows, done.put)
    scored = done.get(timeout=WAIT)
    assert isinstance(scored, Scored), scored
    expected = [score(first + (second or "")) for first, second in rows]
    assert scored.scores == pytest.approx(expected, abs=1e-4)
    assert not all(0 <= value <= 1 for value in scored.scores)
    model.submit("long", [rows[0], ("Tom has 3 apples. " * 200, None)], done.put)
    assert done.get(timeout=WAIT).scores == (pytest.approx(expected[0], abs=1e-4), None)
    model.close()


def test_a_template_that_spells_the_token_at_which_a_reward_is_read_is_refused(tmp_path: Path) -> None:
    folder, _ = saved.internlm2_reward(tmp_path / "model")
    asked = role(folder, "vllm-pooling", trust_remote_code=True)
    spelt = Template("mine", "{question}", end=families.REWARD_TOKEN)
    with pytest.raises(InputError, match=r"^reward\.template 'mine' spells '\[UNUSED_TOKEN_130\]', at whose id 300 "):
        open_score(replace(asked, template=spelt))
    with pytest.raises(InputError, match=r"^reward\.reward_token_id 9000 is not a token of the model"):
        open_score(replace(asked, reward_token_id=9000))


def test_a_closed_engine_is_used_again(folder: Path, lm: VllmText) -> None:
    again = open_text(role(folder))
    before = texts(ask(again, requests(PROMPTS[:4], GREEDY)))
    again.close()
    ended = ask(again, requests(PROMPTS[:1], GREEDY))[0]
    assert isinstance(ended, Completion)
    assert ended.finish_reason == "cancelled"
    assert texts(ask(lm, requests(PROMPTS[:4], GREEDY))) == before  # the one that stands on the same engine goes on


def test_a_folder_without_weights_is_refused_in_one_sentence(folder: Path, tmp_path: Path) -> None:
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    with pytest.raises(InputError, match=r"^solver\.model .*cannot be loaded by vLLM") as refused:
        open_text(role(tmp_path))
    assert "\n" not in str(refused.value)


def test_code_from_the_hub_needs_a_pinned_revision() -> None:
    asked = role(Path("internlm/internlm2-7b-reward"), "vllm-pooling")
    with pytest.raises(InputError, match=r"reward\.revision"):
        asked.replaced(trust_remote_code=True)
    replace(asked, trust_remote_code=True, revision="0123abc")


def test_a_classifier_of_several_classes_is_refused(tmp_path: Path) -> None:
    tokenizer = tiny.tokenizer()
    model = tiny.classifier(len(tokenizer), labels=3)
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(InputError, match="3 classes"):
        open_score(role(tmp_path, "vllm-pooling"))


def test_a_prompt_that_is_too_long_fails_alone(lm: VllmText) -> None:
    results = ask(lm, [*requests(["Tom " * 400], GREEDY, "long"), *requests(PROMPTS[:2], GREEDY)])
    assert isinstance(results[0], Failure)
    assert not results[0].fatal
    assert "tokens" in str(results[0].error)
    assert all(isinstance(result, Completion) for result in results[1:])


def test_a_request_that_vllm_refuses_fails_alone(lm: VllmText) -> None:
    bad = Request("bad", PROMPTS[0], Sampling(temperature=float("inf"), max_tokens=4), 1)
    results = ask(lm, [bad, *requests(PROMPTS[:1], GREEDY)])
    assert isinstance(results[0], Failure)
    assert not results[0].fatal
    assert isinstance(results[1], Completion)


def test_an_engine_in_a_process_of_its_own_answers_and_leaves_nothing_behind(folder: Path) -> None:
    """As on a GPU; in a process of the test's own, since vLLM reads the setting once."""
    code = (
        "import sys, psutil\n"
        "from pathlib import Path\n"
        "from engine.config.sampling import Sampling\n"
        "from engine.models.load import open_text\n"
        "from tests.engine.models.test_vllm import role\n"
        "from tests.engine.models.tiny import ask, requests, texts\n"
        "if __name__ == '__main__':\n"
        "    asked = requests(['Tom has 3 apples.'] * 4, Sampling(0.0, max_tokens=8))\n"
        "    for _ in range(2):\n"
        "        model = open_text(role(Path(sys.argv[1])))\n"
        "        print(texts(ask(model, asked)), len(psutil.Process().children(recursive=True)) > 0)\n"
        "        model.close()\n"
        "        late = ask(model, asked[:1])[0].finish_reason\n"
        "        _, alive = psutil.wait_procs(psutil.Process().children(recursive=True), timeout=30)\n"
        "        print(late, [p.name() for p in alive if 'Engine' in ' '.join(p.cmdline())])\n"
    )
    environment = {**os.environ, "VLLM_ENABLE_V1_MULTIPROCESSING": "1", "PYTHONPATH": os.getcwd()}
    ran = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, env=environment, timeout=300
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    first, after, again, after_again = ran.stdout.splitlines()[-4:]
    assert first == again
    assert first.endswith("True")
    assert after == after_again == "cancelled []"
