"""``scalequest check`` as a user runs it: its output, its exit codes, Ctrl-C and kill -9."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest

from store.database.workspace import Workspace
from tests.engine.checks.stored import EVERYTHING, imported, rows, whole
from tests.ui.cli.command import command, environment, scalequest, sentence, started
from tests.ui.cli.test_app_client import app

MANY = 6_000


def texts() -> list[str]:
    """Questions of which every third repeats an earlier one, nearly."""
    base = "How many {} does a shop with {} shelves sell on day {} when {} people come and each of them buys some?"
    things = ["pens", "books", "cups", "plates", "lamps", "chairs", "clocks"]
    found = []
    for n in range(MANY):
        k = n - 2 if n % 3 == 2 else n
        found.append(base.format(things[k % 7], k, k // 7, k % 11) + (" Now." if n % 3 == 2 else ""))
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with Workspace.open(tmp_path / "w") as workspace:
        imported(workspace, texts())
    return tmp_path / "w"


def everything(folder: Path) -> list[tuple[object, ...]]:
    with Workspace.open(folder, create=False) as workspace:
        whole(workspace, "i1")
        return rows(workspace, EVERYTHING)


def test_a_check_says_what_it_found_and_is_not_done_twice(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "exam.jsonl").write_text(json.dumps({"question": texts()[0]}) + "\n")
    asked = ["check", "i1", "--workspace", folder, "--stage", "contamination", "--benchmark", tmp_path / "exam.jsonl"]
    done = scalequest(*asked, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert (events[0]["event"], events[-1]["event"], events[-1]["status"]) == ("start", "end", "done")
    assert events[-1]["done"] == events[-1]["total"] == MANY
    assert events[-1]["dropped"] == 2
    again = scalequest(*asked)
    assert (again.returncode, again.stdout) == (0, "")
    assert "already" in again.stderr
    told = scalequest("check", "i1", "--workspace", folder, "--stage", "near-duplicates")
    assert told.stdout.startswith("Near-duplicates: 6,000 questions judged, 0 dropped, ")


def test_bad_use_is_one_sentence(folder: Path) -> None:
    for args, says in (
        (["i9", "--stage", "near-duplicates"], "'i9'"),
        (["i1", "--stage", "beauty"], "use one of"),
        (["i1", "--stage", "contamination"], "--benchmark"),
        (["i1", "--stage", "contamination", "--benchmark", "gone.jsonl"], "gone.jsonl"),
        (["i1", "--stage", "reward", "--profile", "gone"], "does not exist"),
        (["i1", "--stage", "near-duplicates", "--by", "colour"], "use one of wording, meaning"),
        (["i1"], "--stage"),
    ):
        assert says in sentence(scalequest("check", *args, "--workspace", folder))


@pytest.mark.usefixtures("minilm")
def test_near_duplicates_by_meaning_are_found_and_dropped(tmp_path: Path) -> None:
    questions = [
        "A train travels 120 miles in 2 hours. What is its average speed?",
        "What is the derivative of x squared?",
        "A train covers 120 miles in two hours. Find the average speed of the train.",
    ]
    with Workspace.open(tmp_path / "w") as workspace:
        imported(workspace, questions)
    asked = ["check", "i1", "--workspace", tmp_path / "w", "--stage", "near-duplicates", "--by", "meaning"]
    marked = scalequest(*asked)
    assert (marked.returncode, marked.stdout) == (
        0,
        "Near-duplicates by all-MiniLM-L6-v2 at 0.9: 3 questions judged, 0 dropped, 1 with a near-duplicate.\n",
    )
    dropped = scalequest(*asked, "--threshold", "0.85", "--drop", "--json")
    assert (dropped.returncode, dropped.stderr) == (0, "")
    assert json.loads(dropped.stdout.splitlines()[-1])["dropped"] == 1


def test_by_meaning_without_an_embedder_is_one_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEQUEST_MODELS", str(folder / "no-models"))
    asked = ["check", "i1", "--workspace", folder, "--stage", "near-duplicates", "--by", "meaning"]
    assert "needs a sentence embedder, and none is installed; run `make smol`" in sentence(scalequest(*asked))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_check_that_was_stopped_goes_on_and_ends_as_one_that_ran_through(
    folder: Path, tmp_path: Path, number: signal.Signals
) -> None:
    with Workspace.open(tmp_path / "other") as workspace:
        imported(workspace, texts())
    asked = ["--stage", "near-duplicates", "--drop", "--json"]
    assert scalequest("check", "i1", "--workspace", tmp_path / "other", *asked).returncode == 0
    slow = "import sys, engine.checks.judges as j; j.NearDuplicates.stretch = 50; import app; sys.exit(app.main())"
    args = [str(part) for part in command("check", "i1", "--workspace", folder, *asked)]
    stopped = 0
    for _ in range(3):
        with subprocess.Popen(
            [args[0], "-c", slow, *args[2:]],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            process.stdout.readline()  # the first progress: something is written
            process.send_signal(number)
            _, said = process.communicate(timeout=120)
        if process.returncode:
            stopped += 1
            assert process.returncode == (130 if number == signal.SIGINT else -9)
            assert number == signal.SIGKILL or "continues from there" in said
        everything(folder)
    assert stopped
    assert scalequest("check", "i1", "--workspace", folder, *asked).returncode == 0
    assert everything(folder) == everything(tmp_path / "other")


def test_with_the_app_open_the_app_checks_and_the_command_follows_it(folder: Path, tmp_path: Path, nano: Path) -> None:
    (tmp_path / "exam.jsonl").write_text(json.dumps({"question": texts()[0]}) + "\n")
    near = ["check", "i1", "--workspace", folder, "--stage", "near-duplicates"]
    exam = ["check", "i1", "--workspace", folder, "--stage", "contamination", "--benchmark", "exam.jsonl"]
    reward = ["check", "i1", "--workspace", folder, "--stage", "reward", "--json"]
    with app(folder):
        done = scalequest(*exam, "--json", cwd=tmp_path)  # the file's path is the command's, not the app's
        assert (done.returncode, done.stderr) == (0, "")
        end = json.loads(done.stdout.splitlines()[-1])
        assert (end["event"], end["status"], end["dropped"]) == ("end", "done", 2)
        again = scalequest(*exam, cwd=tmp_path)
        assert (again.returncode, again.stdout) == (0, "")
        assert "already" in again.stderr
        assert scalequest(*near).stdout.startswith("Near-duplicates: 6,000 questions judged, 0 dropped, ")
        assert "'i9'" in sentence(scalequest("check", "i9", "--workspace", folder, "--stage", "near-duplicates"))
        with started(*reward) as process:
            while json.loads(process.stdout.readline())["event"] != "progress":
                pass
            assert "is being checked" in sentence(scalequest(*near, "--drop"))
            assert "is being checked" in sentence(scalequest("run", "--workspace", folder, "--questions", 5))
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=120)
        assert (process.returncode, "continues from there" in said) == (130, True)
    everything(folder)
