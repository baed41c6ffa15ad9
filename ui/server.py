"""The web app: one FastAPI app with the page mounted in it, behind the guard, until interrupted.

Serves /healthz (whether the app and its database answer), /vendor (plotly.js and KaTeX from the installed packages),
/screens (the manual's pictures) and /scripts (the page's own modules). Nothing is sent to or fetched from any other
host.
"""

import logging
import os
import secrets
import signal
import socket
import threading
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

import gradio as gr
import uvicorn
from fastapi import FastAPI, Request
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, Response

from engine.job_registry import JobRegistry
from engine.models.model_cache import ModelCache
from engine.paths import ASSETS
from engine.pipeline.live import Live
from store.database.duckdb_errors import AppEndpoint, write_owner
from store.database.workspace import Workspace
from store.errors import InputError, StoreError
from ui.api import download
from ui.api import jobs as job_api
from ui.components import live_stream
from ui.page import page
from ui.web import addresses, assets, security, theme

_A_DAY = "public, max-age=86400"
_QUEUE_WAIT = 0.04
"""Seconds between two looks of Gradio's queue at an empty list; its own 0.001 costs 2 % of a core all day."""


def application(
    workspace: Workspace,
    jobs: JobRegistry,
    login: security.Login | None = None,
    token: str | None = None,
    live: Live | None = None,
) -> FastAPI:
    """The app over an open workspace; with ``login``, the page has a login form.

    With ``token``, programs that have it may run jobs (``ui.api.jobs``).
    """
    streams = live_stream.LiveStreams(live or Live(workspace, ModelCache()))
    app = FastAPI(title="ScaleQuest Explorer", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(addresses.PageAddresses, head=assets.head())
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=6)  # streams of events stay as they are
    app.add_middleware(security.Guard)

    @app.get("/healthz")
    def health() -> JSONResponse:
        try:
            runs = len(workspace.runs())
        except StoreError as error:
            return JSONResponse({"status": "failing", "reason": str(error)}, 503)
        return JSONResponse({"status": "ok", "runs": runs})

    @app.get("/vendor/plotly.min.js")
    def plotly_js(request: Request) -> Response:
        headers = {"cache-control": _A_DAY, "vary": "accept-encoding"}
        if not assets.in_brotli(request):
            return FileResponse(assets.PLOTLY, media_type="text/javascript", headers=headers)
        return Response(
            assets.plotly_brotli(), headers=headers | {"content-encoding": "br"}, media_type="text/javascript"
        )

    @app.get("/vendor/katex/{name}")
    def katex(name: str) -> Response:
        file = assets.katex_files().get(name)
        if file is None:
            return PlainTextResponse("There is no such file of KaTeX.", 404)
        return FileResponse(file, headers={"cache-control": _A_DAY})

    @app.get("/screens/{name}")
    def picture(name: str) -> Response:
        file = next((one for one in (ASSETS / "screens").glob("*.jpg") if one.name == name), None)
        if file is None:
            return PlainTextResponse("No such picture.", 404)
        return FileResponse(file, headers={"cache-control": _A_DAY})

    threading.Thread(target=assets.plotly_brotli, daemon=True).start()  # ready by the time a page asks for it
    app.include_router(assets.routes())
    app.include_router(download.routes(workspace))
    app.include_router(live_stream.routes(streams))
    if token is not None:
        app.include_router(job_api.routes(workspace, jobs, token))
    blocks = page(workspace, jobs, streams)
    mounted: FastAPI = gr.mount_gradio_app(
        app,
        blocks,
        path="/",
        auth=login,
        ssr_mode=False,
        run_history=False,
        footer_links=[],
        show_error=True,
        theme=theme.theme(),
        css=assets.style("page") + assets.style("lib/text"),
    )
    blocks._queue.sleep_when_free = blocks._queue.progress_update_sleep_when_free = _QUEUE_WAIT
    return mounted


def serve(workspace: Workspace, host: str, port: int, auth: Path | None = None) -> None:
    """Serve until interrupted. InputError where the address cannot be used, or needs a login."""
    if auth is None and not security.loopback(host):
        remedy = "add --auth FILE (name:password lines), or keep to 127.0.0.1"
        raise InputError("--host", host, "lets other machines in without a login", remedy)
    login = security.read_logins(auth) if auth is not None else None
    token = secrets.token_urlsafe(32)
    with (
        _listen(host, port) as listening,
        closing(ModelCache()) as model_cache,
        closing(JobRegistry(workspace, model_cache)) as jobs,
        closing(Live(workspace, model_cache)) as live,
    ):
        settings = uvicorn.Config(
            application(workspace, jobs, login, token, live), log_level="warning", access_log=False
        )
        server = _Server(settings)
        # Otherwise streams to open pages would keep the app from ending.
        server.config.timeout_graceful_shutdown = 2
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        with suppress(KeyboardInterrupt):
            # Set even where the caller ignores SIGINT, as shells do for background processes; and before the address
            # is shown, since Ctrl-C may follow it closely.
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.default_int_handler)
            while not server.started and thread.is_alive():
                time.sleep(0.02)
            taken = listening.getsockname()[1]  # another than the given port 0, which means any free one
            write_owner(workspace.path, AppEndpoint(f"http://{_reached(host)}:{taken}", token))
            print(f"ScaleQuest Explorer: http://{_shown(host)}:{taken} (Ctrl-C stops it)", flush=True)
            threading.Event().wait()
        jobs.close()  # before the server, so that whoever follows a job receives its end
        # Streams to open pages are cut off, which is of no use in the log.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        server.should_exit = True
        thread.join(10)


class _Server(uvicorn.Server):
    """Leaves signals to ``serve``, because it runs in a thread."""

    @contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]
        yield


def _listen(host: str, port: int) -> socket.socket:
    """Bind the address first, so that a taken port is reported before anything is built."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except (OSError, OverflowError) as error:
        listening.close()
        remedy = "choose another one with --port, or stop the program that uses it"
        raise InputError("port", port, f"cannot be listened on at {host}", remedy) from error
    return listening


def _reached(host: str) -> str:
    """The host by which this machine reaches the address."""
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, _shown(host))


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
