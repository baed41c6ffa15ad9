"""The options of a training: its settings, base and template, or those of the stopped training that is resumed."""

import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from engine.config import prompts
from engine.config.packaged import PREFIX
from engine.config.profiles import Role
from engine.config.prompts import Template
from engine.data.reader import absolute
from engine.training import record
from engine.training.record import Kind, Training
from engine.training.settings import Settings, settings
from store.errors import InputError

NANO, NANO_BASE = "nano", "assets/nano/base"  # a student's bundled base: nano's solver after a third of its training
_FREE = ("gpus",)
"""Settings that a resumed training may change: they change neither its steps nor its result."""
SCORERS = ("difficulty", "judge")
"""Kinds of training whose model gives a question one number: their template is any that shows the question."""
Request = tuple[Training, Settings]


def requested_training(
    options: Namespace, kind: Kind, sources: Sequence[str] | None, field: str | None, **data: Any
) -> Request | None:
    """The training that the options describe, not begun yet, or the stopped one that --resume names.

    None, with a message, where that one is done already. ``data`` describes what else it learns from.
    """
    folder = record.folder_for(options.name, options.workspace, options.out)
    given = {f.name: getattr(options, f.name, None) for f in fields(Settings)}
    given = {name: value for name, value in given.items() if value is not None}
    data = {"sources": [absolute(source) for source in sources or []], "field": field, **data}
    base = model_of(options.base, options.workspace) if options.base else ""
    if options.resume:
        stored = record.read(folder)
        if stored.kind != kind:
            raise InputError("--resume", stored.name, f"is a training of kind {stored.kind}", "use that command")
        options_given = {**given, "base": base, "template": options.template, "revision": options.revision, **data}
        _refuse_conflicts({name: value for name, value in options_given.items() if value}, stored)
        if stored.status == "done":
            print(f"Training {stored.name} is finished; there is nothing to resume.", file=sys.stderr)
            return None
        how = settings(kind, **{**stored.settings, **{name: given[name] for name in _FREE if name in given}})
        return replace(stored, settings=asdict(how)), how
    if not base:
        raise InputError("--base", "", "is missing", "name a folder, a hub id, or a training to start from")
    how = settings(kind, **given)
    training = Training(
        folder, folder.name, kind, base, options.template or "", options.revision,
        settings=asdict(how), data=data, command=options.line,
    )  # fmt: skip
    return training, how


def held_source(given: str | None, resume: bool) -> str:
    """The source of the held-out questions; empty for a resumed training, which has it."""
    if not given and not resume:
        raise InputError("--held-out", "", "is missing", "name a file with questions and answers, or nano")
    return absolute(given) if given and given.partition(":")[0] != NANO else given or ""


def other_student(name: str | None, workspace: Path) -> str:
    """The folder of a finished student to compare with. InputError where there is none of this name."""
    if not name:
        return ""
    remedy = "name a finished student of the workspace"
    try:
        found = record.read(Path(model_of(name, workspace)))
    except InputError as error:
        raise InputError("--against", name, error.problem, remedy) from None
    if found.kind != "student" or found.status != "done":
        raise InputError("--against", name, f"is a training of kind {found.kind}, {found.status}", remedy)
    return str(found.folder)


def check_same_questions(training: Training, fingerprint: str) -> None:
    """InputError where the student to compare with was measured on other questions."""
    if other := training.data["against"]:
        held_out = record.read(Path(other)).data.get("held_out", {})
        if held_out.get("fingerprint") != fingerprint:
            problem = f"was measured on other questions ({held_out.get('file', 'unknown')})"
            raise InputError("--against", Path(other).name, problem, "give both the same --held-out")


def _refuse_conflicts(given: dict[str, Any], stored: Training) -> None:
    """InputError where a flag differs from the resumed training, which keeps its own options."""
    has = {**stored.settings, **stored.data, "base": stored.base, "template": stored.template}
    has["revision"] = stored.revision
    for name, value in given.items():
        if name not in _FREE and value != has.get(name):
            sources = {"qft": "questions", "qpo": "pairs", "difficulty": "rates", "judge": "questions"}.get(
                stored.kind, "data"
            )
            flag = "--" + (sources if name == "sources" else name.replace("_", "-"))
            problem = f"conflicts with the training, which has {has.get(name)!r}"
            raise InputError(flag, value, problem, "leave it out, or start a new training")


def tokenizer_and_template(
    training: Training, how: Settings, find: Callable[[str, str], Template]
) -> tuple[Any, Template]:
    """The base's tokenizer, and the template: the one that is named, else the one that fits the tokenizer."""
    from engine.training import base

    named = find(training.template, "--template") if training.template else None
    base.check_installed(how)
    base.device_of(how)
    tokenizer = base.load_tokenizer(training.base, training.revision, scorer=training.kind in SCORERS)
    if training.kind in SCORERS:
        return tokenizer, named or prompts.template("plain")
    if training.kind == "student":
        named = named or prompts.solving_like(base.guess_template(tokenizer, training.base).id)
        base.check_template(tokenizer, prompts.pre_query_like(named.id), training.base)
        return tokenizer, named
    if named is None:
        named = template_trained_with(training.base) or base.guess_template(tokenizer, training.base)
    base.check_template(tokenizer, named, training.base)
    return tokenizer, named


def template_with_question(template_id: str, field: str) -> Template:
    """A template that shows the question. InputError where it does not."""
    found = prompts.template(template_id, field)
    if "{question}" not in found.text:
        raise InputError(field, template_id, "has no {question}", "use one that shows it, such as plain")
    return found


def template_trained_with(base: str) -> Template | None:
    """The template of the training that made this model; None where no training of ours did."""
    try:
        return prompts.pre_query(record.read(Path(base)).template)
    except InputError:
        return None


def model_of(model: str, workspace: Path) -> str:
    """The folder of the workspace's training of this name, a local folder's absolute path, or what names a model on
    every machine, unchanged."""
    trained = workspace.expanduser().resolve() / "models" / model
    if not Path(model).expanduser().is_dir() and (trained / record.TRAINING).is_file():
        return str(trained)
    if model.startswith(("assets/", PREFIX)):
        return model
    path = Role("generator", model, "transformers", model, prompts.template("plain")).path
    return model if path is None else str(path.resolve())
