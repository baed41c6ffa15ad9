"""The app as a user starts it: a process of its own, with all its imports."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.ui.cli.command import command, environment


@contextmanager
def served(workspace: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Its address and its process; ended by Ctrl-C."""
    line = command("ui", "--workspace", workspace, "--port", 0)
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=environment()) as app:
        try:
            assert app.stdout is not None
            found = re.search(r"http://\S+", app.stdout.readline())
            if found is None:
                raise RuntimeError("the app did not start")
            yield found.group(), psutil.Process(app.pid)
        finally:
            app.send_signal(signal.SIGINT)
            app.wait(60)
