"""Exports in the background of a long-lived process, one at a time, beside whatever else runs: they only read.

Holds what the export last said, for anyone who asks. Knows no user interface.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.control import Control
from engine.exporting import folder, job, verify
from engine.exporting import manifest as manifests
from engine.exporting.plan import Plan
from engine.jobs import OnEvent, Result
from store.errors import InputError, ScaleQuestError
from store.workspace import Workspace

_PATIENCE = 20.0
"""Seconds that an export has to end when the app does."""


@dataclass(slots=True)
class Going:
    """The export or comparison that is under way or was last: ``event`` is its last, ``message`` what its end said.

    ``what``: for people; ``path``: the folder that is written, or the manifest that is compared.
    """

    run_id: str
    what: str
    path: Path
    control: Control = field(default_factory=Control)
    event: dict[str, Any] = field(default_factory=dict)
    ended: bool = False
    message: str = ""


class Exports:
    """Starts and steers the exports of one workspace. Safe from any thread."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.last: Going | None = None

    @property
    def running(self) -> Going | None:
        """What is under way."""
        last = self.last
        return last if last is not None and not last.ended else None

    def start(self, plan: Plan, out: Path) -> str:
        """Begin an export (``job.start``); gives back a name for it. InputError: it cannot go there, or one is under
        way."""
        folder.check(out)
        return self._begin(f"export of {plan.format}", out, lambda going, hear: self._export(going, plan, hear))

    def verify(self, manifest: Path) -> str:
        """Begin a comparison (``verify.start``); gives back a name for it. InputError: no manifest, or one is under
        way."""
        manifests.load(manifest)
        return self._begin("comparison", manifest, self._verify)

    def close(self) -> None:
        """End it, as Ctrl-C does."""
        if (going := self.running) is not None:
            going.control.interrupt()
        if self._thread is not None:
            self._thread.join(_PATIENCE)

    def _export(self, going: Going, plan: Plan, hear: OnEvent) -> Result:
        return job.start(self._workspace, plan, going.path, hear, control=going.control, run_id=going.run_id)

    def _verify(self, going: Going, hear: OnEvent) -> Result:
        return verify.start(self._workspace, going.path, hear, control=going.control, run_id=going.run_id)

    def _begin(self, what: str, path: Path, work: Callable[[Going, OnEvent], Result]) -> str:
        with self._lock:
            if (now := self.running) is not None:
                raise InputError("export", now.what, "is under way", "wait for its end, or cancel it")
            going = self.last = Going(f"e{secrets.token_hex(4)}", what, path)
            self._thread = threading.Thread(target=self._run, args=(going, work), name="export", daemon=True)
            self._thread.start()
        return going.run_id

    def _run(self, going: Going, work: Callable[[Going, OnEvent], Result]) -> None:
        def hear(event: dict[str, Any]) -> None:
            going.event = event

        try:
            result = work(going, hear)
            going.message = result.message or going.event["report"]
        except ScaleQuestError as error:
            going.message = str(error)
        except Exception as error:
            # Nobody stands above a thread: what it met is shown in the page, and its trace goes to the log.
            going.message = f"The export stopped on an unforeseen error: {type(error).__name__}: {error}."
            raise
        finally:
            going.ended = True
