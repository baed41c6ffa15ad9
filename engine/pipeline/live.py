"""Live runs: a user watches while questions are sampled. Each is stored like any other run, as kind ``live``.

A ``Session`` belongs to one user and ends when that user leaves. Several sessions and a batch run share the models of
one model cache.
"""

import secrets
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from typing import Literal

from engine.config.profiles import Profile
from engine.config.run_config import RunConfig
from engine.jobs.control import Control
from engine.jobs.result import Result, new_run_id
from engine.models.model_cache import ModelCache
from engine.pipeline import run
from engine.pipeline.live_questions import LiveQuestion, LiveQuestions
from engine.pipeline.types import Audience
from engine.text.answers import AnswerPool
from store.database.workspace import Workspace
from store.errors import InputError, ScaleQuestError
from store.records import Record

EVERY, AT_LEAST = 0.1, 0.5
"""Least seconds between two snapshots, and the most, when nothing happens."""
SEEDS = 1_000_000
"""Seeds drawn for a user are below this: short enough to read aloud."""
_PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of a session. ``message``: a sentence unless it is plainly done. ``questions`` keep changing: read them
    before you take the next snapshot."""

    run_id: str
    status: Literal["loading", "running", "done", "cancelled", "failed", "interrupted"]
    message: str | None
    questions: list[LiveQuestion]
    tokens: int
    seconds: float

    @property
    def decided(self) -> int:
        """Questions whose outcome is known."""
        return sum(question.stage is None for question in self.questions)

    @property
    def pairs(self) -> int:
        return sum(question.kept for question in self.questions)


class Session:
    """One live run, made by ``Live.start``; ``cancel`` ends it, and so does a reader who leaves ``snapshots`` early."""

    def __init__(
        self, workspace: Workspace, model_cache: ModelCache, pool: AnswerPool, config: RunConfig, name: str, texts: bool
    ):
        if config.questions is None:
            raise InputError("questions", None, "is what a live run needs", "say how many to sample")
        self.run_id = new_run_id()
        self.config = config
        self.result: Result | None = None
        """How the run ended; None before that, and if no run began (see the last snapshot's message)."""
        self._workspace, self._model_cache, self._name = workspace, model_cache, name
        self._control = Control()
        self._received: SimpleQueue[tuple[str, str] | list[Record]] = SimpleQueue()
        self._news, self._ended = threading.Event(), threading.Event()
        self._questions = LiveQuestions(config, self.run_id, pool)
        self._reading, self._gate = threading.Lock(), threading.Lock()
        self._audience = Audience(self._on_rows, self._on_text if texts else None, pool)
        self._loading, self._started, self._seconds = True, time.monotonic(), 0.0
        self._failure: str | None = None
        threading.Thread(target=self._run, name=f"live {self.run_id}", daemon=True).start()

    def cancel(self) -> None:
        """Stop now: requests in flight are given up, and text that arrives later is ignored."""
        with self._gate:
            self._control.cancel()
            if self._loading:  # loading cannot be interrupted, but nobody has to wait for it
                self._ended.set()
        self._news.set()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the session is over; False if it is not over in time."""
        return self._ended.wait(seconds)

    @property
    def over(self) -> bool:
        return self._ended.is_set()

    def now(self) -> Snapshot:
        """The current state."""
        with self.reading() as now:
            return now

    @contextmanager
    def reading(self) -> Iterator[Snapshot]:
        """The current state, whose questions do not change inside."""
        with self._reading:
            over = self.over  # read first, so that everything received before the end is in the queue
            self._read()
            status: str = "loading" if self._loading else "running"
            message = self._failure
            if over:
                seconds = self._seconds
                status = "cancelled" if self._control.requested == "cancel" else "failed"
                if self.result is not None:
                    status, message = self.result.status, self.result.message
                elif status == "cancelled":
                    message = "Cancelled before the models were loaded; nothing was sampled."
            else:
                seconds = 0.0 if self._loading else time.monotonic() - self._started
            yield Snapshot(self.run_id, status, message, self._questions.all, self._questions.tokens, seconds)  # type: ignore[arg-type]

    def snapshots(self) -> Generator[Snapshot]:
        """Snapshots, at most ten a second; the last one shows the end. For one reader, who cancels the session by
        leaving before that."""
        try:
            while True:
                over, at = self.over, time.monotonic()
                yield self.now()
                if over:
                    return
                self._news.wait(AT_LEAST)
                self._news.clear()
                if not self.over:
                    time.sleep(max(0.0, at + EVERY - time.monotonic()))
        finally:
            if not self.over:
                self.cancel()

    def _run(self) -> None:
        try:
            with self._model_cache.acquire(self.config) as models:
                with self._gate:
                    if self._control.requested == "cancel":
                        return
                    self._loading, self._started = False, time.monotonic()
                self._news.set()
                self.result = run.start(
                    self._workspace, self.config, self._name,
                    control=self._control, models=models, run_id=self.run_id, audience=self._audience,
                )  # fmt: skip
        except ScaleQuestError as error:
            self._failure = str(error)
        except Exception as error:
            # No caller can catch it in a thread: the page shows the sentence, and the traceback goes to the log.
            self._failure = f"The run stopped on an unforeseen error: {type(error).__name__}: {error}."
            raise
        finally:
            self._seconds = time.monotonic() - self._started
            self._loading = False
            self._ended.set()
            self._news.set()

    def _on_rows(self, rows: list[Record]) -> None:
        self._received.put(rows)
        self._news.set()

    def _on_text(self, request_id: str, new: str) -> None:
        if self._control.requested != "cancel":
            self._received.put((request_id, new))
            self._news.set()

    def _read(self) -> None:
        """Apply the texts and rows received since the last call to the questions, in order."""
        with suppress(Empty):
            while True:
                received = self._received.get_nowait()
                if isinstance(received, list):
                    self._questions.on_rows(received)
                else:
                    self._questions.on_text(*received)


class Live:
    """Starts sessions on one workspace and one model_cache. Safe from any thread."""

    def __init__(self, workspace: Workspace, model_cache: ModelCache) -> None:
        self.model_cache = model_cache
        self._workspace = workspace
        self.pool = AnswerPool()
        self._lock = threading.Lock()
        self._sessions: list[Session] = []

    def start(
        self, config: RunConfig, name: str = "", regenerated_from: str | None = None, *, texts: bool = True
    ) -> Session:
        """Start a session in a thread. ``regenerated_from``: the question whose settings are repeated.

        ``texts=False``: texts are not streamed, and the models serve the session like a batch. InputError for a config
        without a number of questions; later errors are in the last snapshot's message.
        """
        if regenerated_from is not None:
            config = replace(config, regenerated_from=regenerated_from)
        session = Session(self._workspace, self.model_cache, self.pool, config, name, texts)
        with self._lock:
            self._sessions = [*(s for s in self._sessions if not s.over), session]
        return session

    def close(self) -> None:
        """Cancel all sessions. The caller closes the model cache."""
        with self._lock:
            sessions = list(self._sessions)
        for session in sessions:
            session.cancel()
        for session in sessions:
            session.wait(_PATIENCE)
        self.pool.close()


def settings(
    profile: Profile,
    *,
    questions: int,
    samples: int | None = None,
    generator: str | None = None,
    temperature: float | None = None,
    top_p: float | None = None,
    seed: int | None = None,
) -> RunConfig:
    """A live run's config: the profile with the user's settings. ``generator`` None: all of them by share; ``seed``
    None: a random one; ``samples`` other than the profile's ``n``: as many for every question. Other runs are not
    searched for duplicates, which takes long in a large workspace.

    InputError for a generator that is not in the profile, and for numbers out of range.
    """
    chosen = [g for g in profile.generators if generator in (None, g.name)]
    if not chosen:
        names = ", ".join(g.name for g in profile.generators)
        raise InputError("generator", generator, f"is not one of profile {profile.name}", f"use one of {names}")
    changes = {"temperature": temperature, "top_p": top_p}
    given = {key: value for key, value in changes.items() if value is not None}
    generators = tuple(g.replaced(**given) for g in chosen)
    solver = profile.solver if samples in (None, profile.solver.n) else profile.solver.fixed(int(samples or 1))
    return RunConfig(
        replace(profile, generators=generators, solver=solver),
        questions=questions,
        seed=secrets.randbelow(SEEDS) if seed is None else seed,
        other_runs="ignore",
    )
