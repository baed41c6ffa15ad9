"""``scalequest train qft|qpo|difficulty|judge|student|build-pairs``: reads the data, trains, prints the result."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.config import prompts
from engine.config.profiles import Role
from engine.data import training_rows
from engine.training import json_lines, record, registered_models
from engine.training.record import Kind, Training
from store.database.workspace import Workspace
from store.errors import InputError
from ui.cli import terminal, train_options, train_plan
from ui.cli.options import DONE, INTERRUPTED, read_filter

if TYPE_CHECKING:
    from engine.config.prompts import Template
    from engine.jobs.control import Control

Rows = tuple[Sequence[Any], list[dict[str, Any]]]  # the rows of a training's data, and facts about their files
PAIRS = "pairs.jsonl"  # in a training's folder: the workspace's pairs as they were when it began
QUESTIONS = "questions.jsonl"  # the same of questions: all that it learns from, where some are the workspace's


def qft(options: Namespace) -> int:
    chosen = None if options.filter is None else read_filter(options.filter).to_dict()
    return _train(options, "qft", options.questions, options.field, lambda t: _questions(options, t), filter=chosen)


def qpo(options: Namespace) -> int:
    sources = options.pairs and [options.pairs]
    return _train(options, "qpo", sources, None, lambda t: _pairs(options, t), any_generator=options.any_generator)


def difficulty(options: Namespace) -> int:
    def rows(training: Training) -> Rows:
        first, *questions = _required("--rates", training.data["sources"])
        return training_rows.read_rates(first, questions, training.data["field"])

    sources = options.rates and [options.rates, *(options.questions or [])]
    return _train(options, "difficulty", sources, options.field, rows, train_options.template_with_question)


def judge(options: Namespace) -> int:
    def rows(training: Training) -> Rows:
        return training_rows.read_questions(_required("--questions", training.data["sources"]), training.data["field"])

    return _train(options, "judge", options.questions, options.field, rows, train_options.template_with_question)


def _train(
    options: Namespace,
    kind: Kind,
    sources: Sequence[str] | None,
    field: str | None,
    read: Callable[[Training], Rows],
    find_template: Callable[[str, str], Template] = prompts.pre_query,
    **more: Any,
) -> int:
    """Begin or resume a training on the rows that ``read`` gives, and print its result; with --plan, its memory.
    ``more``: describes these rows in the training's data."""
    if options.plan:
        return train_plan.plan(options, kind)
    request = train_options.requested_training(options, kind, sources=sources, field=field, **more)
    if request is None:
        return DONE
    training, how = request
    rows, files = read(training)
    chosen = training_rows.drawn(rows, how.limit, how.seed)
    tokenizer, template = train_options.tokenizer_and_template(training, how, find_template)
    trainer = import_module(f"engine.training.{kind}")  # slow, so only once the data has been read
    training = _begin(options, training, template, files, chosen)
    if kind == "qpo":
        _keep_pairs(options, training, ("chosen", "rejected"), chosen)
    if training.data.get("filter") is not None and not options.resume:  # the workspace may change before a resume
        json_lines.append(training.folder / QUESTIONS, ({"question": question} for question in chosen))
    with _interruptible_control() as control:
        return _end(options, trainer.train(training, how, chosen, tokenizer, _progress(options), control))


def student(options: Namespace) -> int:
    from engine.training import held_out

    if options.held_limit < 0:
        raise InputError("--held-out-limit", options.held_limit, "is below 0", "use 0 or more; 0 means all questions")
    if options.base == train_options.NANO:
        options.base, options.template = train_options.NANO_BASE, options.template or "nano-solve"
    if options.plan:
        return train_plan.plan(options, "student")
    if options.data and options.filter:
        problem = "selects pairs of the workspace and cannot be used with --data"
        raise InputError("--filter", options.filter, problem, "leave one of the two out")
    sources = options.data and [options.data]
    more = {
        "filter": read_filter(options.filter).to_dict(),
        "held": train_options.held_source(options.held, options.resume),
        "held_limit": options.held_limit,
        "against": train_options.other_student(options.against, options.workspace),
    }
    request = train_options.requested_training(options, "student", sources=sources, field=None, **more)
    if request is None:
        return DONE
    training, how = request
    held, fact = held_out.read(training.data["held"], training.data["held_limit"])
    train_options.check_same_questions(training, fact["fingerprint"])
    pairs, files = _student_pairs(options, training)
    free = held_out.without(pairs, held)
    if how.limit > len(free):
        problem = f"is more than the {len(free)} pairs whose questions are not held out"
        raise InputError("--size", how.limit, problem, "lower it, or widen the filter")
    chosen = training_rows.drawn(free, how.limit * how.seeds, how.seed)
    tokenizer, template = train_options.tokenizer_and_template(training, how, prompts.solving)
    from engine.training import student as trainer

    out = {"held_out": fact, "held_duplicates": len(pairs) - len(free)}
    if not options.json:
        left_out = f"{out['held_duplicates']} pairs with held-out questions were left out"
        print(f"{fact['file']}: {fact['used']} held-out questions of {fact['rows']} rows; {left_out}.", file=sys.stderr)
    training = _begin(options, replace(training, data={**training.data, **out}), template, files, chosen)
    _keep_pairs(options, training, ("query", "response"), chosen)
    with _interruptible_control() as control:
        return _end(options, trainer.train(training, how, chosen, held, tokenizer, _progress(options), control))


def build_pairs(options: Namespace) -> int:
    return _from_reviews(options) if options.from_reviews else _from_samples(options)


def missing(options: Namespace) -> int:
    problem = "cannot be trained from the command line yet"
    raise InputError("train", options.family, problem, "use `scalequest train nano`, which trains that of nano")


def _from_reviews(options: Namespace) -> int:
    from engine.training.pairs import from_reviews

    with Workspace.open(options.workspace, create=False) as workspace:
        count = from_reviews(workspace)
    end = {"event": "end", "stage": "build-pairs", "pairs": count}
    print(json.dumps(end) if options.json else f"{count} new pairs.")
    return DONE


def _from_samples(options: Namespace) -> int:
    from engine.training import build_pairs as builder

    for flag, value in (("--generator", options.generator), ("--rewriter", options.rewriter)):
        if not value:
            raise InputError(flag, "", "is missing", "name it, or make pairs by --from-reviews")
    if options.n < 1:
        raise InputError("--n", options.n, "is below 1", "use 1 or more")
    rewriter = builder.rewriter(options.rewriter, registered_models.folder(options.workspace))
    model = train_options.model_of(options.generator, options.workspace)
    name = options.name or Path(model).name
    record.folder_for(name, options.workspace, None)
    role = _generator(options, model)
    with Workspace.open(options.workspace) as workspace, _interruptible_control() as control:
        progress = _progress(options)
        plan = builder.Plan(name, role, rewriter, options.n, options.seed, options.max_cost)
        built = builder.build(workspace, plan, progress, control)
        progress({"event": "end", "stage": "build-pairs", **asdict(built)})
    if not options.json:
        counts = [(f"pairs, more {direction}", count) for direction, count in sorted(built.pairs.items())]
        counts += [(f"no pair: {reason}", count) for reason, count in sorted(built.rejected.items())]
        print(terminal.table(("samples", "count"), counts))
        if built.cost_usd is not None:
            print(f"The rewriter has cost ${built.cost_usd:.4f}.")
    if built.status == "interrupted":
        print(built.message or "Interrupted; the same command continues from what is stored.", file=sys.stderr)
        return INTERRUPTED
    return DONE


def _generator(options: Namespace, model: str) -> Role:
    """The role of the generator, by default with the template that it was trained with."""
    from engine.models.load import check_folder
    from engine.training import base, samples

    if options.template:
        named: Template | None = prompts.pre_query(options.template, "--template")
    else:
        named = train_options.template_trained_with(model)
    template = named or base.guess_template(base.load_tokenizer(model, options.revision), model)
    given = {"backend": options.backend, "device": options.device, "max_tokens": options.max_tokens}
    role = samples.generator_role(model, template, options.revision, **{k: v for k, v in given.items() if v})
    check_folder(role)
    return role


def _begin(
    options: Namespace, training: Training, template: Template, files: list[dict[str, Any]], chosen: Sequence[object]
) -> Training:
    """Make the training's folder, or reopen that of a resumed one, after its data has been read and summarised."""
    facts = {"files": files, "used": len(chosen), "fingerprint": training_rows.fingerprint(chosen)}
    if not options.json:
        for file in files:
            print(f"{file['file']}: {file['used']} of {file['rows']} rows, field {file['field']}.", file=sys.stderr)
        print(f"Training on {len(chosen)} of them from {training.base}, template {template.id}.", file=sys.stderr)
    if not options.resume:
        return record.create(replace(training, template=template.id, data={**training.data, **facts}))
    if training.data["fingerprint"] != facts["fingerprint"]:
        problem = "its data has changed since it began"
        raise InputError("--resume", training.name, problem, "restore the files, or start a new training")
    return record.update(record.resume(training.folder), settings=training.settings)


def _keep_pairs(
    options: Namespace, training: Training, names: tuple[str, str], pairs: Sequence[tuple[str, str]]
) -> None:
    """Copy the workspace's pairs into the training's folder: they may change before a resume."""
    if not training.data["sources"] and not options.resume:
        json_lines.append(training.folder / PAIRS, (dict(zip(names, pair, strict=True)) for pair in pairs))


def _questions(options: Namespace, training: Training) -> Rows:
    """Those of the files, then those of the workspace that the filter selects; of a resumed training, its copy."""
    chosen = training.data.get("filter")
    if kept := list(map(str, training.folder.glob(QUESTIONS) if options.resume else ())):
        return training_rows.read_questions(kept)
    if chosen is None:
        sources = _required("--questions", training.data["sources"], ", or questions of the workspace by --filter")
        return training_rows.read_questions(sources, training.data["field"])
    from store.export.rows import training_questions
    from store.filters.filter import Filter

    with Workspace.open(options.workspace, create=False) as workspace:
        selected = list(training_questions(workspace, Filter.from_json(chosen)))
    if not selected:
        problem = "has no question that matches the filter"
        raise InputError("--workspace", str(options.workspace), problem, "widen the filter, or give only --questions")
    read: tuple[list[str], list[dict[str, Any]]] = ([], [])
    if training.data["sources"]:
        read = training_rows.read_questions(training.data["sources"], training.data["field"])
    fact = {"file": str(options.workspace), "field": "query", "rows": len(selected), "used": len(selected)}
    return [*read[0], *selected], [*read[1], fact]


def _pair_files(training: Training) -> list[str]:
    """The named file, else the pairs that the training began with; empty for the workspace's pairs."""
    return [*training.data["sources"], *map(str, training.folder.glob(PAIRS))]


def _pairs(options: Namespace, training: Training) -> tuple[list[tuple[str, str]], list[dict[str, Any]]]:
    if sources := _pair_files(training):
        return training_rows.read_pairs(sources[0])
    from engine.training.pairs import stored

    with Workspace.open(options.workspace, create=False) as workspace:
        return stored(workspace, None if training.data.get("any_generator") else training.base)


def _student_pairs(options: Namespace, training: Training) -> tuple[list[tuple[str, str]], list[dict[str, Any]]]:
    from engine.training import held_out

    if sources := _pair_files(training):
        return held_out.read_pairs(sources[0])
    from store.export.rows import training_pairs
    from store.filters.filter import Filter

    with Workspace.open(options.workspace, create=False) as workspace:
        pairs = list(training_pairs(workspace, Filter.from_json(training.data["filter"])))
    if not pairs:
        problem = "has no pair that matches the filter"
        raise InputError("--workspace", str(options.workspace), problem, "widen the filter, or give a file by --data")
    fact = {"file": str(options.workspace), "field": "pairs", "rows": len(pairs), "used": len(pairs)}
    return pairs, [fact]


def _end(options: Namespace, ended: Training) -> int:
    if ended.status == "interrupted":
        print(f"Interrupted; `{record.resume_command(ended)}` continues from the last checkpoint.", file=sys.stderr)
        return INTERRUPTED
    if not options.json:
        print(_report(ended))
    return DONE


def _report(ended: Training) -> str:
    lines = [f"{ended.name}: {ended.kind} of {ended.base} is done; the model is in {ended.folder}."]
    lines += [f"{name:22} {value}" for name, value in ended.result.items()]
    figures = record.samples(ended.folder).get("statistics", {})
    if figures:
        names = list(dict.fromkeys(name for column in figures.values() for name in column))
        columns = [when for when in ("before", "after", "data") if when in figures]
        rows = [(name, *(_cell(figures[column].get(name)) for column in columns)) for name in names]
        lines.append(terminal.table(("texts", *columns), rows))
    return "\n".join(lines)


def _cell(value: Any) -> str | None:
    return None if value is None else f"{value:g}"


def _progress(options: Namespace) -> terminal.Progress:
    return terminal.Progress(options.json, unit="steps")


def _required(flag: str, sources: Sequence[str], otherwise: str = "") -> Sequence[str]:
    if not sources:
        raise InputError(flag, "", "is missing", f"name a file to train on, or hf:NAME{otherwise}")
    return sources


@contextmanager
def _interruptible_control() -> Iterator[Control]:
    from engine.jobs.control import Control
    from engine.jobs.result import interruptible

    control = Control()
    with interruptible(control):
        yield control
