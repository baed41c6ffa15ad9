"""Live runs that are stored: their questions, the history of runs, regenerating and keeping a question."""

import secrets
from dataclasses import replace
from typing import Any

from engine.config.run_config import RunConfig
from engine.pipeline import stored_live
from engine.pipeline.live import SEEDS
from store.database.question import read_question
from store.database.run_queries import accepted, funnel
from store.database.workspace import Workspace
from store.errors import InputError
from store.records import Decision, Run
from ui.components import live_cards
from ui.components.live_stream import LiveStreams
from ui.web.escape import plural, visible
from ui.web.requests import Reply, Request, ReviewerRequest, Text

_HISTORY = 12


class RunRequest(Request):
    run: Text


class QuestionRequest(Request):
    question: Text


class KeepRequest(ReviewerRequest):
    question: Text


class StoredRuns:
    """Answers to the script of the Sample tab. InputError for a run or a question that is not there."""

    def __init__(self, workspace: Workspace, streams: LiveStreams) -> None:
        self._workspace, self._streams = workspace, streams

    def look(self, request: RunRequest) -> Reply:
        """A run and those that repeat its questions, each as the first message of a stream; the accepted questions."""
        self._workspace.writer.flush()
        first = stored_live.live_run(self._workspace, request.run)
        runs = [first, *stored_live.regenerated(self._workspace.runs(), first.run_id)]
        return {"runs": [self._whole(run) for run in runs], "kept": self._kept(*(run.run_id for run in runs))}

    def history(self, request: Request) -> Reply:
        """The latest live runs, newest first."""
        runs = [run for run in self._workspace.runs() if run.kind == "live"][::-1][:_HISTORY]
        with self._workspace.cursor() as cursor:
            lines = []
            for run in runs:
                rows = funnel(cursor, run.run_id)
                questions, pairs = (rows[0].entered, rows[-1].kept) if rows else (0, 0)
                counts = f"{plural(questions, 'question')}, {plural(pairs, 'pair')}"
                lines.append({
                    "run": run.run_id,
                    "at": run.created_at.isoformat(),
                    "name": visible(run.name) or counts,
                    "counts": counts,
                    "seed": run.seed,
                })  # fmt: skip
        return {"runs": lines}

    def regenerate(self, request: QuestionRequest) -> Reply:
        """Start a run of one more question with the same settings and a new seed."""
        self._workspace.writer.flush()
        key = request.question
        with self._workspace.cursor() as cursor:
            stored = read_question(cursor, key)
        run = stored_live.live_run(self._workspace, stored["question"]["run_id"])
        config, generator = RunConfig.from_json(run.config), stored["question"]["generator"]
        generators = tuple(g for g in config.profile.generators if g.name == generator)
        profile = replace(config.profile, generators=generators)
        again = replace(config, profile=profile, questions=1, seed=secrets.randbelow(SEEDS))
        return dict(self._streams.start(again, regenerated_from=key))

    def keep(self, request: KeepRequest) -> Reply:
        """Accept a question, as in Curate, under the name that Curate uses."""
        self._workspace.writer.flush()
        key = request.question
        with self._workspace.cursor() as cursor:
            stored = read_question(cursor, key)
        chosen = next((label["value"] for label in stored["labels"] if label["key"] == "chosen"), None)
        if chosen is None:
            raise InputError("question", key, "has no chosen solution", "keep one that has become a pair")
        if key not in self._kept(stored["question"]["run_id"]):
            payload: dict[str, Any] = {"sample": int(chosen)}
            decision = Decision(secrets.token_hex(8), key, request.name_or_anonymous, "accept", payload)
            self._workspace.writer.put([decision])
            self._workspace.writer.flush()
        return {"kept": key}

    def _whole(self, run: Run) -> Reply:
        config = RunConfig.from_json(run.config)
        return live_cards.whole(stored_live.snapshot(self._workspace, run, self._streams.live.pool), config)

    def _kept(self, *runs: str) -> list[str]:
        with self._workspace.cursor() as cursor:
            return accepted(cursor, *runs)
