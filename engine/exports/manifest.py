"""``manifest.json``: the description of an export by which it can be repeated and compared byte by byte.

It contains neither times nor paths, so that the same rows give the same manifest.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from engine.exports.plan import Plan, plan_from_json
from store.errors import InputError
from store.records import Run

NAME = "manifest.json"
_PATH = re.compile(r"(?:/|~|\.{1,2}/|[A-Za-z]:\\)\S[^\n]*")


def build(
    plan: Plan,
    counts: Mapping[str, Any],
    runs: Sequence[Run],
    files: Mapping[str, Mapping[str, Any]],
    self_test: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """``counts``: from the job; ``files``: path -> ``Written``; ``self_test``: of ``rl``."""
    contents = "\n".join(str(one["content"]) for one in files.values())
    described = {path: {key: value for key, value in one.items() if key != "content"} for path, one in files.items()}
    return {
        "format": plan.format,
        "filter": plan.filter.to_dict(),
        "options": plan.options(),
        "columns": list(plan.columns),
        "counts": dict(counts),
        **({"self_test": dict(self_test)} if self_test else {}),
        "rows_hash": hashlib.sha256(contents.encode()).hexdigest(),
        "files": described,
        "runs": [_run(run) for run in runs],
        "program": {"scalequest-explorer": _version("scalequest-explorer"), "pyarrow": _version("pyarrow")},
    }


def dump(manifest: Mapping[str, Any]) -> str:
    return json.dumps(manifest, ensure_ascii=True, indent=1) + "\n"


def load(path: Path) -> tuple[dict[str, Any], Plan]:
    """A manifest and its plan. InputError where it cannot be read or is not an export's manifest."""
    try:
        manifest = json.loads((path / NAME if path.is_dir() else path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        problem = "cannot be read" if isinstance(error, OSError) else "is not JSON"
        raise InputError("manifest", str(path), problem, "name the manifest.json of an export") from error
    try:
        plan = plan_from_json(manifest)
    except InputError as error:
        raise InputError(
            "manifest", str(path), f"does not describe an export ({error.problem})", "name another one"
        ) from error
    if not all(isinstance(manifest.get(name), dict) for name in ("counts", "files")):
        raise InputError("manifest", str(path), "has no counts or files", "name the manifest.json of an export")
    return manifest, plan


def models(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The models of a run's config by role; none for an import."""
    profile = config.get("profile")
    if not isinstance(profile, Mapping):
        return []
    roles = [one for one in profile.get("generators") or () if isinstance(one, Mapping)]
    roles += [profile[name] for name in ("judge", "difficulty", "solver", "reward") if profile.get(name)]
    names = ("role", "name", "backend", "model", "revision", "temperature", "top_p", "top_k", "n")
    adapted = [(*names, "adapter") if one.get("adapter") else names for one in roles]
    return [
        {name: without_paths(one.get(name)) for name in names if name in one}
        for one, names in zip(roles, adapted, strict=True)
    ]


def without_paths(value: Any) -> Any:
    """The JSON with each path reduced to its last name: paths help nobody else and may reveal private names."""
    if isinstance(value, Mapping):
        return {key: one if key == "template" else without_paths(one) for key, one in value.items()}
    if isinstance(value, list):
        return [without_paths(one) for one in value]
    if isinstance(value, str) and _PATH.fullmatch(value):
        return re.split(r"[/\\]", value.rstrip("/\\"))[-1]
    return value


def _run(run: Run) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "name": run.name,
        "kind": run.kind,
        "seed": run.seed,
        "models": models(run.config),
        "config_hash": run.config_hash,
        "config": without_paths(run.config),
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # not installed
        return "unknown"
