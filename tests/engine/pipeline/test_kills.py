"""kill -9 at any moment: nothing stored is lost, doubled or done again, and the end is as if nothing had happened."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import pytest

from engine.config.run_config import RunConfig, load_run_config
from store.database.workspace import Workspace
from tests.engine.pipeline.rows import content, done_calls, doubled

KILLS = 20


class Forker:
    """The process of ``tests.engine.pipeline.child``: gives out runs in processes of their own."""

    def __init__(self, root: Path) -> None:
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.engine.pipeline.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=root,
            env={**os.environ, **threads},
        )
        self._lines: Queue[str] = Queue()
        threading.Thread(target=self._read, daemon=True).start()
        assert self._lines.get(timeout=120) == "ready"

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.strip())

    def run(self, order: dict[str, Any], end_after: float | None = None) -> int:
        """The exit status; a process still there ``end_after`` seconds later is killed."""
        pid = self.start(order)
        if end_after is not None:
            try:
                return self.status(end_after)
            except Empty:
                os.kill(pid, signal.SIGKILL)
        return self.status(300)

    def start(self, order: dict[str, Any]) -> int:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._lines.get(timeout=60))

    def status(self, seconds: float) -> int:
        return int(self._lines.get(timeout=seconds))

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=10)


@pytest.fixture(scope="module")
def forker() -> Iterator[Forker]:
    made = Forker(Path(__file__).resolve().parents[3])
    yield made
    made.close()


class Killed:
    """A run that is killed again and again, checked after every kill."""

    def __init__(self, forker: Forker, folder: Path, config: RunConfig, delay: float | None) -> None:
        self.forker, self.folder = forker, folder
        self.folder.mkdir()
        self.log = folder / "calls"
        self.log.touch()
        self.order = {
            "workspace": str(folder / "w"),
            "config": config.to_json(),
            "run_id": "r1",
            "resume": False,
            "log": str(self.log),
            "delay": delay,
        }
        self.kills = 0

    def go(self, end_after: float | None = None) -> int:
        """One process, to its end or to its kill; then what it found stored must not have been worked on again."""
        stored = self._stored()
        before = self.log.read_text().split()
        code = self.forker.run(self.order, end_after)
        assert code != 99, Path(str(self.log) + ".error").read_text()
        called = self.log.read_text().split()[len(before) :]
        again = stored & set(called)
        assert not again, f"work that was stored has been done again: {sorted(again)[:3]}"
        assert len(called) == len(set(called))
        in_flight = set(before) - stored  # at the end of the process before: submitted, not yet stored
        assert set(before) & set(called) <= in_flight
        self.kills += code == -signal.SIGKILL
        return code

    def _stored(self) -> set[str]:
        if not (self.folder / "w" / "explorer.duckdb").exists():
            return set()
        with Workspace.open(self.folder / "w") as workspace, workspace.cursor() as cursor:
            self.order["resume"] = any(run.run_id == "r1" for run in workspace.runs())
            assert doubled(cursor) == []
            return done_calls(cursor)

    def content(self) -> dict[Any, Any]:
        with Workspace.open(self.folder / "w") as workspace, workspace.cursor() as cursor:
            assert doubled(cursor) == []
            assert workspace.run("r1").status == "done"
            return content(cursor)


def killed_run(forker: Forker, folder: Path, config: RunConfig, delay: float | None, kills: int, most: float) -> Killed:
    rng = random.Random()
    run = Killed(forker, folder, config, delay)
    while run.kills < kills:
        if run.go(end_after=rng.uniform(0.02, most)) == 0:
            break
    while run.go() != 0:
        pass
    return run


@pytest.mark.parametrize(
    ("profile", "target"),
    [("nano", {"questions": 150}), ("nano", {"accepted": 40}), ("nano-adaptive", {"questions": 150})],
)
def test_a_run_killed_at_random_ends_as_if_undisturbed(
    forker: Forker, tmp_path: Path, profile: str, target: dict[str, int]
) -> None:
    config = load_run_config(profile, seed=5, **target)
    undisturbed = Killed(forker, tmp_path / "calm", config, 0.0)
    assert undisturbed.go() == 0
    run = killed_run(forker, tmp_path / "killed", config, 0.02, kills=6, most=1.2)
    assert run.kills > 0
    assert run.content() == undisturbed.content()


def test_a_run_of_the_real_models_survives_twenty_kills(forker: Forker, tmp_path: Path, nano: Path) -> None:
    config = load_run_config("nano", seed=5, questions=60)
    undisturbed = Killed(forker, tmp_path / "calm", config, None)
    assert undisturbed.go() == 0
    kills = 0
    while kills < KILLS:
        run = killed_run(forker, tmp_path / f"killed{kills}", config, None, kills=KILLS - kills, most=4.0)
        kills += run.kills
        assert run.content() == undisturbed.content()


def test_ctrl_c_drains_says_how_to_go_on_and_loses_nothing(forker: Forker, tmp_path: Path) -> None:
    config = load_run_config("nano", seed=5, questions=150)
    undisturbed = Killed(forker, tmp_path / "calm", config, 0.0)
    assert undisturbed.go() == 0
    run = Killed(forker, tmp_path / "stopped", config, 0.02)
    pid = forker.start(run.order)
    while run.log.read_text().count("\n") < 60:
        time.sleep(0.02)
    os.kill(pid, signal.SIGINT)
    assert forker.status(60) == 130
    with Workspace.open(tmp_path / "stopped" / "w") as workspace:
        assert workspace.run("r1").status == "interrupted"
    assert run.go() == 0
    assert run.content() == undisturbed.content()
