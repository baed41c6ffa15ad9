"""``scalequest import`` of a workspace, in a process of its own: what it says, exit codes, in use, through the app."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from store.database.workspace import Workspace
from tests.store.transfer.test_merge import ask, fill, seen
from tests.ui.cli.command import scalequest, sentence, started


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return fill(tmp_path / "other", "r1", "r2")


def test_it_says_what_was_new_and_twice_that_nothing_was(tmp_path: Path, other: Path) -> None:
    done = scalequest("import", other, "--workspace", tmp_path / "w")
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 runs, 6 questions, 12 solutions, 4 decisions and 2 preference pairs were new." in done.stdout
    again = scalequest("import", other, "--workspace", tmp_path / "w", "--json")
    last: dict[str, Any] = json.loads(again.stdout.splitlines()[-1])
    assert (last["event"], last["runs"], last["decisions"], last["here"]) == ("end", 0, 0, 2)
    assert seen(tmp_path / "w") == seen(other)


def test_a_refused_run_is_named_with_the_remedy_and_the_exit_code_tells(tmp_path: Path, other: Path) -> None:
    into = fill(tmp_path / "w", "r1")
    done = scalequest("import", other, "--workspace", into)
    assert done.returncode == 1
    assert "run 'r1': " in done.stderr
    assert "scalequest delete r1" in done.stderr
    assert ask(into, "SELECT run_id FROM runs ORDER BY ALL") == [("r1",), ("r2",)]


@pytest.mark.parametrize("flag", [["--map", "query=a"], ["--name", "mine"], ["--no-score"]])
def test_a_flag_of_row_imports_is_bad_usage(tmp_path: Path, other: Path, flag: list[str]) -> None:
    said = sentence(scalequest("import", other, "--workspace", tmp_path / "w", *flag))
    assert said.startswith(flag[0])
    assert "no effect" in said
    assert not (tmp_path / "w").exists()


def test_one_that_another_process_has_open_is_refused_with_the_remedy(tmp_path: Path, other: Path) -> None:
    with Workspace.open(other):
        said = sentence(scalequest("import", other, "--workspace", tmp_path / "w"))
    assert "is in use by process" in said
    assert "scalequest snapshot" in said


def test_through_the_app_it_is_as_if_it_were_done_here(tmp_path: Path, other: Path) -> None:
    into = fill(tmp_path / "w", "mine")
    with started("ui", "--workspace", into, "--port", 0) as app:
        assert "http://" in app.stdout.readline()
        done = scalequest("import", other, "--workspace", into)
        app.send_signal(signal.SIGTERM)
        app.communicate(timeout=60)
    assert done.returncode == 0, done.stderr
    assert "2 runs, 6 questions" in done.stdout
    assert ask(into, "SELECT run_id FROM runs ORDER BY ALL") == [("mine",), ("r1",), ("r2",)]
