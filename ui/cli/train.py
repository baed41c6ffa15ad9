"""What ``scalequest train qft|qpo|difficulty|student|build-pairs`` do: read the data and say so, train, say what came.

Knows neither SQL nor a trainer. Heavy imports stand inside the commands, so that bad input is answered at once.
"""

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
from ui.cli import terminal
from ui.cli import train_options as asked

if TYPE_CHECKING:
    from engine.config.prompts import Template
    from engine.jobs.control import Control

DONE, INTERRUPTED = 0, 130
PAIRS = "pairs.jsonl"
"""In a training's folder: the workspace's pairs as they were when it began."""


def qft(options: Namespace) -> int:
    given = asked.given(options, "qft", sources=options.questions, field=options.field)
    if given is None:
        return DONE
    training, how = given
    read = training_rows.read_questions(_needed("--questions", training.data["sources"]), training.data["field"])
    chosen = training_rows.drawn(read.texts, how.limit, how.seed)
    tokenizer, template = asked.tokenizer_of(training, how, prompts.pre_query)
    from engine.training import qft as trainer

    training = _begun(options, training, template, read.files, chosen)
    with _steered() as control:
        return _end(options, trainer.train(training, how, chosen, tokenizer, _progress(options), control))


def qpo(options: Namespace) -> int:
    given = asked.given(options, "qpo", sources=options.pairs and [options.pairs], field=None)
    if given is None:
        return DONE
    training, how = given
    pairs, files = _pairs(options, training)
    chosen = training_rows.drawn(pairs, how.limit, how.seed)
    tokenizer, template = asked.tokenizer_of(training, how, prompts.pre_query)
    from engine.training import qpo as trainer

    training = _begun(options, training, template, files, chosen)
    if not training.data["sources"] and not options.resume:  # the workspace's pairs may be others tomorrow
        json_lines.append(training.folder / PAIRS, ({"chosen": better, "rejected": worse} for better, worse in chosen))
    with _steered() as control:
        return _end(options, trainer.train(training, how, chosen, tokenizer, _progress(options), control))


def difficulty(options: Namespace) -> int:
    sources = options.rates and [options.rates, *(options.questions or [])]
    given = asked.given(options, "difficulty", sources=sources, field=options.field)
    if given is None:
        return DONE
    training, how = given
    first, *questions = _needed("--rates", training.data["sources"])
    read = training_rows.read_rates(first, questions, training.data["field"])
    chosen = training_rows.drawn(read.rows, how.limit, how.seed)
    tokenizer, template = asked.tokenizer_of(training, how, asked.asking)
    from engine.training import difficulty as trainer

    training = _begun(options, training, template, read.files, chosen)
    with _steered() as control:
        return _end(options, trainer.train(training, how, chosen, tokenizer, _progress(options), control))


def student(options: Namespace) -> int:
    from engine.training import held_out

    if options.held_limit < 0:
        raise InputError("--held-out-limit", options.held_limit, "is below 0", "use 0 or more, 0 is all questions")
    options.base, options.template = asked.student_base(options.base, options.template)
    if options.data and options.filter:
        problem = "chooses among a workspace's pairs, and --data is none"
        raise InputError("--filter", options.filter, problem, "leave one of the two out")
    sources = options.data and [options.data]
    more = {"filter": asked.filtered(options.filter), "held": asked.held_source(options.held, options.resume)}
    more |= {"held_limit": options.held_limit, "against": asked.other_student(options.against, options.workspace)}
    given = asked.given(options, "student", sources=sources, field=None, **more)
    if given is None:
        return DONE
    training, how = given
    held, fact = held_out.read(training.data["held"], training.data["held_limit"])
    asked.check_same_questions(training, fact["fingerprint"])
    pairs, files = _learned(options, training)
    free = held_out.without(pairs, held)
    if how.limit > len(free):
        problem = f"only {len(free)} pairs are there once those of the held-out set are out"
        raise InputError("--size", how.limit, problem, "lower it, or widen the filter")
    chosen = training_rows.drawn(free, how.limit * how.seeds, how.seed)
    tokenizer, template = asked.tokenizer_of(training, how, prompts.solving)
    from engine.training import student as trainer

    out = {"held_out": fact, "held_duplicates": len(pairs) - len(free)}
    if not options.json:
        said = f"{out['held_duplicates']} pairs were left out, whose questions are held-out ones"
        print(f"{fact['file']}: {fact['used']} held-out questions of {fact['rows']} rows; {said}.", file=sys.stderr)
    training = _begun(options, replace(training, data={**training.data, **out}), template, files, chosen)
    if not training.data["sources"] and not options.resume:  # the workspace's pairs may be others tomorrow
        kept = ({"query": question, "response": response} for question, response in chosen)
        json_lines.append(training.folder / PAIRS, kept)
    with _steered() as control:
        return _end(options, trainer.train(training, how, chosen, held, tokenizer, _progress(options), control))


def build_pairs(options: Namespace) -> int:
    return _from_reviews(options) if options.from_reviews else _from_samples(options)


def missing(options: Namespace) -> int:
    problem = "is not a training on the command line yet"
    raise InputError("train", options.family, problem, "use `scalequest train nano`, which trains nano's own")


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
    model = asked.model_of(options.generator, options.workspace)
    name = options.name or Path(model).name
    record.place(name, options.workspace, None)
    role = _generator(options, model)
    with Workspace.open(options.workspace) as workspace, _steered() as control:
        progress = _progress(options)
        built = builder.build(workspace, builder.Plan(name, role, rewriter, options.n, options.seed), progress, control)
        progress({"event": "end", "stage": "build-pairs", **asdict(built)})
    if not options.json:
        counts = [(f"pairs, more {way}", count) for way, count in sorted(built.pairs.items())]
        counts += [(f"no pair: {why}", count) for why, count in sorted(built.rejected.items())]
        print(terminal.table(("samples", "count"), counts))
    if built.status == "interrupted":
        print("Interrupted; the same command goes on from what is stored.", file=sys.stderr)
        return INTERRUPTED
    return DONE


def _generator(options: Namespace, model: str) -> Role:
    """The generator's role, with the template that it was trained with unless another is named."""
    from engine.models.load import check_folder
    from engine.training import base, samples

    named = prompts.pre_query(options.template, "--template") if options.template else asked.trained_with(model)
    template = named or base.guess_template(base.load_tokenizer(model, options.revision), model)
    given = {"backend": options.backend, "device": options.device, "max_tokens": options.max_tokens}
    role = samples.generator_role(model, template, options.revision, **{k: v for k, v in given.items() if v})
    check_folder(role)
    return role


def _begun(
    options: Namespace, training: Training, template: Template, files: list[dict[str, Any]], chosen: Sequence[object]
) -> Training:
    """The training's folder, made or taken up again, once its data is read and said."""
    facts = {"files": files, "used": len(chosen), "fingerprint": training_rows.fingerprint(chosen)}
    if not options.json:
        for file in files:
            print(f"{file['file']}: {file['used']} of {file['rows']} rows, field {file['field']}.", file=sys.stderr)
        print(f"Training on {len(chosen)} of them from {training.base}, template {template.id}.", file=sys.stderr)
    if not options.resume:
        return record.make(replace(training, template=template.id, data={**training.data, **facts}))
    if training.data["fingerprint"] != facts["fingerprint"]:
        problem = "its data has changed since it began"
        raise InputError("--resume", training.name, problem, "restore the files, or start a new training")
    return record.go_on(training.folder)


def _pairs(options: Namespace, training: Training) -> tuple[list[tuple[str, str]], list[dict[str, Any]]]:
    """From the file that is named, else those that the training began with, else all that the workspace has stored."""
    sources = [*training.data["sources"], *map(str, training.folder.glob(PAIRS))]
    if sources:
        return training_rows.read_pairs(sources[0])
    from engine.training.pairs import stored

    with Workspace.open(options.workspace, create=False) as workspace:
        return stored(workspace)


def _learned(options: Namespace, training: Training) -> tuple[list[tuple[str, str]], list[dict[str, Any]]]:
    """What a student learns from: as ``_pairs`` chooses."""
    from engine.training import held_out

    sources = [*training.data["sources"], *map(str, training.folder.glob(PAIRS))]
    if sources:
        return held_out.read_pairs(sources[0])
    from store.export.rows import training_pairs
    from store.filters.filter import Filter

    with Workspace.open(options.workspace, create=False) as workspace:
        pairs = list(training_pairs(workspace, Filter.from_json(training.data["filter"])))
    if not pairs:
        problem = "has no pair that the filter lets through"
        raise InputError("--workspace", str(options.workspace), problem, "widen the filter, or give a file by --data")
    fact = {"file": str(options.workspace), "field": "pairs", "rows": len(pairs), "used": len(pairs)}
    return pairs, [fact]


def _end(options: Namespace, ended: Training) -> int:
    if ended.status == "interrupted":
        print(f"Interrupted; `{record.resume_command(ended)}` goes on from the last checkpoint.", file=sys.stderr)
        return INTERRUPTED
    if not options.json:
        print(_report(ended))
    return DONE


def _report(ended: Training) -> str:
    """What came of it, in words."""
    said = [f"{ended.name}: {ended.kind} of {ended.base} is done; the model is in {ended.folder}."]
    said += [f"{name:22} {value}" for name, value in ended.result.items()]
    figures = record.samples(ended.folder).get("statistics", {})
    if figures:
        names = list(dict.fromkeys(name for column in figures.values() for name in column))
        columns = [when for when in ("before", "after", "data") if when in figures]
        said.append(
            terminal.table(("texts", *columns), [(n, *(_cell(figures[c].get(n)) for c in columns)) for n in names])
        )
    return "\n".join(said)


def _cell(value: Any) -> str | None:
    return None if value is None else f"{value:g}"


def _progress(options: Namespace) -> terminal.Progress:
    return terminal.Progress(options.json, unit="steps")


def _needed(flag: str, sources: Sequence[str]) -> Sequence[str]:
    if not sources:
        raise InputError(flag, "", "no data to train on", "name a file, or hf:NAME")
    return sources


@contextmanager
def _steered() -> Iterator[Control]:
    """A control that Ctrl-C interrupts."""
    from engine.jobs.control import Control
    from engine.jobs.result import interruptible

    control = Control()
    with interruptible(control):
        yield control
