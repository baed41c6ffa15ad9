"""Every command that README, CONTRIBUTING and the manual show is run, each document's in order in a folder of its own.

What a reader has at hand is there: a workspace ``my-data`` with a run, and the data files that the commands name.
Commands that take minutes get smaller numbers (``_SMALLER``). Blocks marked ``hub``, ``gpu``, ``network`` or ``long``
are parsed by the real parsers, and not run.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import app
from benchmarks.__main__ import BENCHMARKS
from store.database.workspace import Workspace
from tests.docs.manual import DOCUMENTS, MARKS, ROOT, Block, blocks
from tests.ui.cli.command import started

SEED, QUESTIONS = 11, 24
_SMALLER = {
    "--questions 200": f"--questions {QUESTIONS}",
    "--questions 100": "--questions 8",
    "--questions 20": "--questions 4",
    "--validation 0.02": "--validation 0.4",
    "--accepted 100": "--accepted 4",
    "--limit 2000": "--limit 8 --samples 2 --batch 4",
    "--n 400": "--n 6",
    "--lr 5e-5 --batch 32": "--lr 5e-5 --batch 2 --micro-batch 2 --epochs 1 --samples 2 --pairs pairs.jsonl",
    "--held-out-limit 100": "--held-out-limit 3 --size 4 --epochs 1 --batch 2 --answer-tokens 32 --samples 0",
    "--port 7860": "--port 0",
    "scalequest ui": "scalequest ui --port 0",
}
"""What is replaced in a command, so that it takes seconds."""
_NOT_RUN = {"make", "source", "pip", "hf", ".venv/bin/python"}
"""They set up or test this very checkout, or reach a network: their targets and extras are looked up."""
_TEXT_TOOLS = {"grep", "sed", "head", "tail"}
"""They prepare a data file, and run as they stand."""
_TRAINED = ("qft", "qpo", "build-pairs", "student")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, nano: Path) -> Path:
    """A folder with the files that the commands name, and a workspace that the first one of the README makes."""
    folder = tmp_path_factory.mktemp("desk")
    rows = [{"question": f"Tom has {n} pens and buys {n % 5 + 2} more. How many has he now?", "answer": f"#### {n + 2}"}
            for n in range(30)]  # fmt: skip
    for name in ("gsm8k_train", "gsm8k_test", "math_train", "math500", "unfiltered"):
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    prompts = [{"problem": row["question"], "answer": str(n + 2), "llama8b_solve_rate": n % 9 / 8}
               for n, row in enumerate(rows)]  # fmt: skip
    (folder / "prompts.jsonl").write_text("\n".join(map(json.dumps, prompts)), encoding="utf-8")
    traces = [row | {"answer": str(n + 2), "generations": [f"<think>Adding.</think>\n\\boxed{{{n + 2}}}", "<think>"],
                     "is_reasoning_complete": [True, False]} for n, row in enumerate(rows)]  # fmt: skip
    (folder / "openr1.jsonl").write_text("\n".join(map(json.dumps, traces)), encoding="utf-8")
    pairs = [{"prompt": "", "chosen": f"What is {n} + {n}?", "rejected": f"What {n} is?"} for n in range(8)]
    (folder / "pairs.jsonl").write_text("\n".join(map(json.dumps, pairs)), encoding="utf-8")
    pq.write_table(
        pa.table({"text": ["What is 2 + 3?"], "worked": ["2 + 3 = 5"], "final": ["5"]}), folder / "mine.parquet"
    )
    rl = {"prompt": [{"role": "user", "content": "What is 2 + 3?"}], "reward_model": {"ground_truth": "5"}}
    (folder / "rl.jsonl").write_text(json.dumps(rl), encoding="utf-8")
    choices = {"question": "Which is even?", "options": ["(A) 3", "(B) 4"], "answer": "B"}
    (folder / "choices.jsonl").write_text(json.dumps(choices), encoding="utf-8")
    (folder / "logins.txt").write_text("ada:a-long-password\n", encoding="utf-8")
    (folder / "assets").symlink_to(ROOT / "assets")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run = ["run", "--profile", "nano", "--questions", str(QUESTIONS), "--seed", str(SEED), "--workspace", "my-data"]
        assert app.main(run) == 0
    return folder


@pytest.mark.parametrize("document", [d for d in DOCUMENTS if blocks(d)], ids=lambda path: path.name)
def test_the_commands_of_a_document_do_what_they_say(
    document: Path, desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    shutil.copytree(desk, here, symlinks=True)
    monkeypatch.chdir(here)
    for block in blocks(document):
        if block.language == "toml":
            tomllib.loads(block.text)
            if block.file:
                Path(block.file).write_text(block.text, encoding="utf-8")
    with Workspace.open("my-data") as workspace:
        run_id = workspace.runs()[0].run_id
    for block in blocks(document):
        if block.language == "sql":
            with duckdb.connect() as db:
                db.execute("ATTACH 'my-data/explorer.duckdb' AS w (READ_ONLY)")
                db.execute("USE w")
                assert db.execute(block.text).fetchall()
        elif block.language == "python":
            subprocess.run([sys.executable, "-c", block.text], check=True, timeout=60)
        elif block.language == "sh":
            for words in block.commands:
                _do([word.replace("RUN_ID", run_id) for word in words], block)


def _do(words: list[str], block: Block) -> None:
    """Runs a command, or checks what of it can be checked without."""
    line = shlex.join(words)
    if words[0] == "scalequest":
        if block.mark in MARKS:
            app.parser().parse_args(words[1:])
        else:
            _run(_smaller(line))
    elif words[:3] == ["python", "-m", "benchmarks"]:
        assert words[3] in BENCHMARKS
    elif words[0] in _TEXT_TOOLS:
        subprocess.run(["bash", "-c", line.replace("'>'", ">")], check=True, timeout=60)
        assert Path(words[-1]).stat().st_size
    else:
        assert words[0] in _NOT_RUN, line
        _look_up(words)


def _run(words: Sequence[str]) -> None:
    if words[1] == "ui":
        _serve(words)
        return
    if words[1] == "train" and words[2] in _TRAINED and "--help" not in words:
        pytest.importorskip("trl", reason="trl is not installed: pip install -e '.[train]'")
    try:
        code = app.main(words[1:])
    except SystemExit as end:  # --help
        code = int(end.code or 0)
    assert code == 0, shlex.join(words)


def _smaller(line: str) -> list[str]:
    for given, less in _SMALLER.items():
        if given in line:
            line = line.replace(given, less, 1)
    return shlex.split(line)


def _serve(words: Sequence[str]) -> None:
    """The page comes up, says where, and ends by Ctrl-C."""
    with started(*words[1:]) as process:
        assert "http://" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


def _look_up(words: Sequence[str]) -> None:
    """That targets of make, extras of pip, and folders of tests exist."""
    if words[0] == "make":
        targets = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
        assert words[1] in targets
    elif words[0] == "pip":
        known = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
        extras = re.findall(r"\[(.+)\]", words[-1])[0].split(",")
        assert set(extras) <= set(known)
    elif words[0] == ".venv/bin/python":
        assert all((ROOT / word).exists() for word in words if word.startswith("tests/"))
