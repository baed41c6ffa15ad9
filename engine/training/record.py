"""A training's folder on disk.

    training.json   name, kind, status, base, template, settings, data, result, and the command that repeats it
    events.jsonl    one event a line, the same objects that ``--json`` prints
    samples.json    texts before and after at equal seeds, and figures on them
    reference.jsonl of QPO: the base's log-probabilities of each pair
    checkpoint-*    while it runs; removed once it is done
    .processes      while several processes train: what they read, and what they print
    config.json, *.safetensors, tokenizer files ...   the trained model, written last: the folder is then a model folder

Only the training process writes. Every file is complete at any moment: JSON is replaced by a rename, and a torn last
line is skipped.
"""

import json
import os
import re
import shlex
import shutil
from dataclasses import asdict, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from engine.config.validation import validate, validated_dataclass
from engine.training import json_lines
from store.errors import InputError

Kind = Literal["qft", "qpo", "difficulty", "judge", "student"]
Status = Literal["running", "done", "failed", "interrupted"]
TRAINING, EVENTS, SAMPLES = "training.json", "events.jsonl", "samples.json"
CHECKPOINT = "checkpoint-"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@validated_dataclass
class Training:
    """The content of ``training.json``; times are UTC, ISO 8601.

    ``base``: the folder or hub id that the training starts from, at ``revision``. ``template``: its id. ``data``:
    files, fields and counts. ``result``: final loss and other figures, once done. ``pid`` and ``pid_started`` (seconds
    since the epoch) identify the process that wrote ``running``.
    """

    folder: Path
    name: str
    kind: Kind
    base: str
    template: str
    revision: str | None = None
    status: Status = "running"
    pid: int = 0
    pid_started: float = 0.0
    settings: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    started_at: str = ""
    ended_at: str | None = None
    error: str | None = None
    command: str = ""
    result: dict[str, Any] = field(default_factory=dict)


def folder_for(name: str | None, workspace: Path, out: Path | None) -> Path:
    """The folder of a training: ``out``, else ``models/<name>`` of the workspace. InputError for an unusable name."""
    if out is not None:
        return out.expanduser().resolve()
    if name is None:
        raise InputError("--name", "", "is missing", "give --name, or a folder by --out")
    if not NAME.fullmatch(name):
        problem = "is not a valid folder name"
        raise InputError("--name", name, problem, "use up to 64 letters, digits, dots, dashes and underscores")
    return workspace.expanduser().resolve() / "models" / name


def create(training: Training) -> Training:
    """Start a training in this process: make its folder and write ``training.json``.

    InputError where the folder is not empty or cannot be made.
    """
    folder = training.folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        problem = f"is taken by the folder {folder}"
        raise InputError("--name", training.name, problem, "choose another name, or continue it by --resume")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            "--out", str(folder), f"cannot be made ({json_lines.reason(error)})", "choose another folder"
        ) from error
    return _write(_owned(replace(training, started_at=_now())))


def resume(folder: Path) -> Training:
    """Continue a stopped training in this process. InputError where there is none, or it runs or is done."""
    training = read(folder)
    if training.status == "running":
        raise InputError("--resume", training.name, f"is running, as process {training.pid}", "wait for its end")
    if training.status == "done":
        raise InputError("--resume", training.name, "is done already", "start another training")
    return _write(_owned(replace(training, status="running", ended_at=None, error=None)))


def update(training: Training, **changes: Any) -> Training:
    """Write changed fields."""
    return _write(replace(training, **changes))


def append(training: Training, event: dict[str, Any]) -> None:
    """Append one event."""
    json_lines.append(training.folder / EVENTS, [event])


def keep_samples(training: Training, samples: dict[str, Any]) -> None:
    """Write ``samples.json``."""
    _replace(training.folder / SAMPLES, samples)


def finish(training: Training, status: Status, error: str | None = None, **result: Any) -> Training:
    """Record how the training ended; delete the checkpoints of one that is done."""
    ended = _write(replace(training, status=status, error=error, ended_at=_now(), result=result or training.result))
    if status == "done":
        for checkpoint in checkpoints(training.folder):
            shutil.rmtree(checkpoint, ignore_errors=True)
    return ended


def resume_command(training: Training) -> str:
    """The shell command that continues a stopped training."""
    return shlex.join(["scalequest", "train", training.kind, "--resume", "--out", str(training.folder)])


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints of a folder, oldest first."""
    found = [path for path in folder.glob(f"{CHECKPOINT}*") if path.name.removeprefix(CHECKPOINT).isdigit()]
    return sorted(found, key=lambda path: int(path.name.removeprefix(CHECKPOINT)))


def read(folder: Path) -> Training:
    """The training in this folder; ``running`` reads as ``interrupted`` where its process is gone.

    InputError where the folder holds no training, or one that cannot be read.
    """
    try:
        stated = json.loads((folder / TRAINING).read_text("utf-8"))
        known = {one.name for one in fields(Training)} - {"folder"}
        training = validate(Training, {"folder": folder, **{key: stated[key] for key in known & stated.keys()}})
    except FileNotFoundError:
        raise InputError("training", str(folder), "is not the folder of a training", "check the name") from None
    except (OSError, ValueError, TypeError, AttributeError) as error:
        problem = f"has a {TRAINING} that cannot be read"
        raise InputError("training", str(folder), problem, "restore that file, or delete the folder") from error
    gone = training.status == "running" and not _alive(training.pid, training.pid_started)
    return replace(training, status="interrupted") if gone else training


def trainings(models: Path) -> list[Training]:
    """All trainings in the folders of ``models``, newest first."""
    found = []
    for path in models.glob(f"*/{TRAINING}"):
        try:
            found.append(read(path.parent))
        except InputError:
            continue
    return sorted(found, key=lambda training: (training.started_at, training.name), reverse=True)


def events(folder: Path, after: int = 0) -> list[dict[str, Any]]:
    """The events so far, without the first ``after``."""
    return json_lines.read(folder / EVENTS)[after:]


def curve(folder: Path, kind: str) -> list[dict[str, Any]]:
    """The training's own progress events in order, at most one a step; steps that a resume repeated count once."""
    steps: list[dict[str, Any]] = []
    for event in events(folder):
        if event.get("event") == "progress" and event.get("stage") == kind and isinstance(event.get("done"), int):
            while steps and steps[-1]["done"] >= event["done"]:
                steps.pop()
            steps.append(event)
    return steps


def samples(folder: Path) -> dict[str, Any]:
    """The content of ``samples.json``; empty where it is missing or damaged."""
    try:
        kept = json.loads((folder / SAMPLES).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _owned(training: Training) -> Training:
    import psutil

    return replace(training, pid=os.getpid(), pid_started=psutil.Process().create_time())


def _alive(pid: int, started: float) -> bool:
    """Whether that process is alive; its start time tells it from a later one with the same number."""
    import psutil

    try:
        process = psutil.Process(pid)
        return bool(process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - started) < 5.0)
    except (psutil.Error, ValueError):
        return False


def _write(training: Training) -> Training:
    stated = asdict(training)
    del stated["folder"]
    _replace(training.folder / TRAINING, stated)
    return training


def _replace(path: Path, value: dict[str, Any]) -> None:
    """Write JSON by a rename, so that a kill leaves the old file or the new one."""
    made = path.with_name(f".{path.name}.tmp")
    try:
        made.write_text(json.dumps(value, ensure_ascii=False, indent=1, default=str) + "\n", encoding="utf-8")
        made.replace(path)
    except OSError as error:
        raise json_lines.cannot_write(path, error) from error


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
