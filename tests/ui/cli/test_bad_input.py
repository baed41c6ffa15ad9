"""Bad input to the command: exit code 2, one sentence that names what is wrong, no workspace left half-made."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from engine.config.run_config import load_run_config
from store.database.workspace import Workspace
from store.records import Run
from tests.ui.cli.command import ROOT, command, environment, scalequest, sentence


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace with one interrupted run, ``r1``."""
    config = load_run_config("nano", questions=5, seed=3)
    with Workspace.open(tmp_path / "w") as ws:
        run = Run("r1", "first", "generate", config.to_json(), config.hash, config.seed, status="interrupted")
        ws.create_run(run)
    return tmp_path / "w"


def test_an_unknown_profile_is_named_with_the_known_ones(tmp_path: Path) -> None:
    said = sentence(scalequest("run", "--workspace", tmp_path / "w", "--profile", "nanno", "--questions", 5))
    assert "'nanno'" in said
    assert "nano" in said.replace("nanno", "")
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize(("flag", "field"), [("--questions", "questions"), ("--accepted", "accepted")])
def test_a_target_of_zero_is_refused(tmp_path: Path, flag: str, field: str) -> None:
    said = sentence(scalequest("run", "--workspace", tmp_path / "w", flag, 0))
    assert field in said
    assert "0" in said
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize(
    "flags",
    [
        [],
        ["--questions", "5", "--accepted", "5"],
        ["--questions", "5", "--max-questions", "9"],
        ["--questions", "five"],
        ["--questions", "5", "--seed", "-1"],
        ["--questions", "5", "--nonsense"],
        ["--questions", "5", "--config", "/nowhere.toml"],
    ],
)
def test_flags_that_make_no_run_are_refused(tmp_path: Path, flags: list[str]) -> None:
    sentence(scalequest("run", "--workspace", tmp_path / "w", *flags))
    assert not (tmp_path / "w").exists()


def test_an_unknown_command_is_refused() -> None:
    assert "exprt" in sentence(scalequest("exprt"))


def test_a_misspelt_key_in_a_config_file_is_named_with_the_right_one(tmp_path: Path) -> None:
    config = tmp_path / "my.toml"
    config.write_text("[solver]\ntemprature = 0.5\n")
    said = sentence(scalequest("run", "--workspace", tmp_path / "w", "--questions", 5, "--config", config))
    assert "solver.temprature" in said
    assert "'temperature'" in said


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    config = tmp_path / "my.toml"
    config.write_text("[solver\n")
    said = sentence(scalequest("run", "--workspace", tmp_path / "w", "--questions", 5, "--config", config))
    assert "my.toml" in said


def test_a_missing_model_folder_is_named_with_its_role(tmp_path: Path) -> None:
    config = tmp_path / "my.toml"
    config.write_text(f'[solver]\nmodel = "{tmp_path}/no-such-model"\n')
    said = sentence(scalequest("run", "--workspace", tmp_path / "w", "--questions", 5, "--config", config))
    assert "no-such-model" in said
    assert "solver" in said


def test_a_benchmark_file_that_is_missing_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "missing.jsonl"
    said = sentence(scalequest("run", "--workspace", tmp_path / "w", "--questions", 5, "--benchmark", missing))
    assert str(missing) in said


def test_a_benchmark_file_without_a_question_column_is_named(tmp_path: Path) -> None:
    benchmark = tmp_path / "odd.jsonl"
    benchmark.write_text('{"colour": "red"}\n')
    said = sentence(scalequest("run", "--workspace", tmp_path / "w", "--questions", 5, "--benchmark", benchmark))
    assert str(benchmark) in said
    assert "colour" in said or "question" in said


@pytest.mark.parametrize(
    "flags",
    [["--questions", "9"], ["--seed", "4"], ["--profile", "small"], ["--accepted", "2"], ["--name", "x"]],
)
def test_a_flag_that_conflicts_with_the_resumed_run_is_named(workspace: Path, flags: list[str]) -> None:
    said = sentence(scalequest("run", "--workspace", workspace, "--resume", "r1", *flags))
    assert flags[0] in said or flags[0].strip("-") in said


def test_resuming_a_run_that_is_not_there_is_refused(workspace: Path) -> None:
    assert "r7" in sentence(scalequest("run", "--workspace", workspace, "--resume", "r7"))


@pytest.mark.parametrize("args", [["trace", "r1-00000000"], ["snapshot", "--out", "x.duckdb"], ["delete", "r1"]])
def test_a_workspace_that_is_not_there_is_not_made_by_looking(tmp_path: Path, args: list[str]) -> None:
    assert str(tmp_path / "none") in sentence(scalequest(*args, "--workspace", tmp_path / "none", cwd=tmp_path))
    assert not (tmp_path / "none").exists()


def test_tracing_a_question_that_is_not_there_is_refused(workspace: Path) -> None:
    assert "r1-00000077" in sentence(scalequest("trace", "r1-00000077", "--workspace", workspace))


def test_deleting_a_run_that_is_not_there_is_refused(workspace: Path) -> None:
    assert "r7" in sentence(scalequest("delete", "r7", "--workspace", workspace))


def test_a_workspace_that_another_process_has_open_names_that_process(workspace: Path) -> None:
    hold = (
        "import sys, store.database.workspace as s\n"
        "with s.Workspace.open(sys.argv[1]): print('open', flush=True); input()"
    )
    held = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": environment()}
    with subprocess.Popen([sys.executable, "-c", hold, str(workspace)], cwd=ROOT, **held) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "open\n"
        said = sentence(scalequest("run", "--workspace", workspace, "--questions", 5))
        owner.communicate("\n")
    assert re.search(rf"\b{owner.pid}\b", said)


def test_a_workspace_from_a_newer_version_is_refused_unchanged(workspace: Path) -> None:
    with duckdb.connect(str(workspace / "explorer.duckdb")) as con:
        con.execute("UPDATE meta SET value = '999' WHERE key = 'schema_version'")
    assert "newer" in sentence(scalequest("run", "--workspace", workspace, "--questions", 5))


def test_a_workspace_whose_file_is_no_database_is_refused(workspace: Path) -> None:
    (workspace / "explorer.duckdb").write_bytes(b"not a database at all" * 1000)
    said = sentence(scalequest("run", "--workspace", workspace, "--questions", 5))
    assert "explorer.duckdb" in said or str(workspace) in said
    found = scalequest("doctor", "--workspace", workspace)
    assert found.returncode == 2
    assert str(workspace) in found.stderr


def test_a_full_disk_is_said_in_one_sentence(tmp_path: Path) -> None:
    said = sentence(scalequest("run", "--workspace", tmp_path / "w", "--questions", 5, room=4096))
    assert str(tmp_path / "w") in said


def test_bad_input_is_answered_before_torch_is_imported(tmp_path: Path) -> None:
    args = ["run", "--workspace", str(tmp_path / "w"), "--questions", "0"]
    look = f"import app, sys; app.main({args!r}); print('torch' in sys.modules or 'gradio' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", look], cwd=ROOT, capture_output=True, text=True, env=environment())
    assert done.stdout == "False\n"


def test_help_lists_every_command_and_no_other() -> None:
    shown = scalequest("--help")
    assert shown.returncode == 0
    listed = re.findall(r"^    (\w+) ", shown.stdout, re.M)
    assert (
        " ".join(listed) == "ui run import export check embed train trace snapshot backup restore delete fetch doctor"
    )
    for name in listed:
        done = subprocess.run([*command(name), "--help"], capture_output=True, text=True, env=environment())
        assert done.returncode == 0
