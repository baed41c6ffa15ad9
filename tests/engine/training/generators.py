"""What the tests of training real generators share: a tiny Llama on disk, questions, and the command itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import app
from tests.engine.models import tiny


def llama(folder: Path) -> Path:
    """A random Llama with its tokenizer, whose chat format is Qwen's."""
    tokenizer = tiny.tokenizer()
    tiny.causal("llama", len(tokenizer)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def jsonl(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def questions(path: Path, n: int = 64, field: str = "question") -> Path:
    return jsonl(path, [{field: f"Tom has {i} apples and buys {i % 7} more. How many apples?"} for i in range(n)])


def train(*args: object) -> int:
    """``scalequest train ARGS`` in this process."""
    return app.main(["train", *map(str, args)])


def refusal(capsys: pytest.CaptureFixture[str], *args: object) -> str:
    """The one sentence by which ``scalequest train ARGS`` says no."""
    capsys.readouterr()
    assert train(*args) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "Traceback" not in said.err
    last: str = said.err.splitlines()[-1]
    assert last.endswith("."), said.err
    return last
