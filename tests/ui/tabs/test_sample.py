"""Sample and Compare in a real Chromium: real nano models, streamed, kept, cancelled, repeated, compared."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from engine.config.run_config import RunConfig
from engine.models.base import Completion, OnCompletion, OnText, Request
from engine.models.model_cache import ModelCache
from engine.models.roles import Models
from engine.pipeline.live import Live, Session
from store.database.workspace import Workspace
from tests.engine.pipeline import run as instant
from tests.engine.pipeline.instant import InstantText
from tests.ui.browser import chromium, served
from tests.ui.hosted import hosted
from tests.ui.hostile import HOSTILE, readable

LONG = 120_000
"""Milliseconds: models load and write on a busy machine."""
SOON = 2_000
"""Milliseconds, where other things run on the machine; `python -m benchmarks page` measures it (goal: 300)."""
_WATCH_TEXT = """() => {
    const parts = () => [...document.querySelectorAll('#sample .question, #sample .text')];
    const text = () => parts().map(part => part.textContent).join('');
    let last = text();
    window.changed = 0;
    setInterval(() => { const now = text(); if (now !== last) { last = now; window.changed = performance.now(); } }, 5);
}"""


@pytest.fixture(scope="module")
def model_cache(nano: Path) -> Iterator[ModelCache]:
    with closing(ModelCache()) as model_cache:
        yield model_cache


@pytest.fixture(autouse=True)
def patient() -> Iterator[None]:
    """Models and browser share the processor: what is looked for may take its time."""
    expect.set_options(timeout=LONG)
    yield
    expect.set_options(timeout=5_000)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.open(tmp_path / "w") as workspace:
        yield workspace


def opened(page: Page, tab: str = "Sample") -> Page:
    page.set_default_timeout(LONG)
    page.get_by_role("tab", name=tab).click()
    return page


def settings(page: Page, questions: int, seed: int) -> None:
    field = page.get_by_label("number input for Questions", exact=True)
    field.fill(str(questions))
    field.press("Tab")
    page.locator("#sample-seed").get_by_role("textbox").fill(str(seed))


def sample(page: Page, questions: int, seed: int) -> None:
    settings(page, questions, seed)
    page.get_by_role("button", name="Sample", exact=True).click()


def done(page: Page) -> None:
    expect(page.locator("#sample .status")).to_have_text(re.compile("^Done: "))


_AS_WRITTEN = """(boxes) => boxes.map((box) => {
    const copy = box.cloneNode(true);
    const source = (drawn) => drawn.querySelector('annotation').textContent;
    copy.querySelectorAll('.katex').forEach((drawn) => drawn.replaceWith(source(drawn)));
    return copy.textContent;
})"""


def texts(page: Page) -> list[str]:
    """Of the question in focus and its solutions, formulas as they were written."""
    found: list[str] = page.locator("#sample .question, #sample .text").evaluate_all(_AS_WRITTEN)
    return found


def all_texts(page: Page) -> list[list[str]]:
    """The same of every question, each put into focus."""
    lines = page.locator("#sample .line")
    found = []
    for at in range(lines.count()):
        focus(page, at)
        found.append(texts(page))
    return found


def focus(page: Page, at: int) -> Locator:
    """The card of the question at this line."""
    line = page.locator("#sample .line").nth(at)
    line.click()
    card = page.locator(f'#sample article[data-question="{line.get_attribute("data-question")}"]')
    expect(card).to_be_visible()
    return card


def focus_on(page: Page, outcome: str) -> Locator:
    """The card of the first question with this outcome."""
    outcomes = page.locator("#sample .outcome").all_text_contents()
    return focus(page, next(at for at, text in enumerate(outcomes) if text.startswith(outcome)))


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONG / 1000
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_one_click_on_a_fresh_workspace_gives_a_kept_pair(tmp_path: Path, nano: Path) -> None:
    Workspace.open(tmp_path / "w", create=True).close()
    with served(tmp_path / "w") as url, chromium(url) as watched:
        page = opened(watched.open())
        expect(page.locator("#sample .status")).to_contain_text("Nothing is sampled yet")
        page.get_by_role("button", name="Sample", exact=True).click()
        expect(page.locator("#sample .status")).to_have_text(
            re.compile("Loading the models of profile nano|Sampling|Done")
        )
        done(page)
        expect(page.locator("#sample .line")).to_have_count(5)
        expect(page.locator("#sample .stored")).to_contain_text("Stored as live run r")
        card = focus_on(page, "pair")
        expect(card.locator(".chip")).to_have_count(7)
        expect(card.locator(".chip").last).to_contain_text("pair passed, reward")
        expect(card.locator(".chip").nth(5)).to_have_text(
            re.compile(r"solution passed, \d of 5 solutions state an answer$")
        )
        counts = [int(text.strip("×") or 1) for text in card.locator(".times").all_text_contents()]
        assert sum(counts) == 5  # equal solutions are shown once
        expect(card.locator(".solution.chosen .sample")).to_contain_text("chosen")
        expect(card.locator(".why")).to_contain_text("highest reward of 5")
        expect(card.locator("h4").first).to_contain_text("of 5 agree")
        card.get_by_role("button", name="Keep").click()
        expect(card.get_by_role("button", name="Kept")).to_be_disabled()
        kept = card.get_attribute("data-question")
        assert not watched.errors
        assert not watched.foreign
    with Workspace.open(tmp_path / "w", create=False) as stored:
        assert [(run.kind, run.status) for run in stored.runs()] == [("live", "done")]
        cursor = stored.cursor()
        accepted = cursor.execute("SELECT question_id, status FROM pairs WHERE status = 'accepted'").fetchall()
        assert accepted == [(kept, "accepted")]
        assert cursor.execute("SELECT reviewer, action FROM decisions").fetchall() == [("anonymous", "accept")]


def test_text_is_streamed_and_a_cancel_stops_it_at_once(workspace: Workspace, model_cache: ModelCache) -> None:
    took = []
    with hosted(workspace, model_cache) as url, chromium(url) as watched:
        page = opened(watched.open())
        page.evaluate(_WATCH_TEXT)
        for seed in (1, 2, 3):
            sample(page, 20, seed)
            page.wait_for_function("window.changed > 0", timeout=LONG)
            at = page.evaluate("""() => {
                document.getElementById('sample-cancel').click();
                return performance.now();
            }""")
            expect(page.locator("#sample .status")).to_contain_text("was cancelled")
            page.wait_for_timeout(500)
            took.append(page.evaluate("window.changed") - at)
            page.evaluate("window.changed = 0")
            focus_on(page, "stopped")
            expect(page.locator("#sample .note").filter(has_text="Stopped before").first).to_be_visible()
        assert not watched.errors
    assert min(took) < SOON
    assert [run.status for run in workspace.runs()] == ["cancelled"] * 3


def test_a_page_that_is_closed_cancels_what_it_sampled(workspace: Workspace, model_cache: ModelCache) -> None:
    with hosted(workspace, model_cache) as url, chromium(url) as watched:
        page = opened(watched.open())
        sample(page, 20, 4)
        until(lambda: any(texts(page)))
        page.close()
        until(lambda: [run.status for run in workspace.runs()] == ["cancelled"])


def test_a_dropped_question_says_why(workspace: Workspace, model_cache: ModelCache) -> None:
    with hosted(workspace, model_cache) as url, chromium(url, width=400) as watched:
        page = opened(watched.open("/?__theme=dark"))
        page.get_by_label("number input for Temperature").fill("2")  # words at random: no problem holds
        page.get_by_label("number input for Temperature").press("Tab")
        sample(page, 4, 1)
        done(page)
        dropped = focus_on(page, "dropped")
        expect(dropped.locator(".note")).to_have_text(re.compile(r"^Dropped at \w+: .+\.$"))
        expect(dropped.locator(".chip.dropped")).to_contain_text("dropped")
        expect(dropped.get_by_role("button", name="Keep")).to_be_disabled()
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        assert not watched.errors


def test_a_seed_repeats_and_a_question_is_regenerated_under_another(
    workspace: Workspace, model_cache: ModelCache
) -> None:
    with hosted(workspace, model_cache) as url, chromium(url) as watched:
        page = opened(watched.open())
        sample(page, 2, 21)
        done(page)
        first = all_texts(page)
        sample(page, 2, 21)
        expect(page.locator("#sample .status")).to_contain_text("Sampling")
        done(page)
        assert all_texts(page) == first
        card = focus(page, 0)
        origin = card.get_attribute("data-question")
        card.get_by_role("button", name="Regenerate").click()
        expect(page.locator("#sample .line")).to_have_count(3)
        done(page)
        expect(page.locator("#sample h3")).to_have_text("Question 1, again")
        expect(page.locator("#sample .facts")).to_contain_text(f"regenerated from {origin}")
        assert texts(page)[0] != first[0][0]
        assert [focus(page, at).locator("h3").text_content() for at in range(3)] == [
            "Question 1",
            "Question 1, again",
            "Question 2",
        ]
        assert all_texts(page)[::2] == first
        assert not watched.errors
    last = RunConfig.from_json(workspace.runs()[-1].config)
    before = RunConfig.from_json(workspace.runs()[-2].config)
    assert last.regenerated_from == origin
    assert (last.questions, last.profile.solver) == (1, before.profile.solver)
    assert last.seed != before.seed


def test_two_browsers_stream_at_once(workspace: Workspace, model_cache: ModelCache) -> None:
    with hosted(workspace, model_cache) as url, chromium(url) as watched:
        one = opened(watched.open())
        browser = one.context.browser
        assert browser is not None
        two = browser.new_context().new_page()
        two.goto(url)
        opened(two)
        settings(one, 20, 31)
        settings(two, 20, 32)
        for page in (one, two):
            page.get_by_role("button", name="Sample", exact=True).click()
        until(lambda: any(texts(one)) and any(texts(two)))
        done(one)
        done(two)
        assert all_texts(one)[:2] != all_texts(two)[:2]
        assert not watched.errors
    first, second = workspace.runs()
    assert (first.status, second.status) == ("done", "done")
    assert first.ended_at is not None
    assert second.created_at < first.ended_at  # neither waited for the other


def test_formulas_of_a_question_are_drawn_in_its_card_when_it_is_done(
    workspace: Workspace, model_cache: ModelCache
) -> None:
    with hosted(workspace, model_cache) as url, chromium(url) as watched:
        page = opened(watched.open())
        sample(page, 3, 11)
        done(page)
        card = focus_on(page, "pair")
        expect(card.locator(".solution .katex").first).to_be_visible()
        expect(card.locator("h4 .katex").first).to_be_visible()
        assert page.locator("#sample .katex-error").count() == 0
        assert not watched.errors


def test_wrong_settings_are_refused_in_a_sentence(workspace: Workspace, model_cache: ModelCache) -> None:
    with hosted(workspace, model_cache) as url, chromium(url) as watched:
        page = opened(watched.open())
        page.locator("#sample-seed").get_by_role("textbox").fill("eleven")
        page.get_by_role("button", name="Sample", exact=True).click()
        expect(page.get_by_text("is not a whole number")).to_be_visible()
    assert workspace.runs() == []


class _Parrot(InstantText):
    """Writes what it was given, a text a call, piece by piece."""

    def __init__(self, kind: str, said: Sequence[str]) -> None:
        super().__init__(kind)
        self._said, self._next = said, 0

    def submit(self, requests: Sequence[Request], on_done: OnCompletion, on_text: OnText | None = None) -> None:
        for request in requests:
            text = self._said[self._next % len(self._said)]
            self._next += 1
            if on_text is not None:
                for at in range(0, len(text), 7):
                    on_text(request.request_id, text[at : at + 7])
            on_done(Completion(request.request_id, text, 9, 5, 0.1, "stop"))


class _Stage(ModelCache):
    """A room of models that write these texts."""

    def __init__(self, texts: list[str]) -> None:
        super().__init__()
        self._texts = texts

    @contextmanager
    def acquire(self, config: RunConfig) -> Iterator[Models]:
        asks = _Parrot("question", self._texts)
        models = instant.models(generators=(asks, asks), solver=_Parrot("solution", self._texts))
        yield models
        for model in models.distinct:
            model.close()


@pytest.mark.parametrize("hostile", [HOSTILE[at : at + 17] for at in range(0, len(HOSTILE), 17)], ids=["1", "2", "3"])
def test_nothing_that_a_model_writes_runs_or_loads_and_all_of_it_can_be_read(
    workspace: Workspace, hostile: list[str]
) -> None:
    with hosted(workspace, _Stage(hostile)) as url, chromium(url) as watched:
        page = opened(watched.open())
        sample(page, len(hostile), 1)
        done(page)
        shown = readable(" ".join(text for found in all_texts(page) for text in found), most=None)
        for text in hostile:
            apart = re.split(r"\$[^$]+\$", text)  # formulas may be drawn by now
            assert readable(text) in shown or all(readable(part) in shown for part in apart)
        assert page.evaluate("window.ran") is None
        assert not watched.errors
        assert not watched.foreign


def test_what_is_kept_in_quick_succession_is_all_stored_under_the_name_that_curate_has(
    workspace: Workspace, model_cache: ModelCache
) -> None:
    with hosted(workspace, model_cache) as url, chromium(url) as watched:
        page = opened(watched.open())
        page.evaluate("localStorage.setItem('curate-reviewer', 'Ada')")
        sample(page, 5, 1)
        done(page)
        kept = page.evaluate("""async () => {
            let kept = 0;
            for (const line of document.querySelectorAll('#sample .line')) {
                line.click();
                await new Promise(resolve => setTimeout(resolve, 30));
                const keep = document.querySelector('#sample .keep');
                if (!keep.disabled) kept += 1;
                keep.click();
            }
            return kept;
        }""")
        assert kept > 2
        until(lambda: len(decisions(workspace)) == kept)
        assert set(decisions(workspace)) == {("Ada", "accept")}
        page = watched.reload()
        expect(page.locator("#sample .status")).to_contain_text("became")
        expect(focus_on(page, "pair").get_by_role("button", name="Kept")).to_be_disabled()
        assert not watched.errors


def decisions(workspace: Workspace) -> list[tuple[str, str]]:
    with workspace.cursor() as cursor:
        return cursor.execute("SELECT reviewer, action FROM decisions").fetchall()


def test_a_reload_keeps_the_cards_and_goes_on_with_what_is_being_written(
    workspace: Workspace, model_cache: ModelCache
) -> None:
    with hosted(workspace, model_cache) as url, chromium(url) as watched:
        page = opened(watched.open())
        sample(page, 20, 5)
        until(lambda: any(texts(page)))
        page = watched.reload()
        done(page)
        assert [run.status for run in workspace.runs()] == ["done"]
        expect(page.locator("#sample .line")).to_have_count(20)
        before = all_texts(page)
        page.evaluate("sessionStorage.clear()")  # as in another window: all comes from the workspace
        page = watched.reload()
        done(page)
        assert all_texts(page) == before
        page.locator("#sample .history summary").click()
        expect(page.locator("#sample .earlier")).to_have_count(1)
        card = focus_on(page, "pair")
        card.get_by_role("button", name="Open in Explore").click()
        expect(page.locator("#explore-story")).to_contain_text(card.get_attribute("data-question") or "")
        assert not watched.errors


_WATCH_TASKS = """() => {
    window.long = 0;
    const add = (list) => list.getEntries().forEach((task) => (window.long += task.duration));
    new PerformanceObserver(add).observe({ type: 'longtask' });
}"""
_HAS_TOKENS = """(tokens) => {
    const found = /([\\d,]+) tokens,/.exec(document.querySelector('#sample .numbers').textContent);
    return found && Number(found[1].replaceAll(',', '')) >= tokens;
}"""


def test_a_page_with_many_solutions_stays_quick_and_close_behind_the_models(
    workspace: Workspace, model_cache: ModelCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions: list[Session] = []
    start = Live.start

    def kept(*args: Any, **named: Any) -> Session:
        sessions.append(start(*args, **named))
        return sessions[-1]

    monkeypatch.setattr(Live, "start", kept)
    with hosted(workspace, model_cache) as url, chromium(url) as watched:
        page = opened(watched.open())
        sample(page, 1, 1)
        done(page)
        field = page.get_by_label("number input for Solutions each (best of n)", exact=True)
        field.fill("16")
        field.press("Tab")
        settings(page, 20, 2)
        page.evaluate(_WATCH_TASKS)
        page.get_by_role("button", name="Sample", exact=True).click()
        until(lambda: len(sessions) == 2)
        began, behind = time.monotonic(), []
        while not sessions[-1].over:
            tokens, now = sessions[-1].now().tokens, time.monotonic()
            if tokens:
                page.wait_for_function(_HAS_TOKENS, arg=tokens, polling=20)
                behind.append(time.monotonic() - now)
            page.wait_for_timeout(200)
        share = page.evaluate("window.long") / 1000 / (time.monotonic() - began)
        done(page)
        assert not watched.errors
    assert share < 0.1
    assert sorted(behind)[len(behind) * 9 // 10] < 0.5


def test_a_stream_is_for_the_page_that_started_it_and_for_who_is_logged_in(tmp_path: Path) -> None:
    Workspace.open(tmp_path / "w", create=True).close()
    with served(tmp_path / "w") as url:
        assert httpx.get(f"{url}/live/guessed/events").status_code == 404
        foreign = {"origin": "https://elsewhere.example"}
        assert httpx.get(f"{url}/live/guessed/events", headers=foreign).status_code == 403
    (tmp_path / "logins").write_text("ada:secret\n")
    with served(tmp_path / "w", "--auth", tmp_path / "logins") as url:
        assert httpx.get(f"{url}/live/guessed/events").status_code == 401
        with httpx.Client() as client:
            client.post(f"{url}/login", data={"username": "ada", "password": "secret"}).raise_for_status()
            assert client.get(f"{url}/live/guessed/events").status_code == 404


def test_two_generators_are_compared_at_equal_numbers_and_seeds(workspace: Workspace, model_cache: ModelCache) -> None:
    with hosted(workspace, model_cache) as url, chromium(url) as watched:
        page = opened(watched.open(), "Compare")
        field = page.get_by_label("number input for Questions each")
        field.fill("10")
        field.press("Tab")
        page.get_by_role("button", name="Compare", exact=True).click()
        expect(page.locator("#compare-status")).to_contain_text(re.compile("Sampling|Loading"))
        expect(page.locator("#compare-status")).to_contain_text("Done.")
        expect(page.locator("#compare")).to_contain_text("A: qgen-a-qft")
        for figure in ("valid", "kept", "mean difficulty", "effective topics", "effective kinds", "tokens per kept"):
            expect(page.locator("#compare")).to_contain_text(figure)
        assert not watched.errors
    configs = [RunConfig.from_json(run.config) for run in workspace.runs()]
    sides = sorted((c.profile.generators[0].name, c.questions, c.seed) for c in configs)
    assert sides == [("qgen-a", 10, 1), ("qgen-a-qft", 10, 1)]
    assert {run.kind for run in workspace.runs()} == {"live"}


def test_a_comparison_is_cancelled(workspace: Workspace, model_cache: ModelCache) -> None:
    with hosted(workspace, model_cache) as url, chromium(url) as watched:
        page = opened(watched.open(), "Compare")
        page.get_by_role("button", name="Compare", exact=True).click()
        expect(page.locator("#compare-status")).to_contain_text("Sampling")
        page.locator("#compare-cancel").click()
        expect(page.locator("#compare-status")).to_contain_text("was cancelled")
        assert not watched.errors
    assert [run.status for run in workspace.runs()] == ["cancelled"] * 2
