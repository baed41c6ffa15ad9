"""Live runs: what somebody watches while it is sampled. Each is a run like any other, stored as kind ``live``.

A ``Session`` belongs to one watcher and lives as long as it is watched. Several go on at once, beside a batch, on the
models of one model_cache. Knows no user interface.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Generator
from contextlib import suppress
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
"""Seconds between two snapshots: never less, and more only where nothing happens, never more than the second."""
SEEDS = 1_000_000
"""Seeds drawn for a user are below this: short enough to be read out."""
_PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How far a session is. ``message``: the sentence unless it is simply done. ``questions`` go on changing: read them
    before the next snapshot is asked for."""

    run_id: str
    status: Literal["loading", "running", "done", "cancelled", "failed", "interrupted"]
    message: str | None
    questions: list[LiveQuestion]
    tokens: int
    seconds: float

    @property
    def decided(self) -> int:
        """Questions whose fate is known."""
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
        """How the run ended; None before, and where there was none: see the last snapshot's message."""
        self._workspace, self._model_cache, self._name = workspace, model_cache, name
        self._control = Control()
        self._heard: SimpleQueue[tuple[str, str] | list[Record]] = SimpleQueue()
        self._news, self._over = threading.Event(), threading.Event()
        self._questions = LiveQuestions(config, self.run_id, pool)
        self._reading, self._gate = threading.Lock(), threading.Lock()
        self._audience = Audience(self._hear_rows, self._hear_text if texts else None, pool)
        self._loading, self._begun, self._seconds = True, time.monotonic(), 0.0
        self._failure: str | None = None
        threading.Thread(target=self._run, name=f"live {self.run_id}", daemon=True).start()

    def cancel(self) -> None:
        """Stop now: nothing that is written later is heard any more, and what is in flight is given up."""
        with self._gate:
            self._control.cancel()
            if self._loading:  # loading cannot be broken off, but nobody has to wait for it
                self._over.set()
        self._news.set()

    def wait(self, seconds: float | None = None) -> bool:
        """Until the session is over; False where it is not in time."""
        return self._over.wait(seconds)

    @property
    def over(self) -> bool:
        return self._over.is_set()

    def now(self) -> Snapshot:
        """How far it is now."""
        with self._reading:
            over = self.over  # looked at first: what was heard before the end is then all there
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
                seconds = 0.0 if self._loading else time.monotonic() - self._begun
            return Snapshot(self.run_id, status, message, self._questions.all, self._questions.tokens, seconds)  # type: ignore[arg-type]

    def snapshots(self) -> Generator[Snapshot]:
        """How far it is, again and again, at most ten times a second; the last one is of the end. One reader at a time.

        A reader who leaves before the end cancels the session.
        """
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
                    self._loading, self._begun = False, time.monotonic()
                self._news.set()
                self.result = run.start(
                    self._workspace, self.config, self._name,
                    control=self._control, models=models, run_id=self.run_id, audience=self._audience,
                )  # fmt: skip
        except ScaleQuestError as error:
            self._failure = str(error)
        except Exception as error:
            # Nobody stands above a thread: what it met is shown in the page, and its trace goes to the log.
            self._failure = f"The run stopped on an unforeseen error: {type(error).__name__}: {error}."
            raise
        finally:
            self._seconds = time.monotonic() - self._begun
            self._loading = False
            self._over.set()
            self._news.set()

    def _hear_rows(self, rows: list[Record]) -> None:
        self._heard.put(rows)
        self._news.set()

    def _hear_text(self, request_id: str, new: str) -> None:
        if self._control.requested != "cancel":
            self._heard.put((request_id, new))
            self._news.set()

    def _read(self) -> None:
        """Fold what has been heard into the questions, in the order in which it happened."""
        with suppress(Empty):
            while True:
                heard = self._heard.get_nowait()
                if isinstance(heard, list):
                    self._questions.on_rows(heard)
                else:
                    self._questions.on_text(*heard)


class Live:
    """Starts sessions on one workspace and one model_cache. Safe from any thread."""

    def __init__(self, workspace: Workspace, model_cache: ModelCache) -> None:
        self.model_cache = model_cache
        self._workspace = workspace
        self._pool = AnswerPool()
        self._lock = threading.Lock()
        self._sessions: list[Session] = []

    def start(
        self, config: RunConfig, name: str = "", regenerated_from: str | None = None, *, texts: bool = True
    ) -> Session:
        """Begin to sample; returns at once. ``regenerated_from``: the question whose settings are repeated.

        ``texts=False``: nobody reads along, so texts are not streamed and the models serve it as they serve a batch.
        InputError for a config without a number of questions; what is found out later is the last snapshot's message.
        """
        if regenerated_from is not None:
            config = replace(config, regenerated_from=regenerated_from)
        session = Session(self._workspace, self.model_cache, self._pool, config, name, texts)
        with self._lock:
            self._sessions = [*(s for s in self._sessions if not s.over), session]
        return session

    def close(self) -> None:
        """Cancel what goes on. The model cache is the caller's to close."""
        with self._lock:
            sessions = list(self._sessions)
        for session in sessions:
            session.cancel()
        for session in sessions:
            session.wait(_PATIENCE)
        self._pool.close()


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
    """A live run's config: the profile with what the user has set. ``generator`` None is all of them by share, ``seed``
    None draws one. Other runs are not searched for duplicates, which takes long in a large workspace.

    InputError for a generator that the profile has not, and for numbers out of range.
    """
    chosen = [g for g in profile.generators if generator in (None, g.name)]
    if not chosen:
        names = ", ".join(g.name for g in profile.generators)
        raise InputError("generator", generator, f"is not one of profile {profile.name}", f"use one of {names}")
    changes = {"temperature": temperature, "top_p": top_p}
    given = {key: value for key, value in changes.items() if value is not None}
    generators = tuple(g.replaced(**given) for g in chosen)
    solver = profile.solver if samples is None else profile.solver.replaced(n=samples)
    return RunConfig(
        replace(profile, generators=generators, solver=solver),
        questions=questions,
        seed=secrets.randbelow(SEEDS) if seed is None else seed,
        other_runs="ignore",
    )
