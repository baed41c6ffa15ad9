"""The app in this very process, so that a test can hold its workspace and its model cache in its own hands."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import uvicorn

from engine.job_registry import JobRegistry
from engine.models.model_cache import ModelCache
from engine.pipeline.live import Live
from store.database.workspace import Workspace
from ui import server


@contextmanager
def hosted(workspace: Workspace, model_cache: ModelCache) -> Iterator[str]:
    """The app over a workspace and a model cache on a free port; gives its address."""
    with (
        closing(JobRegistry(workspace, model_cache)) as jobs,
        closing(Live(workspace, model_cache)) as live,
        socket.socket() as listening,
    ):
        listening.bind(("127.0.0.1", 0))
        app = server.application(workspace, jobs, live=live)
        running = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2))
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not running.started and thread.is_alive():
            time.sleep(0.02)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            live.close()
            running.should_exit = True
            thread.join(10)
