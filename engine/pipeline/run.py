"""The run job: stores the run's record, opens its models, runs the pipeline and emits its events.

``start`` and ``resume`` block until the run has ended: call them from a thread to continue meanwhile, and control the
run with the ``Control`` that you pass in.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.config.run_config import RunConfig
from engine.jobs.control import Control
from engine.jobs.result import OnEvent, Result, new_run_id
from engine.models.model_cache import ModelCache, open_models
from engine.models.placed_models import gpus_here
from engine.models.roles import Models
from engine.pipeline import model_warnings, report
from engine.pipeline.pipeline import Pipeline
from engine.pipeline.stored_index import Earlier, Loading
from engine.pipeline.types import Audience, Grouper, Outcome, Put, Tools
from engine.stages.contamination import Benchmark
from engine.text.answers import AnswerPool
from store.database import resume as resuming
from store.database import run_queries
from store.database.run_queries import StageSpend
from store.database.workspace import Workspace
from store.errors import InputError, ScaleQuestError
from store.records import Record, Run, RunKind

if TYPE_CHECKING:
    from engine.text.linear_classifier import TopicModel


def start(
    workspace: Workspace,
    config: RunConfig,
    name: str = "",
    on_event: OnEvent = lambda _: None,
    *,
    control: Control | None = None,
    models: Models | None = None,
    model_cache: ModelCache | None = None,
    run_id: str | None = None,
    audience: Audience | None = None,
) -> Result:
    """Run ``config`` in a workspace; its record is stored before its first question.

    ``models`` are open and stay open; without them they come from ``model_cache``, or are opened for this run alone.
    ``audience`` makes it a live run, which is watched, and which only marks duplicates. Raises InputError for what the
    config needs and this machine lacks (nothing is stored then), StoreError where the disk fails.
    """
    run_id = run_id or new_run_id()
    benchmark = Benchmark.load(config.benchmarks)
    kind: RunKind = "generate" if audience is None else "live"
    with ExitStack() as stack:
        loading = Loading(workspace, run_id, config, live=audience is not None)
        stack.callback(loading.stop)
        models = models or _models(stack, config, model_cache)
        name = name or f"{config.profile.name}, seed {config.seed}"
        workspace.create_run(Run(run_id, name, kind, config.to_json(), config.hash, config.seed))
        control = control or Control()
        return _run(workspace, run_id, config, models, benchmark, loading, on_event, control, stack, audience)


def resumable(workspace: Workspace, run_id: str) -> Run:
    """The run. InputError where it is unknown or generated nothing."""
    run = workspace.run(run_id)
    if run.kind != "generate":
        problem = f"is of kind {run.kind}"
        raise InputError("--resume", run_id, problem, "only runs of kind generate can be resumed")
    return run


def resume(
    workspace: Workspace,
    run_id: str,
    on_event: OnEvent = lambda _: None,
    *,
    control: Control | None = None,
    models: Models | None = None,
    model_cache: ModelCache | None = None,
    max_cost: float | None = None,
) -> Result:
    """Finish a run by its stored config, with another limit on its cost where ``max_cost`` is given; a finished one is
    left unchanged. Raises as ``resumable`` and ``start``, and InputError where the run has reached the limit."""
    run = resumable(workspace, run_id)
    if run.status == "done":
        return Result(run_id, "done", None)
    config = RunConfig.from_json(run.config)
    if max_cost is not None:
        config = replace(config, max_cost=max_cost)
    _check_limit(workspace, run_id, config.max_cost)
    benchmark = Benchmark.load(config.benchmarks)
    with ExitStack() as stack:
        loading = Loading(workspace, run_id, config)
        stack.callback(loading.stop)
        models = models or _models(stack, config, model_cache)
        workspace.update_run(run_id, status="running", config=None if max_cost is None else config.to_json())
        return _run(workspace, run_id, config, models, benchmark, loading, on_event, control or Control(), stack)


def _check_limit(workspace: Workspace, run_id: str, max_cost: float | None) -> None:
    """InputError where the run has cost this much already."""
    spent = _spent(workspace, run_id)
    if max_cost is not None and spent >= max_cost:
        problem = f"is reached: the run has cost ${spent:.4f}"
        remedy = f"resume it with a limit of {2 * spent:g} or more (--max-cost)"
        raise InputError("max_cost", max_cost, problem, remedy)


def _spent(workspace: Workspace, run_id: str) -> float:
    """USD that the run has cost."""
    with workspace.cursor() as cursor:
        return sum(one.cost_usd for one in run_queries.spend(cursor, run_id))


def _run(
    workspace: Workspace,
    run_id: str,
    config: RunConfig,
    models: Models,
    benchmark: Benchmark,
    loading: Loading,
    on_event: OnEvent,
    control: Control,
    stack: ExitStack,
    audience: Audience | None = None,
) -> Result:
    emit = _storing_status(workspace, run_id, on_event)
    stack.enter_context(model_warnings.as_events(run_id, emit))
    pool = stack.enter_context(AnswerPool()) if audience is None else audience.pool
    put = workspace.writer.put if audience is None else _shared(workspace.writer.put, audience.on_rows)
    on_text = None if audience is None else audience.on_text
    try:
        earlier = loading.result(lambda: control.stopping)
        with workspace.cursor() as cursor:
            tools = _tools(earlier, benchmark, pool, run_queries.spend(cursor, run_id))
            known, decided = resuming.undecided(cursor, run_id), earlier.decided
            pipeline = Pipeline(
                config, run_id, models, put, tools, known=known, decided=decided, control=control, on_event=emit,
                on_text=on_text,
            )  # fmt: skip
        emit({**pipeline.progress(0.0), "event": "start"})
        outcome = pipeline.run()
        workspace.writer.flush()
    except ScaleQuestError as error:
        _try_to_close(workspace, run_id, str(error))
        raise
    message = _sentence(workspace, run_id, outcome, config, resumable=audience is None)
    simply_interrupted = outcome.status == "interrupted" and outcome.message is None
    workspace.update_run(run_id, status=outcome.status, error=None if simply_interrupted else message)
    result = Result(run_id, outcome.status, message, outcome.seconds, outcome.first_pair)
    end = {**pipeline.progress(outcome.seconds), "event": "end", "status": outcome.status, "message": message}
    if audience is None:  # who watches a live run has seen all of it
        end |= report.facts(workspace, result) | {"report": report.text(workspace, result)}
    emit(end)
    return result


def _shared(*takers: Put) -> Put:
    """Passes rows to each of these in turn."""

    def put(rows: list[Record]) -> None:
        for take in takers:
            take(rows)

    return put


def _sentence(workspace: Workspace, run_id: str, outcome: Outcome, config: RunConfig, resumable: bool) -> str | None:
    if outcome.status == "done":
        return outcome.message
    rest = "everything done so far is kept"
    if resumable:
        raised = ""
        if outcome.status == "interrupted" and outcome.message:  # the first request may cost more than the limit
            raised = f" --max-cost {2 * max(config.max_cost or 0.0, _spent(workspace, run_id)):g}"
        rest += f", and `scalequest run --workspace {workspace.path} --resume {run_id}{raised}` continues it"
    if outcome.status == "failed":
        return f"{(outcome.message or 'The run failed').rstrip('.')}; {rest}."
    if outcome.message:
        return f"{outcome.message}; {rest}."
    return f"The run was {outcome.status}; {rest}."


def _try_to_close(workspace: Workspace, run_id: str, message: str) -> None:
    """Mark the run as failed where the store still can; the first error is the one that is raised."""
    try:
        workspace.update_run(run_id, status="failed", error=message)
    except ScaleQuestError:
        return


def _storing_status(workspace: Workspace, run_id: str, on_event: OnEvent) -> OnEvent:
    """Passes events on, and stores when a run is paused or resumed."""
    stored = "running"

    def emit(event: dict[str, Any]) -> None:
        nonlocal stored
        status = event.get("status")
        if event["event"] == "progress" and status != stored and status in ("running", "paused"):
            stored = status
            workspace.update_run(run_id, status=status)
        on_event(event)

    return emit


def _tools(earlier: Earlier, benchmark: Benchmark, pool: Grouper, spend: Sequence[StageSpend]) -> Tools:
    topic = _topic_model()
    return Tools(topic.predict, topic.name, pool, benchmark, earlier.index, earlier.others, earlier.place, spend)


@functools.cache
def _topic_model() -> TopicModel:
    """Loaded once, because a live user waits for it. It is read-only, so runs may share it."""
    from engine.text.linear_classifier import TopicModel

    return TopicModel.load()


def _models(stack: ExitStack, config: RunConfig, model_cache: ModelCache | None) -> Models:
    if model_cache is not None:
        return stack.enter_context(model_cache.acquire(config))
    models = open_models(config, gpus=gpus_here())
    for model in models.distinct:
        stack.callback(model.close)
    return models
