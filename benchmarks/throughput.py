"""The pipeline against the same model calls made stage by stage without it, with the bundled nano models.

A first run warms up and records its calls; the other side makes exactly these, one model after another, all calls of a
stage handed over at once. Models are loaded before any clock starts, and both sides write nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from benchmarks.recorded import RecordedScore, RecordedText
from engine.config.run_config import RunConfig, load_run_config
from engine.models.model_cache import open_models
from engine.models.roles import Models
from engine.paths import ASSETS
from engine.pipeline.pipeline import Pipeline
from engine.pipeline.types import Outcome, Tools
from engine.stages.contamination import Benchmark
from engine.stages.duplicate import Index
from engine.text.answers import AnswerPool
from engine.text.linear_classifier import TopicModel

CONFIG = load_run_config("nano", questions=200, seed=11)


class Bench:
    """The live models and the calls that a run makes of them."""

    def __init__(self, config: RunConfig, models: Models, pool: AnswerPool) -> None:
        self._config, self._models, self._pool = config, models, pool
        self._topics = TopicModel.load(ASSETS / "text" / "topic")
        generators = tuple(RecordedText(model) for model in models.generators)
        scored = (models.judge, models.difficulty, models.reward)
        judge, difficulty, reward = (None if m is None else RecordedScore(m) for m in scored)  # type: ignore[arg-type]
        solver = RecordedText(models.solver)
        stages = [*generators, judge, difficulty, solver, reward]
        self.stages: list[RecordedText | RecordedScore] = [stage for stage in stages if stage is not None]
        self._scores = [stage for stage in (judge, difficulty, reward) if stage is not None]
        self._run(Models(generators, judge, difficulty, solver, reward))

    def pipeline(self) -> Outcome:
        """One run, its rows thrown away."""
        return self._run(self._models)

    def stage_by_stage(self) -> float:
        """Seconds for the same calls, a model at a time."""
        return seconds(stage.replay for stage in self.stages)

    def scoring_speedup(self) -> float:
        """Time of the run's scoring calls row by row over their time handed over at once."""
        single = seconds(model.replay_row_by_row for model in self._scores)
        return single / seconds(model.replay for model in self._scores)

    def _run(self, models: Models) -> Outcome:
        tools = Tools(self._topics.predict, "topic", self._pool, Benchmark.load([]), Index())
        return Pipeline(self._config, "bench", models, lambda _: None, tools).run()


@contextmanager
def opened(config: RunConfig = CONFIG) -> Iterator[Bench]:
    """A bench over freshly loaded models. InputError where they are missing."""
    models = open_models(config)
    try:
        with AnswerPool() as pool:
            yield Bench(config, models, pool)
    finally:
        for model in models.distinct:
            model.close()


def seconds(parts: Iterable[Callable[[], None]]) -> float:
    started = time.monotonic()
    for part in parts:
        part()
    return time.monotonic() - started
