"""What ``scalequest train qft|qpo|difficulty|build-pairs`` do: read the data, say what was read, train, say what came.

Knows neither SQL nor a trainer. Heavy imports stand inside the commands, so that bad input is answered at once.
"""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import checks, prompts
from engine.config import Role
from engine.training import record, rows
from engine.training.record import Kind, Training
from engine.training.settings import Settings, settings
from store.errors import InputError
from store.workspace import Workspace
from ui import terminal

if TYPE_CHECKING:
    from engine.control import Control
    from engine.prompts import Template

DONE, INTERRUPTED = 0, 130
Ready = tuple[Training, Settings]


def qft(options: Namespace) -> int:
    given = _given(options, "qft", sources=options.questions, field=options.field)
    if given is None:
        return DONE
    training, how = given
    read = rows.read_questions(_needed("--questions", training.data["sources"]), training.data["field"])
    chosen = rows.drawn(read.texts, how.limit, how.seed)
    tokenizer, template = _tokenizer(training, how, prompts.pre_query)
    training = _begun(options, training, template, read.files, chosen)
    from engine.training import qft as trainer

    with _steered() as control:
        return _end(options, trainer.train(training, how, chosen, tokenizer, _progress(options), control))


def qpo(options: Namespace) -> int:
    given = _given(options, "qpo", sources=options.pairs and [options.pairs], field=None)
    if given is None:
        return DONE
    training, how = given
    pairs, files = _pairs(options, training.data["sources"])
    chosen = rows.drawn(pairs, how.limit, how.seed)
    tokenizer, template = _tokenizer(training, how, prompts.pre_query)
    training = _begun(options, training, template, files, chosen)
    from engine.training import qpo as trainer

    with _steered() as control:
        return _end(options, trainer.train(training, how, chosen, tokenizer, _progress(options), control))


def difficulty(options: Namespace) -> int:
    sources = options.rates and [options.rates, *(options.questions or [])]
    given = _given(options, "difficulty", sources=sources, field=options.field)
    if given is None:
        return DONE
    training, how = given
    first, *questions = _needed("--rates", training.data["sources"])
    read = rows.read_rates(first, questions, training.data["field"])
    chosen = rows.drawn(read.rows, how.limit, how.seed)
    tokenizer, template = _tokenizer(training, how, _asking)
    training = _begun(options, training, template, read.files, chosen)
    from engine.training import difficulty as trainer

    with _steered() as control:
        return _end(options, trainer.train(training, how, chosen, tokenizer, _progress(options), control))


def build_pairs(options: Namespace) -> int:
    return _from_reviews(options) if options.from_reviews else _from_samples(options)


def missing(options: Namespace) -> int:
    problem = "is no training on the command line yet"
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
    checks.at_least("--n", options.n, 1)
    rewriter = builder.rewriter(options.rewriter)
    model = _model(options.generator, options.workspace)
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

    named = prompts.pre_query(options.template, "--template") if options.template else _trained_with(model)
    template = named or base.guess_template(base.load_tokenizer(model, options.revision), model)
    given = {"backend": options.backend, "device": options.device, "max_tokens": options.max_tokens}
    role = samples.generator_role(model, template, options.revision, **{k: v for k, v in given.items() if v})
    check_folder(role)
    return role


def _given(options: Namespace, kind: Kind, sources: Sequence[str] | None, field: str | None) -> Ready | None:
    """The training that the options ask for, not yet begun, or the stopped one that --resume names; None where that
    one is done already, which is said."""
    folder = record.place(options.name, options.workspace, options.out)
    asked = {f.name: getattr(options, f.name, None) for f in fields(Settings)}
    asked = {name: value for name, value in asked.items() if value is not None}
    data = {"sources": [_absolute(source) for source in sources or []], "field": field}
    base = _model(options.base, options.workspace) if options.base else ""
    if options.resume:
        stored = record.read(folder)
        if stored.kind != kind:
            raise InputError("--resume", stored.name, f"is a training of kind {stored.kind}", "use that command")
        wanted = {**asked, "base": base, "template": options.template, "revision": options.revision, **data}
        _refuse_conflicts({name: value for name, value in wanted.items() if value}, stored)
        if stored.status == "done":
            print(f"Training {stored.name} is done already; there is nothing to resume.", file=sys.stderr)
            return None
        return stored, settings(kind, **stored.settings)
    if not base:
        raise InputError("--base", "", "no model to start from", "name a folder, a hub id, or a training's name")
    how = settings(kind, **asked)
    training = Training(
        folder, folder.name, kind, base, options.template or "", options.revision,
        settings=asdict(how), data=data, command=options.line,
    )  # fmt: skip
    return training, how


def _refuse_conflicts(wanted: dict[str, Any], stored: Training) -> None:
    """A resumed training is what it was: a flag that says otherwise is a mistake."""
    has = {**stored.settings, **stored.data, "base": stored.base, "template": stored.template}
    has["revision"] = stored.revision
    for name, value in wanted.items():
        if value != has.get(name):
            flag = "--" + {"sources": "questions"}.get(name, name).replace("_", "-")
            problem = f"conflicts with the training, which has {has.get(name)!r}"
            raise InputError(flag, value, problem, "leave it out, or start a new training")


def _tokenizer(training: Training, how: Settings, known: Callable[[str, str], Template]) -> tuple[Any, Template]:
    """The base's tokenizer, and the template: the one that is named, else the one that fits."""
    from engine.training import base

    named = known(training.template, "--template") if training.template else None
    base.check_installed(how)
    base.device_of(how)
    tokenizer = base.load_tokenizer(training.base, training.revision)
    if training.kind == "difficulty":
        return tokenizer, named or prompts.template("plain")
    if named is None:
        named = _trained_with(training.base) or base.guess_template(tokenizer, training.base)
    base.check_template(tokenizer, named, training.base)
    return tokenizer, named


def _asking(template_id: str, field: str) -> Template:
    """A template that shows the question."""
    found = prompts.template(template_id, field)
    if "{question}" not in found.text:
        raise InputError(field, template_id, "has no {question}", "use one that shows it, as plain does")
    return found


def _trained_with(base: str) -> Template | None:
    """The template of the training that made this model, if one did."""
    try:
        return prompts.pre_query(record.read(Path(base)).template)
    except InputError:
        return None


def _begun(
    options: Namespace, training: Training, template: Template, files: list[dict[str, Any]], chosen: Sequence[object]
) -> Training:
    """The training's folder, made or taken up again, once its data is read and said."""
    facts = {"files": files, "used": len(chosen), "fingerprint": rows.fingerprint(chosen)}
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


def _pairs(options: Namespace, sources: Sequence[str]) -> tuple[list[tuple[str, str]], list[dict[str, Any]]]:
    """From a file, else those that the workspace has stored."""
    if sources:
        return rows.read_pairs(sources[0])
    from engine.training.pairs import stored

    with Workspace.open(options.workspace, create=False) as workspace:
        return stored(workspace)


def _end(options: Namespace, ended: Training) -> int:
    if ended.status == "interrupted":
        print(f"Interrupted; `{record.resume_command(ended)}` goes on from the last checkpoint.", file=sys.stderr)
        return INTERRUPTED
    if not options.json:
        print(_report(ended))
    return DONE


def _report(ended: Training) -> str:
    """What came of it, in words."""
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


def _needed(flag: str, sources: Sequence[str]) -> Sequence[str]:
    if not sources:
        raise InputError(flag, "", "no data to train on", "name a file, or hf:NAME")
    return sources


def _absolute(source: str) -> str:
    return source if source.startswith(rows.HUB) else str(Path(source).expanduser().resolve())


def _model(model: str, workspace: Path) -> str:
    """A training of the workspace by name, a local folder by its whole path; all else (a hub id) as it is."""
    trained = workspace.expanduser().resolve() / "models" / model
    if not Path(model).expanduser().is_dir() and (trained / record.TRAINING).is_file():
        return str(trained)
    if model.startswith("assets/"):
        return model
    path = Role("generator", model, "transformers", model, prompts.template("plain")).path
    return model if path is None else str(path.resolve())


@contextmanager
def _steered() -> Iterator[Control]:
    """A control that Ctrl-C interrupts."""
    from engine import jobs
    from engine.control import Control

    control = Control()
    with jobs.interruptible(control):
        yield control
