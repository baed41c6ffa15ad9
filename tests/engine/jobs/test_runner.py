"""A job in a thread: what it keeps of its events, and how its end is recorded."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from engine.jobs.control import Control
from engine.jobs.progress import Progress
from engine.jobs.result import OnEvent, Result
from engine.jobs.runner import Job, JobRunner
from store.errors import BackendError, InputError


def ran(work: Any) -> Job:
    job = Job(kind="import", run_id="r1")
    JobRunner(job, work, lambda: None).join(10)
    assert job.ended
    return job


def test_the_last_event_and_the_report_remain() -> None:
    def work(on_event: OnEvent) -> Result:
        on_event({"event": "start", "done": 0})
        on_event({"event": "error", "idx": 3, "message": "one question failed"})
        on_event({"event": "error", "idx": None, "message": "the server is slow"})
        on_event({"event": "end", "status": "done", "report": "All is well."})
        return Result("r1", "done", None)

    job = ran(work)
    assert (job.first["event"], job.event["event"], job.outcome) == ("start", "end", "All is well.")
    assert [(number, event["message"]) for number, event in job.errors] == [
        (1, "one question failed"),
        (2, "the server is slow"),
    ]
    assert job.notice == "the server is slow"
    assert not job.unfinished


@pytest.mark.parametrize(
    ("error", "refused"), [(InputError("FILE", "x", "is empty", "name another"), True), (BackendError("gone."), False)]
)
def test_an_error_becomes_the_message(error: Exception, refused: bool) -> None:
    def work(_: OnEvent) -> Result:
        raise error

    job = ran(work)
    assert (job.outcome, job.refused, job.unfinished) == (str(error), refused, True)


def test_what_follows_a_job_happens_before_its_end_is_seen() -> None:
    job, seen = Job(kind="check", run_id="r1"), []
    JobRunner(job, lambda _: Result("r1", "done", None), lambda: seen.append(job.ended)).join(10)
    assert (seen, job.ended) == ([False], True)


def test_progress_has_rate_and_time_left_and_comes_by_itself() -> None:
    events: list[dict[str, Any]] = []
    ticked = threading.Event()

    def receive(event: dict[str, Any]) -> None:
        events.append(event)
        if event["event"] == "progress":
            ticked.set()

    progress = Progress(receive, "r1", "import", lambda: {"refused": 2})
    progress.total = 100
    progress.emit("start")
    with progress.ticking():
        progress.done = 50
        assert ticked.wait(10)
    time.sleep(0.01)
    progress.emit("end", message=None)
    assert [events[0]["event"], events[-1]["event"], events[-1]["refused"]] == ["start", "end", 2]
    assert events[0]["eta_s"] is None
    assert events[1]["rows_per_s"] > 0
    assert events[1]["eta_s"] > 0


@pytest.mark.parametrize(("how", "outcome"), [("cancel", "cancelled"), ("interrupt", "interrupted"), ("pause", "done")])
def test_a_control_says_how_a_job_ends(how: str, outcome: str) -> None:
    control = Control()
    getattr(control, how)()
    assert (control.outcome, control.stopping) == (outcome, outcome != "done")
