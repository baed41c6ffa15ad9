"""``scalequest train qft``: a tiny Llama is trained, saved, loaded back, killed, resumed; nothing leaves its folder."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file

from engine.config.profiles import Role
from engine.config.prompts import template
from engine.config.sampling import Sampling
from engine.data import training_rows
from engine.models.load import open_text
from engine.training import record
from tests.engine.models import tiny
from tests.engine.models.vllm import needs_vllm
from tests.engine.training.generators import jsonl, llama, questions, refusal, train
from tests.ui.cli.command import ROOT, command, environment

pytest.importorskip("trl", reason="the extra train is not installed")
FAST = ("--lr", "3e-3", "--batch", "4", "--max-length", "64", "--epochs", "3", "--samples", "4", "--device", "cpu")
PROMPT = template("qwen-generate").text


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return llama(tmp_path_factory.mktemp("base") / "llama")


@pytest.fixture(scope="module", params=["full", "lora"])
def trained(request: pytest.FixtureRequest, base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which the training ``mine`` is done."""
    folder = tmp_path_factory.mktemp(request.param)
    file = questions(folder / "q.jsonl")
    lora = ("--lora", "--lora-rank", "4", "--gradient-checkpointing") if request.param == "lora" else ()
    where = ("--workspace", folder / "w", "--name", "mine")
    assert train("qft", "--base", base, "--questions", file, *where, *FAST, *lora) == 0
    return folder / "w" / "models" / "mine"


def role(folder: Path, backend: str = "transformers") -> Role:
    return Role("generator", "mine", backend, str(folder), template("qwen-generate"), dtype="float32")


def texts(folder: Path, backend: str = "transformers") -> list[Any]:
    model = open_text(role(folder, backend))
    try:
        return tiny.texts(tiny.ask(model, tiny.requests([PROMPT, PROMPT + "Tom"], Sampling(0.0, max_tokens=24))))
    finally:
        model.close()


def test_the_loss_falls_and_every_step_is_on_the_curve(trained: Path) -> None:
    done = record.read(trained)
    curve = record.curve(trained, "qft")
    assert done.status == "done"
    assert done.result["loss"] < done.result["first_loss"]
    assert (curve[0]["done"], curve[-1]["done"]) == (1, curve[-1]["total"])
    assert {"loss", "lr", "tokens_per_s", "elapsed_s", "eta_s"} <= curve[-1].keys()
    told = record.events(trained)
    assert (told[0]["event"], told[-1]["event"], told[-1]["status"]) == ("start", "end", "done")


def test_the_folder_is_a_model_that_has_learned_and_holds_no_checkpoint(trained: Path, base: Path) -> None:
    before, after = load_file(base / "model.safetensors"), load_file(trained / "model.safetensors")
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert any("mlp" in name for name in changed)
    assert record.checkpoints(trained) == []
    assert not [path.name for path in trained.iterdir() if path.name.startswith(".")]
    assert texts(trained) != texts(base)


@needs_vllm
def test_vllm_loads_the_result_and_reads_the_same_out_of_it(trained: Path) -> None:
    assert texts(trained, "vllm") == texts(trained)


def test_samples_before_and_after_are_of_equal_seeds_and_counted(trained: Path, base: Path) -> None:
    kept = record.samples(trained)
    assert (kept["n"], kept["template"]) == (4, "qwen-generate")
    assert len(kept["before"]) == len(kept["after"]) == 4
    assert kept["statistics"]["data"]["texts"] == 64
    assert {"mean_words", "mean_chars", "distinct_words", "ended_share"} <= kept["statistics"]["after"].keys()


def test_the_record_says_what_it_was_made_of(trained: Path, base: Path) -> None:
    made = record.read(trained)
    assert made.base == str(base)
    assert made.template == "qwen-generate"  # guessed by the tokenizer's own end token
    assert made.settings["lr"] == 3e-3
    file = made.data["files"][0]
    assert (file["field"], file["rows"], file["used"]) == ("question", 64, 64)
    assert made.command.startswith("scalequest train qft --base ")


def test_a_finished_training_has_nothing_to_resume(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train("qft", "--resume", "--out", trained) == 0
    assert "nothing to resume" in capsys.readouterr().err
    assert "kind qft" in refusal(capsys, "qpo", "--resume", "--out", trained)


def started(base: Path, folder: Path, *more: str) -> subprocess.Popen[str]:
    """A training in a process of its own, with a checkpoint after every step."""
    file = questions(folder.parent / "q.jsonl", 200)
    line = command("train", "qft", "--base", base, "--questions", file, "--out", folder, "--json", *FAST, *more)
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([*line, "--checkpoint-minutes", "0"], env=environment(), **pipes)


def wait_for_step(process: subprocess.Popen[str], step: int) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        event = json.loads(line)
        if event.get("stage") == "qft" and event.get("done", 0) >= step:
            return
    raise AssertionError(process.stderr.read() if process.stderr else "")


def test_a_killed_training_goes_on_to_the_very_weights_of_one_that_was_not(base: Path, tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    with started(base, broken) as process:
        wait_for_step(process, 5)
        process.kill()
    assert record.read(broken).status == "interrupted"
    assert record.checkpoints(broken)
    assert train("qft", "--resume", "--out", broken) == 0
    file = questions(tmp_path / "q.jsonl", 200)
    assert train("qft", "--base", base, "--questions", file, "--out", whole, *FAST) == 0
    curve = record.curve(broken, "qft")
    assert [event["done"] for event in curve] == sorted({event["done"] for event in curve})
    assert record.read(broken).status == "done"
    first, second = load_file(whole / "model.safetensors"), load_file(broken / "model.safetensors")
    assert all(torch.allclose(first[name], second[name], atol=1e-5) for name in first)


@pytest.fixture(scope="module")
def stopped(base: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A training that Ctrl-C has stopped, and what it said then."""
    folder = tmp_path_factory.mktemp("stopped") / "mine"
    with started(base, folder, "--epochs", "9") as process:
        wait_for_step(process, 2)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    return folder, said


def test_ctrl_c_keeps_a_checkpoint_and_says_how_to_go_on(stopped: tuple[Path, str]) -> None:
    folder, said = stopped
    assert f"scalequest train qft --resume --out {folder}" in said
    assert "Traceback" not in said
    assert record.read(folder).status == "interrupted"
    assert record.checkpoints(folder)
    assert not (folder / "config.json").exists()


def test_a_resume_that_would_be_another_training_is_refused(
    stopped: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = stopped
    assert "--lr" in refusal(capsys, "qft", "--resume", "--out", folder, "--lr", "1")
    assert "kind qft" in refusal(capsys, "difficulty", "--resume", "--out", folder)
    questions(folder.parent / "q.jsonl", 199)
    assert "changed" in refusal(capsys, "qft", "--resume", "--out", folder)


_WATCHED = """
import sys
from pathlib import Path
folder, *args = sys.argv[1:]
seen = []
def hook(event, found):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        seen.append((event, str(found[1:])))
    if event == "open" and isinstance(found[0], str) and isinstance(found[1], str) and set(found[1]) & set("wax+"):
        path = Path(found[0]).resolve()
        if path.parts[1] not in ("dev", "proc") and not path.is_relative_to(folder):
            seen.append((event, str(path)))
    if event in ("os.mkdir", "os.rename"):
        path = Path(str(found[0])).resolve()
        if not path.is_relative_to(folder) and "torchinductor" not in path.name:  # torch's own scratch, left empty
            seen.append((event, str(path)))
sys.addaudithook(hook)
import app
code = app.main(args)
print("SEEN", code, [s for s in seen if "__pycache__" not in s[1]])
"""


@pytest.mark.parametrize("kind", ["qft", "qpo"])
def test_a_training_reaches_for_no_network_and_writes_only_into_its_folder(
    kind: str, base: Path, tmp_path: Path
) -> None:
    file = questions(tmp_path / "q.jsonl", 16)
    pairs = jsonl(tmp_path / "p.jsonl", [{"chosen": f"What is {i}?", "rejected": f"{i}"} for i in range(16)])
    data = ["--questions", file] if kind == "qft" else ["--pairs", pairs]
    line = ["train", kind, "--base", base, *data, "--out", tmp_path / "w" / "mine", *FAST, "--checkpoint-minutes", "0"]
    (tmp_path / "w").mkdir()
    home = tmp_path / "home"
    home.mkdir()
    # Not offline by the environment: it must not need that.
    env = {k: v for k, v in environment().items() if not k.startswith("HF_") and k != "CI"} | {"HOME": str(home)}
    watched = [sys.executable, "-B", "-c", _WATCHED, str(tmp_path / "w"), *map(str, line)]
    done = subprocess.run(watched, cwd=ROOT, env=env, capture_output=True, text=True, timeout=240)
    assert done.stdout.splitlines()[-1] == "SEEN 0 []", done.stdout + done.stderr
    assert list(home.rglob("*")) == []


def test_questions_are_read_from_files_of_every_kind(tmp_path: Path) -> None:
    texts = ["What is 1 + 1?", "¿Qué es ½, or 50 %?"]
    plain = jsonl(tmp_path / "a.jsonl", [{"problem": text} for text in texts])
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(plain.read_bytes()))
    pq.write_table(pa.table({"query": texts, "n": [1, 2]}), tmp_path / "c.parquet")
    (tmp_path / "d.csv").write_text('id,instruction\n1,What is 1 + 1?\n2,"¿Qué es ½, or 50 %?"\n')
    (tmp_path / "e.txt").write_text("\n".join(texts) + "\n\n")
    (tmp_path / "f.json").write_text(json.dumps([{"prompt": text} for text in texts]))
    files = sorted(str(path) for path in tmp_path.iterdir())
    read, about = training_rows.read_questions(files)
    assert read == texts * 6
    assert [file["field"] for file in about] == [
        "problem",
        "problem",
        "query",
        "instruction",
        "question",
        "prompt",
    ]


def test_rows_without_a_question_are_counted(tmp_path: Path) -> None:
    odd: list[dict[str, Any]] = [
        {"question": "ok"},
        {"question": None},
        {"question": "  "},
        {"q": 1},
        {"question": "\ud800"},
    ]
    read, about = training_rows.read_questions([str(jsonl(tmp_path / "a.jsonl", odd))])
    assert read == ["ok"]
    assert (about[0]["rows"], about[0]["used"]) == (5, 1)


def test_bad_input_is_one_sentence_and_leaves_nothing_behind(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, empty = questions(tmp_path / "q.jsonl"), jsonl(tmp_path / "empty.jsonl", [])
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "config.json").write_bytes((base / "config.json").read_bytes())
    torn = tmp_path / "torn.jsonl"
    torn.write_text('{"question": "a"}\n{"quest')
    out, data = ("--out", tmp_path / "out"), ("--questions", good)
    for expected, args in (
        ("does not exist", ("--base", base, "--questions", tmp_path / "none.jsonl", *out)),
        ("is not a field of", ("--base", base, *data, "--field", "ask", *out)),
        ("is empty", ("--base", base, "--questions", empty, *out)),
        ("line 2", ("--base", base, "--questions", torn, *out)),
        ("has an unknown format", ("--base", base, "--questions", base / "model.safetensors", *out)),
        ("no tokenizer", ("--base", bare, *data, *out)),
        ("is not a model folder", ("--base", tmp_path / "nowhere", *data, *out)),
        ("--base", (*data, *out)),
        ("--questions", ("--base", base, *out)),
        ("is not a pre-query template", ("--base", base, *data, "--template", "qwen-solve", *out)),
        ("does not exist", ("--base", base, *data, "--template", "gwen-generate", *out)),
        ("not a single token", ("--base", base, *data, "--template", "llama3-generate", *out)),
        ("is not above 0", ("--base", base, *data, "--lr", "0", *out)),
        ("is below 1", ("--base", base, *data, "--batch", "0", *out)),
        ("is missing", ("--base", base, *data, "--workspace", tmp_path / "w")),
        ("valid folder name", ("--base", base, *data, "--workspace", tmp_path / "w", "--name", "../x")),
        ("taken", ("--base", base, *data, "--out", base)),
        ("not the folder of a training", ("--resume", "--out", base)),
    ):
        assert expected in refusal(capsys, "qft", *args), args
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "w").exists()


def test_a_gpu_that_is_not_there_is_said(base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    args = ("--base", base, "--questions", questions(tmp_path / "q.jsonl"), "--out", tmp_path / "out")
    assert "needs a GPU" in refusal(capsys, "qft", *args, "--device", "cuda")


def test_trainings_that_are_not_there_yet_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert "train nano" in refusal(capsys, "reward")
    assert "train nano" in refusal(capsys, "reward")
