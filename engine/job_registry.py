"""The jobs of one workspace in a long-lived process: starts them, one at a time where they exclude each other."""

import threading
from collections import Counter
from collections.abc import Callable

from engine.job_requests import Request
from engine.jobs.runner import Job, JobRunner
from engine.models.model_cache import ModelCache
from store.database.workspace import Workspace
from store.errors import InputError

_PATIENCE = 20.0
"""Seconds that a job has to end when the app does."""


class JobRegistry:
    """Safe from any thread. Keeps the latest job of each kind; the rows of all of them are in the workspace."""

    def __init__(self, workspace: Workspace, model_cache: ModelCache | None = None) -> None:
        self._workspace = workspace
        self._model_cache, self._owns_model_cache = model_cache or ModelCache(), model_cache is None
        self._lock = threading.Lock()
        self._runners: dict[str, JobRunner] = {}  # by kind, the latest one last
        self.ended: Counter[str] = Counter()
        """Number of jobs of each run that have ended: what is counted of a run changes only when this does."""

    def start(self, request: Request, after: Callable[[], None] = lambda: None) -> Job:
        """Start a job. ``after`` is called when it has ended, however it ended.

        InputError where the request cannot be fulfilled or another job excludes it, AlreadyDone where nothing is left
        to do; ``after`` is not called then.
        """
        request.check_input(self._workspace.path)
        job = request.job(self._workspace)

        def ended() -> None:
            self.ended.update([job.run_id])
            after()

        with self._lock:
            if (other := self.running(*request.excludes)) is not None:
                raise _busy(other)
            self._runners.pop(job.kind, None)
            self._runners[job.kind] = JobRunner(
                job, lambda on_event: request.run(self._workspace, job, on_event, self._model_cache), ended
            )
        return job

    def last(self, *kinds: str) -> Job | None:
        """The job of these kinds that was started last."""
        return next((job for job in reversed(self._jobs()) if job.kind in kinds), None)

    def running(self, *kinds: str) -> Job | None:
        """A job of these kinds that has not ended."""
        return next((job for job in self._jobs() if job.kind in kinds and not job.ended), None)

    def active(self) -> list[Job]:
        """All jobs that have not ended."""
        return [job for job in self._jobs() if not job.ended]

    def cancel(self, *kinds: str) -> None:
        """Cancel the running job of these kinds, if there is one."""
        if (job := self.running(*kinds)) is not None:
            job.control.cancel()

    def find(self, job_id: str) -> Job:
        """InputError where it is unknown: jobs are forgotten when the app ends or another one of the kind starts."""
        for job in self._jobs():
            if job.job_id == job_id:
                return job
        raise InputError("job", job_id, "is not known to the app", "start it again")

    def forget(self, run_id: str) -> None:
        """Drop the ended jobs of a run that has been deleted."""
        with self._lock:
            for job in self._jobs():
                if job.run_id == run_id and job.ended:
                    del self._runners[job.kind]

    def close(self) -> None:
        """Interrupt all jobs, as Ctrl-C does, and close the model cache where it is the registry's own."""
        runners = list(self._runners.values())
        for runner in runners:
            runner.job.control.interrupt()
        for runner in runners:
            runner.join(_PATIENCE)
        if self._owns_model_cache:
            self._model_cache.close()

    def _jobs(self) -> list[Job]:
        return [runner.job for runner in list(self._runners.values())]


def _busy(job: Job) -> InputError:
    """Why another job has to wait for this one."""
    remedy = "wait until it ends, or cancel it"
    match job.kind:
        case "run":
            return InputError("run", job.run_id, "is still running", remedy)
        case "import":
            return InputError("run", job.run_id, "is being imported", remedy)
        case "check":
            return InputError("run", job.run_id, f"is being checked ({job.title})", remedy)
        case "embed":
            return InputError("map", "", "is being made", remedy)
    return InputError("export", job.title, "is running", remedy)
