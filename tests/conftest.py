"""What every test may ask for: the bundled models and the real data beside the checkout; and which tests are slow."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Set before anything imports them: no test may reach for a network, and two test processes share two cores.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# What the tests see must not depend on which models this user has fetched: they have a folder of their own.
os.environ["SCALEQUEST_MODELS"] = str(ROOT / ".cache" / "none")
FETCHED = ROOT / ".cache" / "models"
"""Where the tests that need models of the package index keep them: for all others there are none."""


SLOW = ("vllm", "training", "browser", "process")
"""Markers of the slow tests, slowest first; ``make test-fast`` leaves them out."""


def slow_kind(item: pytest.Item) -> str | None:
    """``vllm``: tests that are skipped without it; ``browser`` and ``process``: files that use Chromium, or start the
    command or another program."""
    if any("vLLM" in mark.kwargs.get("reason", "") for mark in item.iter_markers("skipif")):
        return "vllm"
    if "tests/engine/training/" in item.nodeid or "tests/docs/test_commands.py" in item.nodeid:
        return "training"
    names = vars(item.module) if isinstance(item, pytest.Function) else {}
    if "chromium" in names or "Page" in names:
        return "browser"
    return "process" if {"scalequest", "started", "served", "Popen", "subprocess"} & {*names} else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the slow tests, and begin with their files: a slow file that comes last keeps all other workers waiting."""
    kinds = {item: slow_kind(item) for item in items}
    rank: dict[str, int] = {}
    for item, kind in kinds.items():
        if kind is not None:
            item.add_marker(kind)
        file = item.nodeid.split("::")[0]
        rank[file] = min(rank.get(file, len(SLOW)), SLOW.index(kind) if kind else len(SLOW))
    items.sort(key=lambda item: rank[item.nodeid.split("::")[0]])


@pytest.fixture(scope="module", autouse=True)
def one_browser_a_file() -> Iterator[None]:
    """Close the browser that the tests of a file shared: its event loop, in this thread, is in the way of others."""
    yield
    if (browser := sys.modules.get("tests.ui.browser")) is not None:  # most files have none
        browser.SHARED.close()


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
