"""``explore``: what the page waits for at a million questions and five million solutions, on synthetic rows.

Server-side figures are of the very functions that answer the browser, from the request's JSON to the reply's; each
request asks for something that was not asked before. Import is set against plain DuckDB reading the same file into a
table, in turns. Figures are of this machine, as loaded as it is.
"""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import duckdb

import engine.exports.job
import engine.imports.job
from benchmarks import maps, synthetic
from benchmarks.app import served
from benchmarks.page import BRUSH
from engine.exports.plan import Plan
from store.database.workspace import MEMORY, Workspace
from store.explore import query
from store.filters.filter import Filter
from store.frame.cache import Frames
from store.frame.frame import Frame
from store.search import search
from tests.ui.browser import chromium
from ui.tabs.explore.tab import ExploreRequest, look
from ui.tabs.row.drawer import story_of
from ui.web.requests import parse

ROWS = 1_000_000
GOALS = {
    "first_look": "ms from an opened workspace to Explore's first charts, of a sample where there are many rows",
    "whole_look": "ms from the same moment to those of all rows",
    "brush_tick": "ms for a brush's move: five histograms, topics, facets, funnel; goal p95 <= 30",
    "filter_4_histograms": "ms for a new filter of four conditions: all of it again; goal p95 <= 150",
    "page": "ms for 50 rows with texts, anywhere in the order of a filter; goal p95 <= 60",
    "search_rare": "ms to find and count a word that few questions have; goal p95 <= 10",
    "search_two": "ms for two words that many have; goal p95 <= 80",
    "row_detail": "ms for all that is known of a question, as it is shown; goal p95 <= 20",
    "brush_redraw_browser": "ms in Chromium from the end of a brush to all else redrawn; goal p95 <= 150",
    "rss_mb": "the app's own memory after all this, file-backed pages left out; goal <= 2000",
    "export_parquet_ratio": "an export of query and response over DuckDB's COPY from plain tables; goal <= 1.2",
    "export_jsonl_ratio": "the same as JSON lines; goal <= 1.2",
    "import_ratio": "an import without scores over DuckDB's CREATE TABLE AS; goal <= 2",
    **maps.GOALS,
    "rows": "questions",
    "solutions": "their solutions",
}
_EACH, _TURNS, _IMPORTS, _BRUSHES = 60, 3, 5, 40


def measure(rows: int = ROWS) -> dict[str, Any]:
    """The figures by name; times as ``{"p50", "p95"}`` in milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        synthetic.make(place / "workspace", rows)
        with Workspace.open(place / "workspace") as workspace:
            found = _answers(workspace)
            found |= maps.figures(workspace, _timed)
            found |= {"rows": rows, "solutions": _one(workspace, "SELECT count(*) FROM solution_rows")}
            pairs = place / "pairs.jsonl"
            with workspace.cursor() as cursor:
                cursor.execute(f"COPY (SELECT query, response FROM pairs) TO '{pairs}' (FORMAT json)")
            found |= _export_ratios(workspace, place)
        found |= _in_browser(place / "workspace")
        found["import_ratio"] = _import_ratio(pairs, place)
        return found


def _answers(workspace: Workspace) -> dict[str, Any]:
    frames, luck = Frames(), random.Random(1)
    began = time.perf_counter()
    look(workspace, frames, parse(ExploreRequest, {"filter": {}}))
    first = time.perf_counter() - began
    frame = frames.of(workspace, now=True)
    look(workspace, frames, parse(ExploreRequest, {"filter": {}}))
    found: dict[str, Any] = {"first_look": first * 1e3, "whole_look": (time.perf_counter() - began) * 1e3}
    search.of(workspace).wait(workspace, frame)
    version = look(workspace, frames, parse(ExploreRequest, {"filter": {}}))["version"]

    def ask(asked: dict[str, Any], tick: bool = True) -> None:
        reply = look(workspace, frames, parse(ExploreRequest, {"filter": asked, "tick": tick, "version": version}))
        if "error" in reply or reply["refused"]:
            raise RuntimeError(f"{asked}: {reply.get('error') or reply['refused']}")

    steady = {"topic": ["Algebra", "Geometry"], "agreement": [0.5, 1.0]}
    found["brush_tick"] = _timed(lambda n: ask({**steady, "difficulty": [0.001 * n, 0.5 + 0.001 * n]}))
    found["filter_4_histograms"] = _timed(lambda n: ask(_new(luck)))
    chosen = query.select(workspace, frame, Filter(topic=("Algebra",), stage="pair"))
    found["page"] = _timed(lambda n: _page(workspace, frame, chosen, luck))
    rare, common = _words(workspace, luck)
    found["search_rare"] = _timed(lambda n: ask({"words": rare[n]}))
    found["search_two"] = _timed(lambda n: ask({"words": f"{common[n]} {common[-n - 1]}"}))
    found["row_detail"] = _timed(lambda n: story_of(workspace, frame.key(luck.randrange(frame.size))))
    return found


def _new(luck: random.Random) -> dict[str, Any]:
    low = luck.random() / 2
    return {
        "difficulty": [low, low + 0.4],
        "reward": [luck.uniform(-1, 1), None],
        "query_chars": [luck.randrange(80, 200), 400],
        "topic": luck.sample(synthetic.TOPICS, 3),
    }


def _page(workspace: Workspace, frame: Frame, chosen: Any, luck: random.Random) -> None:
    by = luck.choice(("newest", "difficulty", "-difficulty"))
    at = frame.key(luck.randrange(frame.size))
    shown = query.page(workspace, chosen, by.lstrip("-"), by.startswith("-"), after=at)
    if not all(row.query for row in shown.rows):
        raise RuntimeError("a page came without its texts")


def _words(workspace: Workspace, luck: random.Random) -> tuple[list[str], list[str]]:
    """Words of few questions and words of many."""
    with workspace.cursor() as cursor:
        texts = cursor.execute("SELECT text FROM question_text USING SAMPLE 20000 ROWS (reservoir, 1)").fetchall()
    counts: dict[str, int] = {}
    for (text,) in texts:
        for word in set(text.rstrip("?").replace(".", "").split()):
            counts[word] = counts.get(word, 0) + 1
    rare = [word for word, count in counts.items() if count == 1 and word.isdigit()]
    common = sorted((w for w in counts if w.isalpha() and len(w) > 2), key=lambda w: -counts[w])[8 : 8 + 2 * _EACH]
    luck.shuffle(common)
    return rare[: 2 * _EACH], common


def _timed(act: Callable[[int], object], times: int = _EACH) -> dict[str, float]:
    act(times)  # what the first time takes is no one's wait
    found = []
    for number in range(times):
        began = time.perf_counter()
        act(number)
        found.append((time.perf_counter() - began) * 1e3)
    return _cuts(found)


def _cuts(found: list[float]) -> dict[str, float]:
    cuts = quantiles(found, n=20)
    return {"p50": round(cuts[9], 2), "p95": round(cuts[18], 2)}


def _in_browser(folder: Path) -> dict[str, Any]:
    with served(folder) as (url, app), chromium(url) as watched:
        page = watched.page
        page.set_default_timeout(300_000)
        watched.open()
        page.get_by_role("tab", name="Explore").click()
        page.locator("section[data-histogram=difficulty] svg").first.wait_for()
        page.wait_for_function("() => !/first look/.test(document.querySelector('.explore').textContent)")
        page.wait_for_timeout(3000)
        lows = [f"{0.004 * (number + 1):.3f}" for number in range(_BRUSHES)]
        found = [float(page.evaluate(BRUSH, low)) for low in lows]
        status = dict(line.split(":", 1) for line in Path(f"/proc/{app.pid}/status").read_text().splitlines())
        return {"brush_redraw_browser": _cuts(found), "rss_mb": int(status["RssAnon"].split()[0]) / 1024}


def _import_ratio(pairs: Path, place: Path) -> float:
    """The middle ones of each side's turns: the disk keeps either waiting for up to half as long again."""
    ours, plain = [], []
    for _ in range(_IMPORTS):
        began = time.perf_counter()
        with duckdb.connect(str(place / "read.duckdb")) as con:
            query = "SELECT * FROM read_json(?, format = 'newline_delimited')"
            con.execute(f"CREATE TABLE pairs AS {query}", [str(pairs)])
        plain.append(time.perf_counter() - began)
        (place / "read.duckdb").unlink()  # neither side writes to pages that the machine never used before
        began = time.perf_counter()
        with Workspace.open(place / "imported") as workspace:
            engine.imports.job.start(workspace, str(pairs), scored=False)
        ours.append(time.perf_counter() - began)
        shutil.rmtree(place / "imported")
    return median(ours) / median(plain)


def _export_ratios(workspace: Workspace, place: Path) -> dict[str, float]:
    """The fastest of each side's turns. Plain: the texts and the chosen samples in three tables, joined and copied."""
    plain = place / "plain.duckdb"
    with workspace.cursor() as cursor:
        cursor.execute(f"ATTACH '{plain}' AS plain")
        for name, query in _PLAIN.items():
            cursor.execute(f"CREATE TABLE plain.{name} AS {query}")
        cursor.execute("DETACH plain")
    found = {}
    for kind, how in (("parquet", "parquet"), ("jsonl", "json")):
        ours, theirs = [], []
        for _ in range(_TURNS):
            with duckdb.connect(str(plain), read_only=True) as con:
                con.execute(f"SET memory_limit = '{MEMORY}'")
                began = time.perf_counter()
                con.execute(f"COPY ({_JOINED}) TO '{place / 'copied'}' (FORMAT {how})")
                theirs.append(time.perf_counter() - began)
            (place / "copied").unlink()
            began = time.perf_counter()
            engine.exports.job.start(workspace, Plan(kind), place / "exported")
            ours.append(time.perf_counter() - began)
            shutil.rmtree(place / "exported")
        found[f"export_{kind}_ratio"] = min(ours) / min(theirs)
    return found


_PLAIN = {
    "questions": "SELECT question_id, text FROM question_text",
    "solutions": "SELECT question_id, sample, text FROM solution_text",
    "chosen": """
        SELECT question_id, CAST(value AS BIGINT) AS sample FROM label_rows WHERE key = 'chosen'
        AND question_id IN (SELECT question_id FROM verdict_rows WHERE stage = 'pair' AND kept)""",
}
_JOINED = """
    SELECT q.text AS query, s.text AS response FROM chosen c JOIN questions q USING (question_id)
    JOIN solutions s ON s.question_id = c.question_id AND s.sample = c.sample"""


def _one(workspace: Workspace, query: str) -> int:
    with workspace.cursor() as cursor:
        return int(cursor.execute(query).fetchall()[0][0])
