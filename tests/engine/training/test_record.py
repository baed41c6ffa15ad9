"""A training's folder: what a reader sees while it is written, after a kill, and once it is done."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.training import record
from engine.training.record import Training
from store.errors import InputError


def started(folder: Path, name: str = "mine") -> Training:
    return record.create(Training(folder / name, name, "qft", "assets/nano/solver", "nano-generate"))


def test_a_training_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    training = record.update(started(tmp_path), settings={"lr": 2e-5}, data={"questions": 3})
    assert record.read(training.folder) == training
    assert training.status == "running"
    ended = record.finish(training, "done", loss=1.5)
    assert record.read(training.folder) == ended
    assert (ended.status, ended.result) == ("done", {"loss": 1.5})


def test_a_running_training_whose_process_is_gone_reads_as_interrupted(tmp_path: Path) -> None:
    make = (
        "import os, sys; from pathlib import Path; from engine.training import record as r; "
        "r.create(r.Training(Path(sys.argv[1]), 'x', 'qft', 'b', 't')); os.kill(os.getpid(), 9)"
    )
    root = Path(__file__).resolve().parents[3]
    subprocess.run([sys.executable, "-c", make, str(tmp_path / "x")], cwd=root, check=False)
    assert json.loads((tmp_path / "x" / record.TRAINING).read_text())["status"] == "running"
    assert record.read(tmp_path / "x").status == "interrupted"
    assert record.resume(tmp_path / "x").status == "running"
    assert record.read(tmp_path / "x").status == "running"


def test_a_torn_last_event_is_not_read_and_spoils_no_later_one(tmp_path: Path) -> None:
    training = started(tmp_path)
    record.append(training, {"event": "progress", "done": 1})
    with (training.folder / record.EVENTS).open("ab") as file:
        file.write(b'{"event": "progr')
    assert record.events(training.folder) == [{"event": "progress", "done": 1}]
    record.append(training, {"event": "progress", "done": 2})
    assert [event["done"] for event in record.events(training.folder)] == [1, 2]
    assert [event["done"] for event in record.events(training.folder, after=1)] == [2]


def test_the_curve_counts_steps_that_were_done_again_once(tmp_path: Path) -> None:
    training = started(tmp_path)
    for done in (1, 2, 3, 2, 3, 4):
        record.append(training, {"event": "progress", "stage": "qft", "done": done})
    record.append(training, {"event": "progress", "stage": "samples", "done": 9})
    assert [event["done"] for event in record.curve(training.folder, "qft")] == [1, 2, 3, 4]


def test_trainings_come_newest_first_and_other_folders_are_passed_over(tmp_path: Path) -> None:
    for name, when in (("old", "2026-01-01"), ("new", "2026-02-01")):
        record.update(started(tmp_path, name), started_at=when)
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / record.TRAINING).write_text("{")
    assert [training.name for training in record.trainings(tmp_path)] == ["new", "old"]
    assert record.trainings(tmp_path / "nowhere") == []


def test_a_done_training_keeps_no_checkpoint(tmp_path: Path) -> None:
    training = started(tmp_path)
    for step in (100, 20):
        (training.folder / f"checkpoint-{step}").mkdir()
    assert [path.name for path in record.checkpoints(training.folder)] == ["checkpoint-20", "checkpoint-100"]
    record.finish(training, "done")
    assert record.checkpoints(training.folder) == []


def test_samples_are_read_back_and_empty_before_there_are_any(tmp_path: Path) -> None:
    training = started(tmp_path)
    assert record.samples(training.folder) == {}
    record.keep_samples(training, {"n": 1, "before": [{"text": "½"}]})
    assert record.samples(training.folder)["before"] == [{"text": "½"}]


def test_a_folder_that_is_taken_and_a_name_that_is_none_are_refused(tmp_path: Path) -> None:
    training = started(tmp_path)
    with pytest.raises(InputError, match="taken"):
        started(tmp_path)
    with pytest.raises(InputError, match="running"):
        record.resume(training.folder)
    record.finish(training, "done")
    with pytest.raises(InputError, match="done already"):
        record.resume(training.folder)
    with pytest.raises(InputError, match="is not the folder of a training"):
        record.resume(tmp_path / "nowhere")
    for name in ("../up", "", "a/b", ".hidden"):
        with pytest.raises(InputError, match="--name"):
            record.folder_for(name, tmp_path, None)
    assert record.folder_for("a-1.5B", tmp_path, None) == tmp_path / "models" / "a-1.5B"
