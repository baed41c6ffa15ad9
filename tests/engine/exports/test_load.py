"""Other tools load what is exported, unchanged: ``datasets`` every format, TRL's trainers theirs, for one step each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.engine.exports.conftest import DROPPED, PAIRS, REJECTED, Make

datasets = pytest.importorskip("datasets", reason="the extra train is not installed")
ROWS = PAIRS + 1 - len(REJECTED)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def load(*args: str, **options: Any) -> Any:
    return datasets.load_dataset(*args, **options)


def test_a_dataset_folder_is_opened_by_its_card(make: Make) -> None:
    folder = make("hf", validation=0.3)
    found = load(str(folder))
    assert set(found) == {"train", "validation"}
    assert found["train"].num_rows + found["validation"].num_rows == ROWS
    assert load(str(folder), split="train")[0]["query"]
    dropped = load(str(folder), "rejected", split="train")
    assert dropped.num_rows == len(DROPPED)
    assert set(dropped["drop_stage"]) == {"solvability"}


def test_a_dataset_folder_of_which_nothing_was_dropped_opens_too(make: Make) -> None:
    folder = make("hf", {"status": ["accepted"]})
    assert load(str(folder), split="train").num_rows == 3
    assert not (folder / "data" / "rejected-00000-of-00001.parquet").exists()


@pytest.mark.parametrize("form", ["jsonl", "messages", "alpaca", "sharegpt", "prompt_completion", "csv", "parquet"])
def test_a_folder_of_every_other_format_opens_with_its_splits(make: Make, form: str) -> None:
    found = load(str(make(form, validation=0.3)))
    assert set(found) == {"train", "validation"}
    assert found["train"].num_rows + found["validation"].num_rows == ROWS


def test_preferences_and_dropped_questions_open_as_files(make: Make) -> None:
    assert load(str(make("dpo")), split="train").column_names == ["prompt", "chosen", "rejected"]
    file = make("rejected") / "rejected.jsonl"
    assert load("json", data_files=str(file), split="train").num_rows == len(DROPPED)


@pytest.mark.parametrize("form", ["messages", "prompt_completion"])
def test_trl_fine_tunes_on_it_unchanged(make: Make, nano: Path, tmp_path: Path, form: str) -> None:
    trl = pytest.importorskip("trl")
    model, tokenizer = opened(nano)
    settings = trl.SFTConfig(str(tmp_path / "sft"), max_length=256, **ONE_STEP)
    rows = load(str(make(form)), split="train")
    trainer = trl.SFTTrainer(model, settings, train_dataset=rows, processing_class=tokenizer)
    assert trainer.train().training_loss > 0


def test_trl_learns_preferences_from_it_unchanged(make: Make, nano: Path, tmp_path: Path) -> None:
    trl = pytest.importorskip("trl")
    model, tokenizer = opened(nano)
    settings = trl.DPOConfig(str(tmp_path / "dpo"), max_length=256, **ONE_STEP)
    rows = load(str(make("dpo")), split="train")
    trainer = trl.DPOTrainer(model, args=settings, train_dataset=rows, processing_class=tokenizer)
    assert trainer.train().training_loss > 0


ONE_STEP: dict[str, Any] = {
    "max_steps": 1,
    "per_device_train_batch_size": 2,
    "use_cpu": True,
    "report_to": [],
    "save_strategy": "no",
    "logging_strategy": "no",
    "disable_tqdm": True,
}
_CHAT = "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"


def opened(nano: Path) -> tuple[Any, Any]:
    """The bundled solver, with a chat template where it has none."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(nano / "solver")
    tokenizer.chat_template = tokenizer.chat_template or _CHAT
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    return AutoModelForCausalLM.from_pretrained(nano / "solver", dtype="float32"), tokenizer
