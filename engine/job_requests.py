"""What can be requested as a job: one pydantic model per kind, which is also the body of ``POST /api/jobs/KIND``.

A request says which kinds of jobs exclude it, checks its input, makes its job and runs it; the command line and the app
do the same with it. Heavy imports are inside the methods, so that bad input is answered quickly.
"""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import BaseModel, PlainSerializer, PlainValidator, Strict

from engine.config.profiles import Role
from engine.config.run_config import RunConfig
from engine.config.validation import STRICT, Texts
from engine.exports.plan import Plan, plan_from_json
from engine.jobs.result import AlreadyDone, OnEvent, Result, new_run_id
from engine.jobs.runner import Job
from store.database.workspace import Workspace
from store.errors import InputError
from store.transfer.attach import is_database

if TYPE_CHECKING:
    from engine.checks.request import Check
    from engine.embedding.role import Embedder
    from engine.models.model_cache import ModelCache

_ALONE = frozenset(("run", "import", "check"))
"""Kinds that write the rows of runs: only one of them at a time."""


class Request(BaseModel, ABC):
    """Asks for one job."""

    model_config = STRICT
    kind: ClassVar[str]
    excludes: ClassVar[frozenset[str]]
    unit: ClassVar[str] = "rows"
    remains: ClassVar[str] = ""

    def kept(self, workspace: Path, run_id: str) -> str:
        """What remains of a job that is stopped early, and how it continues: a clause."""
        return self.remains

    def absolute(self) -> Self:
        """The same request for a process in another folder."""
        return self

    def check_input(self, folder: Path) -> None:
        """Check what needs no open workspace; ``folder`` is the workspace's. InputError for what cannot be used."""

    def job(self, workspace: Workspace) -> Job:
        """A job for this request. InputError where it cannot be done, AlreadyDone where nothing is left to do."""
        return Job(kind=self.kind, run_id=new_run_id(), request=self)

    @abstractmethod
    def run(self, workspace: Workspace, job: Job, on_event: OnEvent, model_cache: ModelCache) -> Result:
        """Do the job; blocks to its end. The last event has a ``report`` in words."""


def _config(value: Any) -> RunConfig:
    if isinstance(value, RunConfig):
        return value
    try:
        return RunConfig.from_json(value)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("it is not the JSON of a run's config") from error


def _plan(value: Any) -> Plan:
    try:
        return value if isinstance(value, Plan) else plan_from_json(value)
    except InputError as error:  # of an option, which is a field here
        raise InputError(error.field.removeprefix("--"), error.value, error.problem, error.remedy) from error


def _plan_json(plan: Plan) -> dict[str, Any]:
    return {"format": plan.format, "filter": plan.filter.to_dict(), "options": plan.options()}


class RunRequest(Request):
    """A run by ``config``, or the rest of the run ``resume``, which ``max_cost`` gives another limit."""

    kind: ClassVar[str] = "run"
    excludes: ClassVar[frozenset[str]] = _ALONE
    unit: ClassVar[str] = "questions"
    config: Annotated[RunConfig, PlainValidator(_config), PlainSerializer(RunConfig.to_json)] | None = None
    name: str = ""
    resume: str | None = None
    max_cost: float | None = None

    def kept(self, workspace: Path, run_id: str) -> str:
        return (
            f"what was stored is kept, and `scalequest run --workspace {workspace} --resume {run_id}` continues the run"
        )

    def absolute(self) -> Self:
        if self.config is None:
            return self

        def moved(role: Role) -> Role:
            bundled = role.path is None or role.model.startswith("assets/")
            return role if bundled else replace(role, model=str(role.path.resolve()))  # type: ignore[union-attr]

        profile = self.config.profile.with_roles(moved)
        config = replace(self.config, profile=profile, benchmarks=tuple(map(_absolute, self.config.benchmarks)))
        return self.model_copy(update={"config": config})

    def check_input(self, folder: Path) -> None:
        if (self.config is None) == (self.resume is None):
            raise InputError("config", "", "or resume is missing, or both are given", "send one of the two")
        if self.max_cost is not None and self.resume is None:
            raise InputError("max_cost", self.max_cost, "is given without resume", "write it into the config")

    def job(self, workspace: Workspace) -> Job:
        from engine.pipeline.run import resumable

        if self.resume is None:
            return super().job(workspace)
        if resumable(workspace, self.resume).status == "done":
            raise AlreadyDone(f"Run {self.resume} is finished; there is nothing to resume.")
        return Job(kind=self.kind, run_id=self.resume, request=self)

    def run(self, workspace: Workspace, job: Job, on_event: OnEvent, model_cache: ModelCache) -> Result:
        from engine.pipeline import run

        if self.config is None:
            return run.resume(
                workspace, job.run_id, on_event,
                control=job.control, model_cache=model_cache, max_cost=self.max_cost,
            )  # fmt: skip
        return run.start(
            workspace, self.config, self.name, on_event,
            control=job.control, model_cache=model_cache, run_id=job.run_id,
        )  # fmt: skip


class ImportRequest(Request):
    """A file, a data set of the hub, or a workspace to merge. ``mapping``: fields and their columns. ``group`` and
    ``drop_languages``: see ``engine.imports.job.start``."""

    kind: ClassVar[str] = "import"
    excludes: ClassVar[frozenset[str]] = _ALONE
    remains: ClassVar[str] = "what was imported is kept"
    source: str
    mapping: dict[str, str] = {}
    name: str = ""
    scored: bool = True
    group: str = "auto"
    drop_languages: bool = False

    def absolute(self) -> Self:
        from engine.data.reader import absolute

        return self.model_copy(update={"source": absolute(self.source)})

    def check_input(self, folder: Path) -> None:
        from engine.imports import job, merge

        if is_database(self.source):
            merge.refuse(folder, self.source, self.mapping, self.name, self.scored, self.group, self.drop_languages)
        else:
            job.preview(self.source, self.mapping, group=self.group)

    def run(self, workspace: Workspace, job: Job, on_event: OnEvent, model_cache: ModelCache) -> Result:
        from engine.imports import job as imports
        from engine.imports import merge

        if is_database(self.source):
            return merge.start(workspace, self.source, on_event, control=job.control, run_id=job.run_id)
        return imports.start(
            workspace, self.source, self.mapping, self.name, on_event,
            scored=self.scored, group=self.group, drop_languages=self.drop_languages, control=job.control,
            run_id=job.run_id,
        )  # fmt: skip


class CheckRequest(Request):
    """A stage of a stored run, judged again against ``benchmarks`` or by the model of ``profile``. ``by`` and
    ``threshold``: of near-duplicates; see ``engine.checks.request.check_of``."""

    kind: ClassVar[str] = "check"
    excludes: ClassVar[frozenset[str]] = _ALONE
    unit: ClassVar[str] = "questions"
    remains: ClassVar[str] = "the results so far are kept, and the same command continues the check"
    run_id: str
    stage: str
    benchmarks: Texts = ()
    profile: str | None = None
    drop: bool = False
    n: int | None = None
    by: str | None = None
    threshold: float | None = None

    def absolute(self) -> Self:
        files = tuple(map(_absolute, self.benchmarks))
        return self.model_copy(update={"benchmarks": files, "profile": _absolute_profile(self.profile)})

    def check_input(self, folder: Path) -> None:
        self._check(folder)

    def job(self, workspace: Workspace) -> Job:
        from engine.checks.job import done_already

        check = self._check(workspace.path)
        if done_already(workspace, self.run_id, check):
            problem = f"has had this check ({check.words}) already, and nothing has changed since"
            raise AlreadyDone(f"Run {self.run_id} {problem}.")
        return Job(kind=self.kind, run_id=self.run_id, request=self, title=check.words)

    def run(self, workspace: Workspace, job: Job, on_event: OnEvent, model_cache: ModelCache) -> Result:
        from engine.checks.job import run

        check = self._check(workspace.path)
        return run(workspace, self.run_id, check, on_event, model_cache=model_cache, control=job.control)

    def _check(self, folder: Path) -> Check:
        from engine.checks.request import check_of
        from engine.training import registered_models

        folder = registered_models.folder(folder)
        options = (self.drop, self.n, self.by, self.threshold)
        return check_of(self.stage, self.benchmarks, self.profile, folder, *options)


class ExportRequest(Request):
    """The rows of a plan as files in the folder ``out``, an absolute path."""

    kind: ClassVar[str] = "export"
    excludes: ClassVar[frozenset[str]] = frozenset(("export", "verify"))
    remains: ClassVar[str] = "nothing was left behind"
    plan: Annotated[Plan, PlainValidator(_plan), PlainSerializer(_plan_json)]
    out: Annotated[Path, Strict(False)]

    def check_input(self, folder: Path) -> None:
        from engine.exports.folder import check

        if not self.out.is_absolute():
            raise InputError("out", str(self.out), "is not an absolute path", "send the whole path")
        check(self.out)

    def job(self, workspace: Workspace) -> Job:
        return Job(kind=self.kind, run_id=_export_id(), request=self, title=f"export of {self.plan.format}")

    def run(self, workspace: Workspace, job: Job, on_event: OnEvent, model_cache: ModelCache) -> Result:
        from engine.exports import job as exports

        return exports.start(workspace, self.plan, self.out, on_event, control=job.control, run_id=job.run_id)


class VerifyRequest(Request):
    """An export, compared with its manifest and with the workspace."""

    kind: ClassVar[str] = "verify"
    excludes: ClassVar[frozenset[str]] = ExportRequest.excludes
    remains: ClassVar[str] = "nothing was changed"
    manifest: Annotated[Path, Strict(False)]

    def absolute(self) -> Self:
        return self.model_copy(update={"manifest": self.manifest.absolute()})

    def check_input(self, folder: Path) -> None:
        from engine.exports import manifest

        manifest.load(self.manifest)

    def job(self, workspace: Workspace) -> Job:
        return Job(kind=self.kind, run_id=_export_id(), request=self, title="comparison")

    def run(self, workspace: Workspace, job: Job, on_event: OnEvent, model_cache: ModelCache) -> Result:
        from engine.exports import verify

        return verify.start(workspace, self.manifest, on_event, control=job.control, run_id=job.run_id)


class EmbedRequest(Request):
    """The questions of ``runs`` (all runs where none is named) on the map. ``rebuild``: on a new map."""

    kind: ClassVar[str] = "embed"
    excludes: ClassVar[frozenset[str]] = frozenset(("embed",))
    unit: ClassVar[str] = "questions"
    remains: ClassVar[str] = "the questions on the map stay there, and the same command continues"
    runs: Texts = ()
    profile: str | None = None
    rebuild: bool = False

    def absolute(self) -> Self:
        return self.model_copy(update={"profile": _absolute_profile(self.profile)})

    def check_input(self, folder: Path) -> None:
        self._embedder(folder)

    def job(self, workspace: Workspace) -> Job:
        from engine.embedding.job import NAME

        for run_id in self.runs:
            workspace.run(run_id)
        return Job(kind=self.kind, run_id=NAME, request=self)

    def run(self, workspace: Workspace, job: Job, on_event: OnEvent, model_cache: ModelCache) -> Result:
        from engine.embedding.job import run

        embedder = self._embedder(workspace.path)
        return run(workspace, self.runs, embedder, on_event, rebuild=self.rebuild, control=job.control)

    def _embedder(self, folder: Path) -> Embedder | None:
        from engine.embedding.role import load_embedder
        from engine.training import registered_models

        return load_embedder(self.profile, registered_models.folder(folder)) if self.profile else None


REQUESTS: dict[str, type[Request]] = {
    request.kind: request
    for request in (RunRequest, ImportRequest, CheckRequest, ExportRequest, VerifyRequest, EmbedRequest)
}


def _export_id() -> str:
    return f"e{secrets.token_hex(4)}"


def _absolute(file: str) -> str:
    return str(Path(file).resolve())


def _absolute_profile(profile: str | None) -> str | None:
    """A profile's name as it is, the path of its file made absolute."""
    return _absolute(profile) if profile and profile.endswith(".toml") else profile
