"""``scalequest run`` on a workspace that the app has open: real processes on both sides, nano models in the app."""

from __future__ import annotations

import json
import re
import signal
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from store.database.duckdb_errors import OWNER
from store.database.workspace import Workspace
from tests.ui.cli.command import scalequest, sentence, started
from tests.ui.cli.forked import Forked

pytestmark = pytest.mark.usefixtures("nano")


@dataclass
class App:
    """An app that runs, by its workspace; what it said on stderr once it has ended."""

    workspace: Path
    process: Forked
    said: str = ""

    @property
    def owner(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.workspace / OWNER).read_text())
        return found

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            _, self.said = self.process.communicate(timeout=60)

    def run(self, *args: object, **options: Any) -> subprocess.CompletedProcess[str]:
        return scalequest("run", "--workspace", self.workspace, *args, **options)

    def running(self, *args: object) -> Forked:
        return started("run", "--workspace", self.workspace, *args)


@contextmanager
def app(workspace: Path, *args: object, room: int | None = None) -> Iterator[App]:
    process = started("ui", "--workspace", workspace, "--port", 0, *args, room=room)
    made = App(workspace, process)
    try:
        assert "http://" in process.stdout.readline()
        yield made
        made.end()
        assert process.returncode == 0
    finally:
        process.kill()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with app(tmp_path_factory.mktemp("through") / "w") as made:
        yield made


def events(stdout: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stdout.splitlines()]


def told(process: Forked) -> dict[str, Any]:
    """The next event of a run under way."""
    found: dict[str, Any] = json.loads(process.stdout.readline())
    return found


def rows(workspace: Path) -> list[tuple[Any, ...]]:
    """All that a seed settles, of the only run there."""
    query = """
        SELECT q.idx, q.text, v.stage, v.kept, v.reason, round(v.score, 4), NULL FROM questions q
            JOIN verdicts v USING (question_id)
        UNION ALL SELECT q.idx, s.text, s.answer, NULL, NULL, round(r.reward, 3), s.sample FROM questions q
            JOIN solutions s USING (question_id) JOIN rewards r USING (solution_id)
        ORDER BY ALL"""
    with Workspace.open(workspace, create=False) as opened, opened.cursor() as cursor:
        return cursor.execute(query).fetchall()


def test_the_rows_and_the_events_are_those_of_a_direct_run_whatever_login_the_page_has(tmp_path: Path) -> None:
    (tmp_path / "logins").write_text("ada:secret\n")
    (tmp_path / "old.csv").write_text("question\n" + "far from anything that nano writes " * 3 + "\n")
    asked = ["--questions", 12, "--seed", 3, "--name", "both", "--benchmark", "old.csv", "--json"]
    with app(tmp_path / "through", "--auth", tmp_path / "logins") as made:
        assert stat.S_IMODE((made.workspace / OWNER).stat().st_mode) == 0o600
        through = made.run(*asked, cwd=tmp_path)  # the benchmark's path is the command's, not the app's
    direct = scalequest("run", "--workspace", tmp_path / "direct", *asked, cwd=tmp_path)
    assert (through.returncode, through.stderr) == (direct.returncode, direct.stderr) == (0, "")
    ends = [events(done.stdout)[-1] for done in (through, direct)]
    assert [event["event"] for event in events(through.stdout)][:2] == ["start", "progress"]
    assert ends[0].keys() == ends[1].keys()
    assert ends[0]["funnel"] == ends[1]["funnel"]
    assert rows(tmp_path / "through") == rows(tmp_path / "direct")
    assert not (tmp_path / "through" / OWNER).exists()


def test_ctrl_c_interrupts_in_the_app_and_a_resume_goes_on_there(shared: App) -> None:
    with shared.running("--questions", 60, "--json") as process:
        run = told(process)["run_id"]
        told(process)  # the first progress: questions are in flight
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert events(out)[-1]["status"] == "interrupted"
    assert re.search(rf"scalequest run --workspace \S+ --resume {run}\b", said)
    assert "--seed" in sentence(shared.run("--resume", run, "--seed", 5))
    resumed = shared.run("--resume", run)
    assert resumed.returncode == 0, resumed.stderr
    assert f"Run {run}: " in resumed.stdout
    assert re.search(r"^generated +60 +60 ", resumed.stdout, re.M)
    again = shared.run("--resume", run)
    assert (again.returncode, again.stdout) == (0, "")
    assert "nothing to resume" in again.stderr


def test_a_second_run_is_refused_while_one_is_under_way(shared: App) -> None:
    with shared.running("--questions", 5000, "--json") as process:
        run = told(process)["run_id"]
        assert f"'{run}' is still running" in sentence(shared.run("--questions", 5))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)
    assert process.returncode == 130


def test_what_the_app_refuses_or_cannot_start_is_said_in_its_sentence(shared: App, tmp_path: Path) -> None:
    assert "'r7'" in sentence(shared.run("--resume", "r7"))
    missing = tmp_path / "none.jsonl"
    assert str(missing) in sentence(shared.run("--questions", 5, "--benchmark", missing))


def test_a_run_that_cannot_begin_or_go_on_in_the_app_exits_as_it_does_without_it(tmp_path: Path) -> None:
    Workspace.open(tmp_path / "w").close()
    room = 96 * 1024 + sum(path.stat().st_size for path in (tmp_path / "w").iterdir() if path.is_file())

    with app(tmp_path / "w", room=room) as made:
        assert str(tmp_path / "none") in sentence(made.run("--questions", 5, "--benchmark", tmp_path / "none"), 2)
        full = made.run("--questions", 400)
        assert full.returncode == 2, full.stdout + full.stderr  # as tests.ui.cli.test_run has it
        assert re.search(r"the disk of workspace .* is full; free some space", full.stderr.splitlines()[-1])
        made.process.kill()  # it could not say in the database that it has ended
        made.process.wait()
        made.process.returncode = 0


@pytest.mark.parametrize("token", [None, "Bearer wrong", "Basic YWRhOnNlY3JldA=="])
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "jobs/run"), ("POST", "jobs/j1/interrupt"), ("GET", "jobs/j1/events"), ("GET", "runs/r1")],
)
def test_without_the_token_nothing_is_done(shared: App, method: str, path: str, token: str | None) -> None:
    headers = {"authorization": token} if token else {}
    refused = httpx.request(method, f"{shared.owner['url']}/api/{path}", headers=headers, trust_env=False)
    assert refused.status_code == 401
    assert refused.json()["detail"].endswith(".")


def test_other_commands_are_told_who_has_the_workspace_and_where(shared: App) -> None:
    said = sentence(scalequest("trace", "r1-00000000", "--workspace", shared.workspace))
    assert str(shared.owner["pid"]) in said
    assert shared.owner["url"] in said
    assert shared.owner["token"] not in said


def test_who_follows_a_run_hears_its_end_when_the_app_is_ended_and_what_to_do_when_it_is_killed(tmp_path: Path) -> None:
    with app(tmp_path / "w") as made, made.running("--questions", 5000, "--json") as process:
        run = told(process)["run_id"]
        made.end()
        _, said = process.communicate(timeout=60)
    assert (process.returncode, made.said) == (130, "")
    assert f"--resume {run}" in said
    with app(tmp_path / "w") as made:
        with made.running("--resume", run, "--json") as process:
            assert told(process)["run_id"] == run
            made.process.kill()
            _, said = process.communicate(timeout=60)
        assert process.returncode == 130
        assert "The app is gone" in said
        assert f"--resume {run}" in said
        made.process.wait()
        made.process.returncode = 0
