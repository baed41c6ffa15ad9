"""A workspace's own profiles, ``<workspace>/profiles/NAME.toml``, with a trained model in the place of another.

Such a file is a complete profile, made from a bundled one or from another of the workspace's. ``load_profile`` finds it
by name, and a run that used it keeps its config when the file is deleted.
"""

import tempfile
from pathlib import Path
from typing import Any

import tomlkit

from engine.config.profiles import ROLES, Profile, Role, load_profile, profile_names, profile_of, profile_table
from engine.models.load import check_folder
from engine.training import json_lines, record
from engine.training.record import Training
from store.errors import InputError, StoreError

_SAMPLED = ("temperature", "top_p", "max_tokens")


def folder(workspace: Path) -> Path:
    """The folder of a workspace's profiles, made when the first one is registered."""
    return workspace / "profiles"


def registered(profiles: Path) -> list[str]:
    """The names of the workspace's own profiles, without those of bundled profiles."""
    return sorted(set(profile_names(profiles)) - set(profile_names()))


def register(
    profiles: Path, training: Training, base: str, name: str, *, add: bool = False, replace: bool = False
) -> Profile:
    """Write profile ``name``: ``base`` with the trained model in its role, with the training's template and sampling.

    A generator replaces all of the base's, or with ``add`` joins them with an equal share of the questions; a
    difficulty scorer or a judge replaces the base's. ``replace``: overwrite a profile of that name. InputError: a
    training that is not done or has lost its model, an invalid or used name, an unreadable base, an invalid result.
    StoreError where it cannot be written.
    """
    _check_name(profiles, name, replace)
    if training.status != "done":
        problem = f"is {training.status} and has no trained model yet"
        raise InputError("training", training.name, problem, "wait for its end, or resume it")
    if training.kind == "student":
        problem = "is a student, which has no role in a run"
        raise InputError("training", training.name, problem, "choose a generator, a difficulty scorer or a judge")
    path, table = profile_table(base, profiles)
    start = profile_of(table, path.stem)
    if training.kind == "difficulty":
        table["difficulty"] = _model(training, "classifier")  # with the default activation, a sigmoid
    elif training.kind == "judge":
        table["judge"] = {**_model(training, "classifier"), "threshold": training.result.get("threshold", 0.5)}
    else:
        generators = table.get("generator", [])
        generators = [generators] if isinstance(generators, dict) else list(generators)
        trained = _generator(training, start.generators[0])
        equal = sum(one.share for one in start.generators) / len(start.generators)
        table["generator"] = [*generators, {**trained, "share": equal}] if add else [trained]
    head = f"Profile {base} with the {training.kind} training {training.name}."
    return _write(profiles, name, {**table, "name": name}, head, training)


def unregister(profiles: Path, name: str) -> None:
    """Delete a workspace's profile. InputError where it has none of that name."""
    if name not in registered(profiles):
        known = ", ".join(registered(profiles)) or "none: nothing is registered"
        raise InputError("profile", name, "is not a profile of this workspace", f"use one of {known}")
    try:
        (profiles / f"{name}.toml").unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{profiles / name}.toml cannot be deleted ({error.strerror}).") from error


def _check_name(profiles: Path, name: str, replace: bool) -> None:
    if not record.NAME.fullmatch(name) or name.endswith(".toml"):
        remedy = "use up to 64 letters, digits, dots, dashes and underscores"
        raise InputError("name", name, "is not a valid profile name", remedy)
    if name in profile_names():
        raise InputError("name", name, "is a bundled profile", "choose another name")
    if name in registered(profiles) and not replace:
        raise InputError("name", name, "is registered already", "choose another name, or replace it")


def _generator(training: Training, first: Role) -> dict[str, Any]:
    """With the sampling of its samples, else of the base's first generator."""
    drawn = record.samples(training.folder).get("sampling", {})
    sampled = {key: drawn.get(key, getattr(first, key)) for key in _SAMPLED}
    backend = "vllm" if first.backend == "vllm" else "transformers"
    return {**_model(training, backend), **sampled}


def _model(training: Training, backend: str) -> dict[str, Any]:
    where = str(training.folder.resolve())
    return {"name": training.name, "backend": backend, "model": where, "template": training.template}


def _write(profiles: Path, name: str, table: dict[str, Any], head: str, training: Training) -> Profile:
    """Write the profile, once it can be read back and its new model exists."""
    document = tomlkit.document()
    document.add(tomlkit.comment(head))
    document.add(tomlkit.nl())
    keys = ["name", *(key for key in (*ROLES, "embedder", "templates") if key in table)]
    for key in sorted(
        keys, key=lambda key: not isinstance(table[key], str)
    ):  # what is no table comes before all tables
        document.add(key, tomlkit.item(table[key]))
    try:
        profiles.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=profiles, prefix=".") as temporary:
            made = Path(temporary) / f"{name}.toml"
            made.write_text(tomlkit.dumps(document), encoding="utf-8")
            profile = load_profile(str(made))
            check_folder(next(role for role in profile.roles if role.model == str(training.folder.resolve())))
            made.replace(profiles / made.name)
    except OSError as error:
        raise json_lines.cannot_write(profiles / f"{name}.toml", error) from error
    return profile
