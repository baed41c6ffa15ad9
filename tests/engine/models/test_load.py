"""From a role to a live model, and every way in which that can go wrong: one sentence, no traceback."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from scipy.special import expit

from engine.config.profiles import Role
from engine.config.prompts import template
from engine.config.sampling import Sampling
from engine.models.base import Completion, Failure, Request, Scored
from engine.models.load import open_score, open_text
from store.errors import InputError
from tests.engine.models import tiny, vllm
from tests.engine.models.tiny import ask, take, texts


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory, tokenizer: Any) -> dict[str, Path]:
    """A causal model, a classifier with one label and one with three, as folders."""
    root = tmp_path_factory.mktemp("models")
    causal = tiny.causal("qwen2", len(tokenizer))
    three = tiny.classifier(len(tokenizer))
    three.config.num_labels, three.score = 3, torch.nn.Linear(128, 3, bias=False)
    made = {"causal": causal, "classifier": tiny.classifier(len(tokenizer)), "three": three}
    for name, model in made.items():
        model.save_pretrained(root / name)
        tokenizer.save_pretrained(root / name)
    return {name: root / name for name in made}


def solver(model: Path | str, **changes: Any) -> Role:
    role = Role("solver", "tiny", "transformers", str(model), template("nano-solve"), device="cpu", slots=8)
    return replace(role, **changes)


def scorer(role: str, backend: str, model: Path | str, **changes: Any) -> Role:
    prompt = template("nano-solve" if role == "reward" else "nano-score")
    return replace(Role(role, "tiny", backend, str(model), prompt, device="cpu"), **changes)


def by_first_token(backend: str, model: Path, token: str) -> Role:
    given: dict[str, Any] = {"token": token, "dtype": "float32", "device": "cpu", "slots": 8}
    return Role("difficulty", "tiny", backend, str(model), template("plain"), **given)


@pytest.mark.parametrize("backend", ["first-token", pytest.param("vllm-first-token", marks=vllm.needs_vllm)])
def test_a_first_tokens_odds_are_those_of_the_models_own_probabilities(
    folders: dict[str, Path], tokenizer: Any, backend: str
) -> None:
    prompts = [f"Tom has {i} apples. " * (1 + i % 5) for i in range(12)]
    causal = tiny.causal("qwen2", len(tokenizer))
    likely = []
    for prompt in prompts:
        ids = tokenizer(prompt, return_tensors="pt", add_special_tokens=False).input_ids
        likely.append(causal(ids).logits[0, -1].detach().double().softmax(-1))
    single = [i for i in range(len(tokenizer)) if tokenizer.encode(tokenizer.decode([i])) == [i]]
    token_id = max(single, key=lambda i: float(likely[0][i]))
    expected = [1 - float(probabilities[token_id]) for probabilities in likely]
    role = by_first_token(backend, folders["causal"], tokenizer.decode([token_id]))
    model = open_score(role)
    done: queue.Queue[Scored | Failure] = queue.Queue()
    model.submit("s", [(prompt, None) for prompt in [*prompts, "Tom has 3 apples. " * 100]], done.put)
    (result,) = take(done, 1)
    model.close()
    assert isinstance(result, Scored)
    assert result.scores[-1] is None  # longer than the model's context
    found = [float(expit(score)) for score in result.scores[:-1] if score is not None]
    assert found == pytest.approx(expected, abs=2e-4)
    assert max(expected) - min(expected) > 0.1


@pytest.mark.parametrize("backend", ["first-token", pytest.param("vllm-first-token", marks=vllm.needs_vllm)])
def test_a_first_token_that_is_several_tokens_is_refused(folders: dict[str, Path], backend: str) -> None:
    with pytest.raises(InputError, match=r"difficulty.token '</think>' is \d+ tokens to the model"):
        open_score(by_first_token(backend, folders["causal"], "</think>"))
    with pytest.raises(InputError, match="token '' is missing"):
        by_first_token(backend, folders["causal"], "")
    with pytest.raises(InputError, match="backend"):
        replace(by_first_token(backend, folders["causal"], "</think>"), role="reward")


def test_a_folder_serves_texts_like_the_model_in_memory(folders: dict[str, Path], tokenizer: Any) -> None:
    from engine.models.local.decode import sample_all

    sampling = Sampling(1.0, max_tokens=8)
    (expected,) = sample_all(tiny.causal("qwen2", len(tokenizer)), tokenizer, ["Tom has"], sampling, [3])
    model = open_text(solver(folders["causal"]))
    (result,) = ask(model, [Request("r", "Tom has", sampling, 3)])
    model.close()
    assert isinstance(result, Completion)
    assert result.text == expected.text
    assert model.window >= 8


def test_one_folder_serves_texts_and_rewards_at_once(folders: dict[str, Path]) -> None:
    text, reward = open_text(solver(folders["causal"])), open_score(scorer("reward", "logprob", folders["causal"]))
    done: queue.Queue[Any] = queue.Queue()
    text.submit([Request(str(i), "Tom has", Sampling(1.0, max_tokens=20), i) for i in range(20)], done.put)
    reward.submit("s", [("Tom has", " 3 apples")] * 3, done.put)
    results = take(done, 21)
    text.close()
    reward.close()
    assert sum(isinstance(r, Scored) for r in results) == 1
    assert not any(isinstance(r, Failure) for r in results)


def test_scorers_open_by_backend(folders: dict[str, Path]) -> None:
    done: queue.Queue[Any] = queue.Queue()
    for role in (
        scorer("judge", "classifier", folders["classifier"]),
        scorer("reward", "logprob", folders["causal"], aggregate="sum"),
        scorer("difficulty", "linear", "assets/text/level"),
    ):
        model = open_score(role)
        model.submit("s", [("Tom has 3 apples and buys 4 more. How many apples does he have?", " 7")], done.put)
        result = take(done, 1)[0]
        model.close()
        assert isinstance(result, Scored)
        assert isinstance(result.scores[0], float)


def test_a_stated_domain_keeps_other_texts_out(folders: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "judge"
    folder.symlink_to(folders["classifier"])
    limits = folders["classifier"] / "domain.json"
    limits.write_text(
        json.dumps(
            {"words": ["tom", "has", "apples", "and", "buys", "more"], "max_unknown_share": 0.2, "max_characters": 100}
        )
    )
    done: queue.Queue[Any] = queue.Queue()
    model = open_score(scorer("judge", "classifier", folder))
    known, strange, long = "Tom has 3 apples and buys 4 more", "Zygotic quasi-isomorphisms", "Tom has 3 apples. " * 20
    model.submit("s", [(f"<|im_start|>{text}<|im_end|>", None) for text in (known, strange, long)], done.put)
    inside, outside, too_long = take(done, 1)[0].scores
    model.close()
    limits.write_text("[]")
    with pytest.raises(InputError, match=r"domain\.json.*does not state words"):
        open_score(scorer("judge", "classifier", folder))
    limits.unlink()
    assert isinstance(inside, float)
    assert outside is None
    assert too_long is None


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def _damage(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])


def _drop_tokenizer(folder: Path) -> None:
    for path in folder.glob("tokenizer*"):
        path.unlink()


def _break_config(folder: Path) -> None:
    (folder / "config.json").write_text("{")


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (_empty, "is not a model folder: it has no config.json"),
        (_damage, "cannot be loaded"),
        (_drop_tokenizer, "has no tokenizer"),
        (_break_config, "cannot be loaded"),
    ],
)
def test_a_spoilt_folder_is_one_sentence(
    folders: dict[str, Path], tmp_path: Path, spoil: Callable[[Path], None], sentence: str
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for path in folders["causal"].iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    spoil(folder)
    with pytest.raises(InputError) as caught:
        open_text(solver(folder))
    assert sentence in str(caught.value)
    assert str(caught.value).startswith(f"solver.model '{folder}' ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("role", "sentence"),
    [
        (solver("/nowhere/model"), "solver.model '/nowhere/model' is not a model folder; give a folder with"),
        (solver("assets/nano/no-such"), "is not a model folder; build it with `scalequest train nano`."),
        (solver("nobody/no-such-model"), "solver.model 'nobody/no-such-model' cannot be loaded: "),
        (
            solver("nobody/none", backend="vllm"),
            "cannot be loaded by vLLM" if vllm.HERE else "'vllm' is not installed",
        ),
    ],
)
def test_a_model_that_is_not_there_is_one_sentence(role: Role, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputError) as caught:
        open_text(role)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_device_that_is_not_there_is_one_sentence(folders: dict[str, Path]) -> None:
    for device in ("cuda:99", "warp"):
        with pytest.raises(InputError, match=r"solver\.device"):
            open_text(solver(folders["causal"], device=device))


def test_several_devices_share_a_roles_work(folders: dict[str, Path]) -> None:
    sampling = Sampling(1.0, max_tokens=8)
    asked = [Request(str(i), "Tom has", sampling, i) for i in range(40)]
    one, two = open_text(solver(folders["causal"])), open_text(solver(folders["causal"], device="cpu, cpu"))
    assert two.window == 2 * one.window
    assert texts(ask(two, asked)) == texts(ask(one, asked))
    scored: queue.Queue[Any] = queue.Queue()
    pair = open_score(scorer("reward", "logprob", folders["causal"], device="cpu,cpu"))
    pair.submit("s", [("Tom has", " 3 apples")], scored.put)
    assert isinstance(take(scored, 1)[0], Scored)
    for model in (one, two, pair):
        model.close()


def test_a_scorer_must_have_one_label_and_a_trained_head(folders: dict[str, Path]) -> None:
    with pytest.raises(InputError, match=r"scores 3 classes, not one number"):
        open_score(scorer("judge", "classifier", folders["three"]))
    with pytest.raises(InputError, match="it has no weights for score"):
        open_score(scorer("judge", "classifier", folders["causal"]))


def test_reading_profiles_and_asking_for_a_missing_model_loads_no_torch() -> None:
    code = (
        "import sys; from engine.models.load import open_text; from engine.config.profiles import Role\n"
        "from engine.config.prompts import template\n"
        "try: open_text(Role('solver', 's', 'transformers', '/nowhere', template('nano-solve')))\n"
        "except ValueError as error: print(error)\n"
        "print('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "False"


def test_a_process_that_forgets_to_close_ends_cleanly(folders: dict[str, Path]) -> None:
    code = (
        "from engine.models.load import open_text; from engine.config.profiles import Role\n"
        "from engine.models.base import Request; from engine.config.sampling import Sampling\n"
        "from engine.config.prompts import template\n"
        f"model = open_text(Role('solver', 's', 'transformers', {str(folders['causal'])!r}, template('nano-solve')))\n"
        "model.submit([Request(str(i), 'Tom', Sampling(1.0, max_tokens=200), i) for i in range(50)], print)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert "Traceback" not in ran.stderr
