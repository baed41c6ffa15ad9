"""``scalequest export``: alone, killed, interrupted, and through the app that has the workspace open."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

from benchmarks import synthetic
from store.database.workspace import Workspace
from tests.engine.exports.conftest import PAIRS, REJECTED, fill
from tests.engine.exports.test_rl import fill as fill_prompts
from tests.ui.browser import served
from tests.ui.cli.command import scalequest, sentence, started


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("cli") / "w"
    with Workspace.open(place) as opened:
        fill(opened)
    return place


def test_a_filter_from_a_file_is_exported_and_compared(folder: Path, tmp_path: Path) -> None:
    asked = tmp_path / "filter.json"
    asked.write_text('{"status": ["accepted"]}', encoding="utf-8")
    out = tmp_path / "deep" / "out"
    done = scalequest("export", "--workspace", folder, "--format", "messages", "--out", out, "--filter", f"@{asked}")
    assert done.returncode == 0, done.stderr
    assert "3 rows" in done.stdout
    again = scalequest("export", "--workspace", folder, "--verify", out / "manifest.json")
    assert (again.returncode, again.stdout) == (0, "identical: 1 file, 3 rows.\n")
    (out / "train.jsonl").write_text("{}\n")
    changed = scalequest("export", "--workspace", folder, "--verify", out)
    assert changed.returncode == 1
    assert "train.jsonl" in changed.stderr


def test_events_are_one_object_a_line_and_end_with_the_counts(folder: Path, tmp_path: Path) -> None:
    done = scalequest("export", "--workspace", folder, "--format", "jsonl", "--out", tmp_path / "o", "--json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [events[0]["event"], events[-1]["event"]] == ["start", "end"]
    assert events[-1]["counts"]["rows"] == {"train.jsonl": PAIRS + 1 - len(REJECTED)}


def test_prompts_for_a_trainer_are_exported_with_the_result_of_its_rule(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as opened:
        fill_prompts(opened)
    out = tmp_path / "out"
    args = ("export", "--workspace", tmp_path / "w", "--format", "rl", "--trainer", "nemo-gym", "--out", out)
    done = scalequest(*args, "--filter", '{"pass_rate": [0.2, 0.8]}')
    assert done.returncode == 0, done.stderr
    assert "on 1 rows: 1 right responses accepted, 1 wrong ones rejected" in done.stdout
    assert json.loads((out / "train.jsonl").read_text(encoding="utf-8"))["pass_rate_llama8b"] == 0.25
    again = scalequest("export", "--workspace", tmp_path / "w", "--verify", out)
    assert (again.returncode, again.stdout) == (0, "identical: 1 file, 1 rows.\n")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--format", "xml", "--out", "o"], "'xml'"),
        (["--out", "o"], "--format"),
        (["--format", "jsonl"], "--out"),
        (["--format", "jsonl", "--out", "o", "--filter", "{"], "is not JSON"),
        (["--format", "jsonl", "--out", "o", "--filter", '{"topik": []}'], "'topik'"),
        (["--format", "jsonl", "--out", "o", "--filter", "@none.json"], "none.json"),
        (["--format", "jsonl", "--out", "o", "--filter", '{"run": ["r9"]}'], "matches no row"),
        (["--format", "jsonl", "--out", "o", "--validation", "1.5"], "1.5"),
        (["--format", "dpo", "--out", "o", "--full"], "--full"),
        (["--format", "hf", "--out", "o", "--license", "my licence"], "my licence"),
        (["--format", "rl", "--out", "o"], "--trainer '' is missing"),
        (["--format", "rl", "--trainer", "ppo", "--out", "o"], "choose from verl"),
        (["--format", "rl", "--trainer", "verl", "--out", "o"], "no question with a gold answer"),
        (["--format", "alpaca", "--reasoning", "field", "--out", "o"], "choose inline or none"),
        (["--format", "dpo", "--all-samples", "--out", "o"], "--all-samples"),
        (["--verify", "none.json"], "none.json"),
        (["--verify", "none.json", "--format", "csv"], "--format"),
    ],
)
def test_what_cannot_be_exported_is_one_sentence(folder: Path, tmp_path: Path, flags: list[str], said: str) -> None:
    assert said in sentence(scalequest("export", "--workspace", folder, *flags, cwd=tmp_path))
    assert not list(tmp_path.iterdir())


def test_a_workspace_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    sentence(scalequest("export", "--workspace", tmp_path / "w", "--format", "csv", "--out", tmp_path / "o"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_an_export_that_is_cut_off_leaves_nothing_that_looks_whole(tmp_path: Path, how: signal.Signals) -> None:
    synthetic.make(tmp_path / "w", 30_000)
    out = tmp_path / "o" / "data"
    with started("export", "--workspace", tmp_path / "w", "--format", "hf", "--out", out) as running:
        while running.poll() is None and not list(tmp_path.glob("o/*/data/train*")):
            time.sleep(0.005)
        running.send_signal(how)
        said = running.communicate()[1]
    assert not out.exists()
    if how == signal.SIGINT:
        assert running.returncode == 130
        assert "nothing was left behind" in said
        assert not list((tmp_path / "o").iterdir())
    else:
        assert not list(tmp_path.rglob("manifest.json"))
        done = scalequest("export", "--workspace", tmp_path / "w", "--format", "csv", "--out", out)
        assert done.returncode == 0, done.stderr
        assert [path.name for path in (tmp_path / "o").iterdir()] == ["data"]  # what was left is gone


def test_on_a_workspace_that_the_app_has_open_the_app_exports_and_compares(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with served(folder):
        done = scalequest("export", "--workspace", folder, "--format", "parquet", "--out", "out", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        again = scalequest("export", "--workspace", folder, "--verify", "out/manifest.json", cwd=tmp_path)
        assert (again.returncode, again.stdout.startswith("identical")) == (0, True)
        taken = scalequest("export", "--workspace", folder, "--format", "parquet", "--out", out)
        assert "is not empty" in sentence(taken)
    assert sorted(path.name for path in out.iterdir()) == ["manifest.json", "train.parquet"]


def test_an_export_through_the_app_that_is_interrupted_leaves_nothing_and_the_app_goes_on(tmp_path: Path) -> None:
    synthetic.make(tmp_path / "w", 80_000)
    out = tmp_path / "o" / "data"
    ask = ("export", "--workspace", tmp_path / "w", "--out", out, "--format")
    with served(tmp_path / "w"):
        with started(*ask, "hf") as running:
            while running.poll() is None and not list(tmp_path.glob("o/*/data/train*")):
                time.sleep(0.005)
            running.send_signal(signal.SIGINT)
            said = running.communicate()[1]
        assert (running.returncode, "nothing was left behind" in said) == (130, True), said
        assert not list((tmp_path / "o").iterdir())
        done = scalequest(*ask, "jsonl", "--filter", '{"topic": ["Geometry"], "run": ["made-1"]}')
        assert done.returncode == 0, done.stderr
        assert sorted(path.name for path in out.iterdir()) == ["manifest.json", "train.jsonl"]
        assert [path.name for path in (tmp_path / "o").iterdir()] == ["data"]
