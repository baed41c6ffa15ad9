"""The GPU's benchmark runs, here on a tiny shape on the processor; without a GPU its command says so."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from benchmarks import gpu

_TINY = {**gpu.SHAPE, "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
_TINY |= {"vocab_size": 400, "max_position_embeddings": 256}


def test_every_part_of_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in {"ROWS": 32, "SINGLE_ROWS": 4, "SEQUENCES": 8, "BATCH": 4, "LENGTH": 32, "STEPS": 3}.items():
        monkeypatch.setattr(gpu, name, size)
    figures = gpu.measure("cpu", _TINY)
    assert figures.keys() == gpu.GOALS.keys() - {"qft_peak_gib", "qft_share_of_peak"}
    assert all(value > 0 for value in figures.values())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_without_a_gpu_it_says_so_in_one_sentence() -> None:
    ran = subprocess.run([sys.executable, "-m", "benchmarks", "gpu"], capture_output=True, text=True)
    assert ran.returncode == 1
    assert "run it where `nvidia-smi` answers" in ran.stderr
    assert "Traceback" not in ran.stderr
