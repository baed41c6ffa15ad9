"""What the pipeline costs beside its models: CPU milliseconds per row and stage, with models that answer at once.

A row-stage is one question generated or one verdict given. The CPU time is that of the whole process, all threads.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.instant import InstantScore, InstantText, question
from engine.config.run_config import load_run_config
from engine.models.roles import Models
from engine.pipeline.pipeline import Pipeline
from engine.pipeline.types import Tools
from engine.seeds import item_seed
from engine.stages import language
from engine.stages.contamination import Benchmark
from engine.stages.duplicate import Index
from engine.text import answers
from store.database.workspace import Workspace
from store.records import Question, Record, Run, question_id

QUESTIONS = 2000
CONFIG = load_run_config("nano", questions=QUESTIONS, seed=1)


class _InlineAnswers:
    """The answers here are plain numbers: no worker process is needed to compare them."""

    def group(self, answers_found: Sequence[str | None]) -> list[int | None]:
        return answers.group(answers_found)


def durable() -> float:
    """CPU ms per row-stage with every row written to a workspace and flushed."""
    with tempfile.TemporaryDirectory() as folder, Workspace.open(Path(folder) / "w") as workspace:
        workspace.create_run(Run("r", "benchmark", "generate", CONFIG.to_json(), CONFIG.hash, CONFIG.seed))
        return _pipeline(workspace.writer.put, workspace.writer.flush)


def engine_only() -> float:
    """CPU ms per row-stage with rows thrown away, less what the model-free stages cost when simply called."""
    return _pipeline(lambda _: None, lambda: None) - _stages()


def _pipeline(put: Callable[[list[Record]], None], flush: Callable[[], None]) -> float:
    text, score = InstantText(), InstantScore()
    tools = Tools(lambda texts: ["Algebra"] * len(texts), "none", _InlineAnswers(), Benchmark.load([]), Index())
    pipeline = Pipeline(CONFIG, "r", Models((text, text), score, score, text, score), put, tools)
    started = time.process_time()
    pipeline.run()
    flush()
    spent = time.process_time() - started
    return 1000 * spent / (sum(pipeline.counts.kept.values()) + sum(pipeline.counts.dropped.values()))


def _stages() -> float:
    """Writing, judging by language, duplicates and benchmarks, reading and grouping answers, in a plain loop."""
    index, benchmark, text = Index(), Benchmark.load([]), InstantText()
    started = time.process_time()
    for idx in range(QUESTIONS):
        seed = item_seed(CONFIG.seed, idx, "question")
        asked = Question(question_id("r", idx), "r", idx, question(seed), text.name, "", {}, seed, 24, "stop")
        language.judge(asked)
        index.judge(asked)
        benchmark.judge(asked)
        answers.group([answers.extract(text.solution) for _ in range(CONFIG.profile.solver.n)])
    return 1000 * (time.process_time() - started) / (QUESTIONS * 8)
