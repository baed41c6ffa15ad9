"""A role with a LoRA adapter, on every backend in process: adapters that our own trainings have saved."""

from __future__ import annotations

import json
import queue
import shutil
from pathlib import Path
from typing import Any

import peft
import pytest
from transformers import AutoModelForCausalLM

from engine.config.profiles import Role, load_profile, profile_of
from engine.config.prompts import template
from engine.config.run_config import RunConfig
from engine.config.sampling import Sampling
from engine.config.validation import validate
from engine.models import adapters
from engine.models.base import Completion, Request, Scored
from engine.models.load import check_folder, open_score, open_text
from engine.models.tokenizers import PROBE, is_misread, load_tokenizer
from engine.training import record
from store.errors import InputError
from tests.engine.models import families
from tests.engine.models.vllm import needs_vllm
from tests.engine.training.generators import jsonl, llama, questions, train

LORA = ("--lora", "--lora-rank", "4", "--lora-dropout", "0", "--lr", "1e-2", "--device", "cpu", "--batch", "8")


@pytest.fixture(scope="module", autouse=True)
def models(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Merged copies go to a folder of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCALEQUEST_MODELS", str(folder := tmp_path_factory.mktemp("models")))
        yield folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base, a generator and a judge trained from it, with their adapters."""
    folder = tmp_path_factory.mktemp("trained")
    base, file = llama(folder / "base"), questions(folder / "q.jsonl")
    more = ("--samples", "0", "--epochs", "4")
    assert train("qft", "--base", base, "--questions", file, "--out", folder / "qft", *LORA, *more) == 0
    many = jsonl(folder / "many.jsonl", [{"q": f"Mia has {i} red apples. How many has she now?"} for i in range(40)])
    assert train("judge", "--base", base, "--questions", many, "--field", "q", "--out", folder / "judge", *LORA) == 0
    return folder


def generator(folder: Path, backend: str = "transformers", **changes: Any) -> Role:
    given = {"model": str(folder / "base"), "adapter": str(folder / "qft" / "adapter"), "dtype": "float32"}
    return Role("generator", "mine", backend, slots=4, **{"template": template("qwen-generate"), **given, **changes})


def judge(folder: Path, backend: str = "classifier", **changes: Any) -> Role:
    given = {"model": str(folder / "base"), "adapter": str(folder / "judge" / "adapter"), "dtype": "float32", **changes}
    return Role("judge", "mine", backend, template=template("plain"), slots=4, **given)


def text(role: Role) -> str:
    model = open_text(role)
    done: queue.Queue[Any] = queue.Queue()
    model.submit([Request("one", role.template.text, Sampling(0.0, max_tokens=24), 0)], done.put)
    found = done.get(timeout=120)
    model.close()
    assert isinstance(found, Completion), found
    return found.text


def scores(role: Role) -> list[float]:
    model = open_score(role)
    done: queue.Queue[Any] = queue.Queue()
    model.submit("all", [(f"Mia has {i} red apples. How", None) for i in range(4)], done.put)
    found = done.get(timeout=120)
    model.close()
    assert isinstance(found, Scored), found
    return [float(score) for score in found.scores if score is not None]


@pytest.mark.parametrize("backend", ["transformers", pytest.param("vllm", marks=needs_vllm)])
def test_a_text_model_with_its_adapter_writes_as_the_merged_model_and_not_as_its_base(
    trained: Path, backend: str
) -> None:
    merged = generator(trained, model=str(trained / "qft"), adapter="")
    written = text(generator(trained, backend))
    assert written == text(merged)
    assert written != text(generator(trained, adapter=""))


@pytest.mark.parametrize("backend", ["classifier", pytest.param("vllm-pooling", marks=needs_vllm)])
def test_a_score_model_with_its_adapter_scores_as_the_merged_model(trained: Path, backend: str) -> None:
    merged = scores(judge(trained, model=str(trained / "judge"), adapter=""))
    assert scores(judge(trained, backend)) == pytest.approx(merged, abs=2e-2)


def test_a_merged_model_keeps_the_tokenizer_that_transformers_would_rebuild(tmp_path: Path) -> None:
    """As DeepSeekMath's, which loses every blank that way."""
    base = families.causal("deepseek", tmp_path / "base")
    lora = peft.LoraConfig(r=2, target_modules="all-linear", task_type="CAUSAL_LM")
    model = peft.get_peft_model(AutoModelForCausalLM.from_pretrained(base), lora)
    adapters.save(model, str(base), tmp_path / "adapter")
    role = generator(tmp_path, adapter=str(tmp_path / "adapter"), template=template("deepseek-generate"))
    folder = adapters.merged(role).path
    assert folder is not None
    kept, own = load_tokenizer(str(folder)), load_tokenizer(str(base))
    ids = own.encode(PROBE, add_special_tokens=False)
    assert kept.encode(PROBE, add_special_tokens=False) == ids
    assert kept.decode(ids) == own.decode(ids)
    assert not is_misread(str(folder))


def test_an_adapter_is_merged_once_and_again_when_it_has_changed(trained: Path, tmp_path: Path, models: Path) -> None:
    shutil.copytree(trained / "qft" / "adapter", tmp_path / "adapter")
    role = generator(trained, adapter=str(tmp_path / "adapter"))
    first = text(role)
    made = {path.name: path.stat().st_mtime_ns for path in (models / "merged").iterdir()}
    assert text(role) == first
    assert {path.name: path.stat().st_mtime_ns for path in (models / "merged").iterdir()} == made
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    (tmp_path / "adapter" / "adapter_config.json").write_text(json.dumps({**config, "lora_alpha": 0}))
    assert text(role) == text(generator(trained, adapter=""))
    assert len(list((models / "merged").iterdir())) == len(made) + 1


def test_adapters_are_small_and_say_what_they_belong_to(trained: Path) -> None:
    folder = trained / "qft" / "adapter"
    assert {path.name for path in folder.iterdir()} == {"adapter_config.json", "adapter_model.safetensors"}
    assert (folder / "adapter_model.safetensors").stat().st_size < (
        trained / "qft" / "model.safetensors"
    ).stat().st_size
    made = json.loads((folder / "adapter_config.json").read_text())
    assert made["base_model_name_or_path"] == record.read(trained / "qft").base


def test_what_is_no_adapter_of_this_model_is_one_sentence(trained: Path, tmp_path: Path) -> None:
    def fault(role: Role) -> str:
        with pytest.raises(InputError) as raised:
            (open_text if role.writes else open_score)(role)
        return str(raised.value)

    (tmp_path / "empty").mkdir()
    torn = shutil.copytree(trained / "qft" / "adapter", tmp_path / "torn")
    (torn / "adapter_model.safetensors").write_bytes(b"torn")
    other = llama(tmp_path / "other")
    config = json.loads((other / "config.json").read_text())
    assert fault(generator(trained, adapter=str(tmp_path / "none"))).startswith("generator.adapter")
    assert "is not a folder" in fault(generator(trained, adapter=str(tmp_path / "none")))
    assert "has no adapter_config.json" in fault(generator(trained, adapter=str(tmp_path / "empty")))
    assert "SEQ_CLS, while transformers needs CAUSAL_LM" in fault(
        generator(trained, adapter=str(trained / "judge" / "adapter"))
    )
    assert "CAUSAL_LM, while classifier needs SEQ_CLS" in fault(
        judge(trained, adapter=str(trained / "qft" / "adapter"))
    )
    assert "cannot be merged" in fault(generator(trained, adapter=str(torn)))
    (other / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 1}))
    assert "cannot be merged" in fault(generator(trained, model=str(other)))
    with pytest.raises(InputError, match="has no effect on backend openai; serve the merged model"):
        generator(trained, "openai", urls=("http://127.0.0.1:9/v1",))
    with pytest.raises(InputError, match="has no effect on backend linear"):
        judge(trained, "linear")


def test_a_run_config_keeps_the_adapter_and_a_calibration_is_of_one(trained: Path, tmp_path: Path) -> None:
    nano = load_profile("nano-adaptive")
    adapted = nano.with_roles(lambda role: role.replaced(adapter="") if role.role != "generator" else role)
    assert adapted == nano
    table = {
        "generator": {"backend": "transformers", "model": "m", "adapter": "a", "template": "chatml-generate"},
        "judge": "none",
        "difficulty": {"backend": "greedy-confidence", "calibration": "assets/nano/confidence.json"},
        "solver": {"backend": "transformers", "model": "assets/nano/solver", "adapter": "a", "template": "nano-solve"},
        "reward": "none",
    }
    with pytest.raises(InputError, match=r"while the solver is assets/nano/solver with a"):
        profile_of(table, "mine")
    profile = profile_of({**table, "solver": {**table["solver"], "adapter": ""}}, "mine")  # type: ignore[dict-item]
    config = validate(RunConfig, {"profile": profile, "questions": 1})
    assert RunConfig.from_json(config.to_json()).profile.generators[0].adapter == "a"
    with pytest.raises(InputError, match=r"generator.adapter 'a' is not a folder"):
        check_folder(generator(trained, adapter="a"))
