"""``scalequest train qft|qpo|difficulty|student|build-pairs``: reads the data, trains, prints the result."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.config import prompts
from engine.config.profiles import Role
from engine.data import training_rows
from engine.training import json_lines, record, registered_models
from engine.training.record import Training
from store.database.workspace import Workspace
from store.errors import InputError
from ui.cli import terminal, train_options
from ui.cli.options import read_filter

if TYPE_CHECKING:
    from engine.config.prompts import Template
    from engine.jobs.control import Control

DONE, INTERRUPTED = 0, 130
PAIRS = "pairs.jsonl"
"""In a training's folder: the workspace's pairs as they were when it began."""


def qft(options: Namespace) -> int:
    request = train_options.requested_training(options, "qft", sources=options.questions, field=options.field)
    if request is None:
        return DONE
    training, how = request
    sources = _required("--questions", training.data["sources"])
    texts, files = training_rows.read_questions(sources, training.data["field"])
    chosen = training_rows.drawn(texts, how.limit, how.seed)
    tokenizer, template = train_options.tokenizer_and_template(training, how, prompts.pre_query)
    from engine.training import qft as trainer

    training = _begin(options, training, template, files, chosen)
    with _interruptible_control() as control:
        return _end(options, trainer.train(training, how, chosen, tokenizer, _progress(options), control))


def qpo(options: Namespace) -> int:
    request = train_options.requested_training(options, "qpo", sources=options.pairs and [options.pairs], field=None)
    if request is None:
        return DONE
    training, how = request
    pairs, files = _pairs(options, training)
    chosen = training_rows.drawn(pairs, how.limit, how.seed)
    tokenizer, template = train_options.tokenizer_and_template(training, how, prompts.pre_query)
    from engine.training import qpo as trainer

    training = _begin(options, training, template, files, chosen)
    if not training.data["sources"] and not options.resume:  # the workspace's pairs may change before a resume
        json_lines.append(training.folder / PAIRS, ({"chosen": better, "rejected": worse} for better, worse in chosen))
    with _interruptible_control() as control:
        return _end(options, trainer.train(training, how, chosen, tokenizer, _progress(options), control))


def difficulty(options: Namespace) -> int:
    sources = options.rates and [options.rates, *(options.questions or [])]
    request = train_options.requested_training(options, "difficulty", sources=sources, field=options.field)
    if request is None:
        return DONE
    training, how = request
    first, *questions = _required("--rates", training.data["sources"])
    rated, files = training_rows.read_rates(first, questions, training.data["field"])
    chosen = training_rows.drawn(rated, how.limit, how.seed)
    tokenizer, template = train_options.tokenizer_and_template(training, how, train_options.template_with_question)
    from engine.training import difficulty as trainer

    training = _begin(options, training, template, files, chosen)
    with _interruptible_control() as control:
        return _end(options, trainer.train(training, how, chosen, tokenizer, _progress(options), control))


def student(options: Namespace) -> int:
    from engine.training import held_out

    if options.held_limit < 0:
        raise InputError("--held-out-limit", options.held_limit, "is below 0", "use 0 or more; 0 means all questions")
    options.base, options.template = train_options.student_base(options.base, options.template)
    if options.data and options.filter:
        problem = "selects pairs of the workspace and cannot be used with --data"
        raise InputError("--filter", options.filter, problem, "leave one of the two out")
    sources = options.data and [options.data]
    more = {
        "filter": read_filter(options.filter).to_dict(),
        "held": train_options.held_source(options.held, options.resume),
    }
    more |= {
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
    if not training.data["sources"] and not options.resume:  # the workspace's pairs may change before a resume
        kept = ({"query": question, "response": response} for question, response in chosen)
        json_lines.append(training.folder / PAIRS, kept)
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
    print(
        json.dumps({"event": "end", "stage": "build-pairs", "pairs": count}) if options.json else f"{count} new pairs."
    )
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
        built = builder.build(workspace, builder.Plan(name, role, rewriter, options.n, options.seed), progress, control)
        progress({"event": "end", "stage": "build-pairs", **asdict(built)})
    if not options.json:
        counts = [(f"pairs, more {direction}", count) for direction, count in sorted(built.pairs.items())]
        counts += [(f"no pair: {reason}", count) for reason, count in sorted(built.rejected.items())]
        print(terminal.table(("samples", "count"), counts))
    if built.status == "interrupted":
        print("Interrupted; the same command continues from what is stored.", file=sys.stderr)
        return INTERRUPTED
    return DONE


def _generator(options: Namespace, model: str) -> Role:
    """The role of the generator, by default with the template that it was trained with."""
    from engine.models.load import check_folder
    from engine.training import base, samples

    named = (
        prompts.pre_query(options.template, "--template")
        if options.template
        else train_options.template_trained_with(model)
    )
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
    return record.resume(training.folder)


def _pairs(options: Namespace, training: Training) -> tuple[list[tuple[str, str]], list[dict[str, Any]]]:
    """The pairs of the named file, else those that the training began with, else all of the workspace."""
    sources = [*training.data["sources"], *map(str, training.folder.glob(PAIRS))]
    if sources:
        return training_rows.read_pairs(sources[0])
    from engine.training.pairs import stored

    with Workspace.open(options.workspace, create=False) as workspace:
        return stored(workspace)


def _student_pairs(options: Namespace, training: Training) -> tuple[list[tuple[str, str]], list[dict[str, Any]]]:
    """The pairs that a student learns from, chosen as in ``_pairs``."""
    from engine.training import held_out

    sources = [*training.data["sources"], *map(str, training.folder.glob(PAIRS))]
    if sources:
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
    """The result in words."""
    lines = [f"{ended.name}: {ended.kind} of {ended.base} is done; the model is in {ended.folder}."]
    lines += [f"{name:22} {value}" for name, value in ended.result.items()]
    figures = record.samples(ended.folder).get("statistics", {})
    if figures:
        names = list(dict.fromkeys(name for column in figures.values() for name in column))
        columns = [when for when in ("before", "after", "data") if when in figures]
        lines.append(
            terminal.table(("texts", *columns), [(n, *(_cell(figures[c].get(n)) for c in columns)) for n in names])
        )
    return "\n".join(lines)


def _cell(value: Any) -> str | None:
    return None if value is None else f"{value:g}"


def _progress(options: Namespace) -> terminal.Progress:
    return terminal.Progress(options.json, unit="steps")


def _required(flag: str, sources: Sequence[str]) -> Sequence[str]:
    if not sources:
        raise InputError(flag, "", "is missing", "name a file to train on, or hf:NAME")
    return sources


@contextmanager
def _interruptible_control() -> Iterator[Control]:
    """A control that Ctrl-C interrupts."""
    from engine.jobs.control import Control
    from engine.jobs.result import interruptible

    control = Control()
    with interruptible(control):
        yield control
