"""First load of the page and its cost when idle, as ``benchmarks.page`` prints them; and how live sampling goes.

The page is watched from within: an init script notes when the tabs and the first chart are there and every task over
50 ms; the browser says what it transferred and how much processor time the page's process took.
"""

from __future__ import annotations

import time
from typing import Any

import psutil
from playwright.sync_api import BrowserContext, CDPSession, Page

from tests.ui.browser import SHARED

GOALS = {
    "first_chart_cold_s": "from the address to the first chart, nothing in the browser's cache; goal <= 3",
    "first_chart_warm_s": "the same with a filled cache; goal <= 1.5",
    "tabs_usable_s": "from the address to tabs that open at a click, cold; goal <= 2",
    "transferred_mb": "what the browser received until then and 3 s later, cold; goal <= 1.9",
    "longest_task_ms": "the longest task of the page's main thread, cold; goal <= 300",
    "idle_page_core_share": "share of a core that the browser takes for an open, idle page; goal < 0.01",
    "idle_server_core_share": "share of a core that the app takes meanwhile; goal < 0.01",
    "live_long_task_share": "share of the time in tasks over 50 ms while 20 x 16 are sampled; goal <= 0.1",
    "live_lag_s": "how far the page is behind the model meanwhile, at worst; goal <= 0.5",
}
LOADS, SETTLED_S, IDLE_S = 3, 8.0, 20.0
"""Loads of which the median counts; seconds before a page counts as idle; seconds for which it is watched then."""
_POLL_S = 0.1
"""Seconds between two looks of the app at a live run, which a change can have waited before it was sent."""

WATCH = """
    const marks = (window.marks = { chart: null, tabs: null, tasks: [], lags: [] });
    new PerformanceObserver((list) => marks.tasks.push(...list.getEntries().map((task) => task.duration)))
        .observe({ type: "longtask", buffered: true });
    const look = () => {
        const chart = document.querySelector("#page-home .plot svg, #home [data-part=stages] .passed");
        if (chart && chart.getBoundingClientRect().width > 0) marks.chart ??= performance.now();
        const mounted = document.body.dataset.tab && document.querySelector("#pages > .tab-wrapper [role=tab]");
        if (mounted) marks.tabs ??= performance.now();
        if (marks.chart === null || marks.tabs === null) requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
    const Source = window.EventSource;
    window.EventSource = class extends Source {
        constructor(...given) {
            super(...given);
            this.addEventListener("message", ({ lastEventId }) => {
                const drawn = () => marks.lags.push(Date.now() - Number(lastEventId));
                requestAnimationFrame(() => requestAnimationFrame(drawn));
            });
        }
    };
"""
"""Two frames after a message it is drawn; its id is the time at which the app read the run, in milliseconds."""


def measure(url: str, app: psutil.Process) -> dict[str, float]:
    """The figures of the load and of an idle page. The app has no models loaded, and nothing runs."""
    loads = [_load(url) for _ in range(LOADS)]
    found = {name: sorted(load[name] for load in loads)[LOADS // 2] for name in loads[0]}
    return found | _idle(url, app)


def _load(url: str) -> dict[str, float]:
    """Cold, then warm, in a browser context of its own."""
    context = SHARED.get().new_context(viewport={"width": 1440, "height": 900})
    try:
        page, session = _watched(context)
        received: list[float] = []
        session.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
        session.send("Network.enable")
        _open(page, url)
        page.wait_for_timeout(3000)
        cold: dict[str, Any] = page.evaluate("marks")
        page.goto("about:blank")
        _open(page, url)
        warm: dict[str, Any] = page.evaluate("marks")
    finally:
        context.close()
    return {
        "first_chart_cold_s": cold["chart"] / 1000,
        "first_chart_warm_s": warm["chart"] / 1000,
        "tabs_usable_s": cold["tabs"] / 1000,
        "transferred_mb": sum(received) / 1e6,
        "longest_task_ms": max(cold["tasks"], default=0.0),
    }


def _watched(context: BrowserContext) -> tuple[Page, CDPSession]:
    context.add_init_script(WATCH)
    page = context.new_page()
    page.set_default_timeout(120_000)
    return page, context.new_cdp_session(page)


def _open(page: Page, url: str) -> None:
    page.goto(url, wait_until="commit")
    page.wait_for_function("window.marks?.chart !== null && window.marks?.tabs !== null")


def _idle(url: str, app: psutil.Process) -> dict[str, float]:
    """The worse of Home and Runs."""
    shares: list[tuple[float, float]] = []
    for path in ("/", "/runs"):
        context = SHARED.get().new_context(viewport={"width": 1440, "height": 900})
        try:
            page = context.new_page()
            page.goto(url + path)
            page.wait_for_timeout(SETTLED_S * 1000)
            before, began = (_renderers(), _spent(app)), time.monotonic()
            page.wait_for_timeout(IDLE_S * 1000)
            seconds = time.monotonic() - began
            shares.append(((_renderers() - before[0]) / seconds, (_spent(app) - before[1]) / seconds))
        finally:
            context.close()
    return {
        "idle_page_core_share": max(page for page, _ in shares),
        "idle_server_core_share": max(server for _, server in shares),
    }


def _renderers() -> float:
    """Processor seconds of the browser's page processes so far."""
    session = SHARED.get().new_browser_cdp_session()
    try:
        processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    finally:
        session.detach()
    return float(sum(process["cpuTime"] for process in processes if process["type"] == "renderer"))


def _spent(app: psutil.Process) -> float:
    """Processor seconds of the app and of its processes."""
    times = [process.cpu_times() for process in (app, *app.children(recursive=True))]
    return float(sum(one.user + one.system for one in times))


def live(url: str, questions: int, samples: int) -> dict[str, float]:
    """Samples once to load the models, then watches a run of these numbers to its end."""
    context = SHARED.get().new_context(viewport={"width": 1440, "height": 900})
    try:
        page, _ = _watched(context)
        page.goto(f"{url}/sample")
        go = page.get_by_role("button", name="Sample", exact=True)
        go.wait_for()
        _sample(page)
        page.get_by_label("Questions").last.fill(str(questions))
        page.get_by_label("Solutions each").last.fill(str(samples))
        page.evaluate("marks.tasks.length = marks.lags.length = 0")
        began = time.monotonic()
        _sample(page)
        seconds = time.monotonic() - began
        seen: dict[str, list[float]] = page.evaluate("marks")
    finally:
        context.close()
    return {
        "live_long_task_share": sum(seen["tasks"]) / 1000 / seconds,
        "live_lag_s": max(seen["lags"]) / 1000 + _POLL_S,
    }


def _sample(page: Page) -> None:
    """Presses Sample and waits for the end."""
    page.get_by_role("button", name="Sample", exact=True).click()
    status = "document.querySelector('#sample [data-part=status]').textContent"
    page.wait_for_function(f"!/became/.test({status})")
    page.wait_for_function(f"/became/.test({status})", timeout=600_000)
