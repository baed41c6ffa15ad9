"""What every test may ask for: the bundled models, the real data beside the checkout, and one thread for torch."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Set before anything imports them: no test may reach for a network, and two test processes share two cores.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """GSM8K, MATH and MATH-500 as JSON lines: ``$SCALEQUEST_DATA`` or ``../shared/data``; skips where absent."""
    folder = Path(os.environ.get("SCALEQUEST_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "gsm8k_train.jsonl").is_file():
        pytest.skip("the benchmark data is not beside this checkout (set SCALEQUEST_DATA)")
    return folder


@pytest.fixture(scope="session")
def nano() -> Path:
    """The bundled nano models; skips where they have not been built (``scalequest train nano``)."""
    folder = ROOT / "assets" / "nano"
    if not (folder / "solver" / "model.safetensors").is_file():
        pytest.skip("assets/nano holds no models: run `scalequest train nano`")
    return folder
