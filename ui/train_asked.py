"""What a command line asks of a training: the one it names, its settings, its base, its template; or the stopped one.

Knows no trainer. Heavy imports stand inside the functions, so that bad input is answered at once.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from engine import prompts
from engine.config import Role
from engine.prompts import Template
from engine.training import record, rows
from engine.training.record import Kind, Training
from engine.training.settings import Settings, settings
from store.errors import InputError

Ready = tuple[Training, Settings]


def given(options: Namespace, kind: Kind, sources: Sequence[str] | None, field: str | None) -> Ready | None:
    """The training that the options ask for, not yet begun, or the stopped one that --resume names; None where that
    one is done already, which is said."""
    folder = record.place(options.name, options.workspace, options.out)
    asked = {f.name: getattr(options, f.name, None) for f in fields(Settings)}
    asked = {name: value for name, value in asked.items() if value is not None}
    data = {"sources": [_absolute(source) for source in sources or []], "field": field}
    base = model_of(options.base, options.workspace) if options.base else ""
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
            sources = {"qft": "questions", "qpo": "pairs", "difficulty": "rates"}[stored.kind]
            flag = "--" + (sources if name == "sources" else name.replace("_", "-"))
            problem = f"conflicts with the training, which has {has.get(name)!r}"
            raise InputError(flag, value, problem, "leave it out, or start a new training")


def tokenizer_of(training: Training, how: Settings, known: Callable[[str, str], Template]) -> tuple[Any, Template]:
    """The base's tokenizer, and the template: the one that is named, else the one that fits."""
    from engine.training import base

    named = known(training.template, "--template") if training.template else None
    base.check_installed(how)
    base.device_of(how)
    tokenizer = base.load_tokenizer(training.base, training.revision)
    if training.kind == "difficulty":
        return tokenizer, named or prompts.template("plain")
    if named is None:
        named = trained_with(training.base) or base.guess_template(tokenizer, training.base)
    base.check_template(tokenizer, named, training.base)
    return tokenizer, named


def asking(template_id: str, field: str) -> Template:
    """A template that shows the question."""
    found = prompts.template(template_id, field)
    if "{question}" not in found.text:
        raise InputError(field, template_id, "has no {question}", "use one that shows it, as plain does")
    return found


def trained_with(base: str) -> Template | None:
    """The template of the training that made this model, if one did."""
    try:
        return prompts.pre_query(record.read(Path(base)).template)
    except InputError:
        return None


def _absolute(source: str) -> str:
    return source if source.startswith(rows.HUB) else str(Path(source).expanduser().resolve())


def model_of(model: str, workspace: Path) -> str:
    """A training of the workspace by name, a local folder by its whole path; all else (a hub id) as it is."""
    trained = workspace.expanduser().resolve() / "models" / model
    if not Path(model).expanduser().is_dir() and (trained / record.TRAINING).is_file():
        return str(trained)
    if model.startswith("assets/"):
        return model
    path = Role("generator", model, "transformers", model, prompts.template("plain")).path
    return model if path is None else str(path.resolve())
