"""A real Chromium on a real server, and what a page of ours must never do in it."""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from tests.ui.cli.command import started

expect.set_options(timeout=30_000)  # a page is slow to start where other things run
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def served(workspace: Path, *options: object) -> Iterator[str]:
    """The app on a free port, as the command starts it with these options; ended by Ctrl-C, which it must obey."""
    app = started("ui", "--workspace", workspace, "--port", 0, *options)
    try:
        found = re.search(r"http://\S+", app.stdout.readline())
        assert found is not None
        yield found.group()
    finally:
        app.send_signal(signal.SIGINT)
        _, said = app.communicate(timeout=60)
        assert app.returncode == 0, said


class Watched:
    """A page, and what it did: errors in its console, and requests to any host but ours."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.errors: list[str] = []
        self.foreign: list[str] = []
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._request)

    def _request(self, request: Any) -> None:
        if not request.url.startswith((self.url + "/", "data:", "blob:", "about:")):
            self.foreign.append(request.url)

    def open(self, path: str = "/") -> Page:
        """What a page that is left says of the requests that this breaks off is no one's to read."""
        said = len(self.errors)
        self.page.goto("about:blank")
        del self.errors[said:]
        self.page.goto(self.url + path)
        return self.page

    def reload(self) -> Page:
        """The page as it is addressed now, afresh."""
        return self.open(self.page.url.removeprefix(self.url))


class Chromium:
    """One browser for the tests of a file: to start one takes seconds. Each test has a context of its own."""

    def __init__(self) -> None:
        self.play: Playwright | None = None
        self.browser: Browser | None = None

    def get(self) -> Browser:
        """The system's Chromium where there is one, best without a window system (it opens a page with a quarter less
        work), else Playwright's own."""
        if self.browser is None or not self.browser.is_connected():
            self.close()
            self.play = sync_playwright().start()
            names = ("chromium-headless-shell", "chromium", "chromium-browser")
            path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
            self.browser = self.play.chromium.launch(executable_path=path, args=_FLAGS)
        return self.browser

    def close(self) -> None:
        """To be called when a file's tests are done: Playwright's event loop is in the way of asyncio.run."""
        play, browser = self.play, self.browser
        self.play = self.browser = None
        try:
            if browser is not None:
                browser.close()
        finally:
            if play is not None:
                play.stop()


SHARED = Chromium()


@contextmanager
def chromium(url: str, width: int = 1280, height: int = 900) -> Iterator[Watched]:
    """A page in a context of its own, with no cookies or storage of others."""
    context = SHARED.get().new_context(viewport={"width": width, "height": height})
    try:
        yield Watched(context.new_page(), url)
    finally:
        context.close()
