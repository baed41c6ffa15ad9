"""Exports and comparisons in the background of the app, one at a time, beside whatever else runs: they only read."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.exports import folder, job, verify
from engine.exports import manifest as manifests
from engine.exports.plan import Plan
from engine.jobs import runner
from engine.jobs.result import OnEvent, Result
from store.database.workspace import Workspace
from store.errors import InputError


@dataclass(slots=True, kw_only=True)
class Going(runner.Going):
    """``what``: for people; ``path``: the folder that is written, or the manifest that is compared."""

    what: str
    path: Path


class Exports(runner.Background[Going]):
    """The exports of one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__("export")
        self._workspace = workspace

    def start(self, plan: Plan, out: Path) -> str:
        """Begin an export (``job.start``); gives back a name for it. InputError: it cannot go there, or one is under
        way."""
        folder.check(out)
        return self._go(
            f"export of {plan.format}",
            out,
            lambda now, hear: job.start(self._workspace, plan, out, hear, control=now.control, run_id=now.run_id),
        )

    def verify(self, manifest: Path) -> str:
        """Begin a comparison (``verify.start``); gives back a name for it. InputError: no manifest, or one is under
        way."""
        manifests.load(manifest)
        return self._go(
            "comparison",
            manifest,
            lambda now, hear: verify.start(self._workspace, manifest, hear, control=now.control, run_id=now.run_id),
        )

    def _go(self, what: str, path: Path, work: Callable[[Going, OnEvent], Result]) -> str:
        going = Going(run_id=f"e{secrets.token_hex(4)}", what=what, path=path)
        self.begin(going, lambda hear: work(going, hear), self._refusal)
        return going.run_id

    def _refusal(self) -> InputError | None:
        if (now := self.running) is None:
            return None
        return InputError("export", now.what, "is under way", "wait for its end, or cancel it")
