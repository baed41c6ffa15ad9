"""Many decisions at once, a run that goes away, and a login that says who decides."""

from __future__ import annotations

import re
from contextlib import ExitStack, closing
from pathlib import Path

from playwright.sync_api import expect

from engine.models.model_cache import ModelCache
from store.database.workspace import Workspace
from store.filters.filter import Filter
from store.frame.cache import Frames
from store.review import queues
from tests.store import rows
from tests.ui.browser import chromium, served
from tests.ui.hosted import hosted
from tests.ui.tabs.curate.curating import begin, decided, events, saved

EACH = 500
_PRESSES = """async (keys) => {
    // as fast as a card follows a card: by a hand each press would take the browser's driver longer than the page
    const card = document.querySelector("#curate article");
    const next = () => new Promise((go) => setTimeout(go, 0));
    for (let i = 0; i < keys.length; i += 1) {
        while (!card.querySelector(".question")) await next();
        const before = card.dataset.id;
        document.body.dispatchEvent(new KeyboardEvent("keydown", { key: keys[i], bubbles: true }));
        while (card.dataset.id === before && !card.hidden) await next();
        window.pressed = i + 1;
    }
}"""


def filled(workspace: Workspace, count: int, run: str = "r1") -> None:
    workspace.create_run(rows.run(run, status="done"))
    workspace.writer.put(row for idx in range(count) for row in rows.whole(idx, run))
    workspace.writer.flush()


def test_a_thousand_decisions_of_two_browsers_at_once_are_all_there_in_their_order(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        filled(workspace, EACH)
        made = queues.make(workspace, Frames(), Filter(), "random", name="both", size=EACH, by="ana")
    keys = {"ana": ["a", " "] * (EACH // 2), "ben": [" ", "a", "a", "a"] * (EACH // 4)}
    with served(tmp_path / "w") as url, chromium(url) as watched:
        assert watched.page.context.browser is not None
        pages = []
        for name, pressed in keys.items():
            page = watched.page.context.browser.new_context().new_page()
            page.goto(url)
            page.evaluate("name => localStorage.setItem('curate-reviewer', name)", name)
            page.goto(url + "/?curate=both")
            decided(page, 0, EACH)
            page.evaluate(f"keys => {{ ({_PRESSES})(keys); }}", pressed)
            pages.append(page)
        for page in pages:
            page.wait_for_function(f"window.pressed === {EACH}", timeout=120_000)
            decided(page, EACH, EACH)
            saved(page)
    verbs = {"a": "accept", " ": "skip"}
    with Workspace.open(tmp_path / "w") as workspace, workspace.cursor() as cursor:
        for name, pressed in keys.items():
            query = "SELECT question_id, action, queue, sampling_p FROM decision_rows WHERE reviewer = ? ORDER BY rowid"
            wanted = [(key, verbs[k], "both", 1.0) for key, k in zip(made.question_ids, pressed, strict=True)]
            assert cursor.execute(query, [name]).fetchall() == wanted


def test_a_run_that_is_deleted_meanwhile_is_said_and_passed_over(tmp_path: Path) -> None:
    with ExitStack() as stack:
        workspace = stack.enter_context(Workspace.open(tmp_path / "w"))
        url = stack.enter_context(hosted(workspace, stack.enter_context(closing(ModelCache()))))
        for run in ("r1", "r2"):
            filled(workspace, 2, run)
        watched = stack.enter_context(chromium(url))
        page = watched.open()
        begin(page, "ana", 4, "newest")
        decided(page, 0, 4)
        workspace.delete_run("r2")
        watched.reload()
        decided(page, 0, 4)
        for done in range(1, 5):
            article = page.locator("#curate article")
            expect(article).to_contain_text(re.compile("Question|no longer"))
            page.keyboard.press(" " if article.get_by_text("is no longer in this workspace").is_visible() else "a")
            decided(page, done, 4)
        saved(page)
        expect(page.locator("#curate .done")).to_be_visible()
        assert [row[2].split("-")[0] for row in events(page, 2)] == ["r1", "r1"]
        assert not watched.errors


def test_a_login_says_who_decides(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        filled(workspace, 3)
    (tmp_path / "logins").write_text("carla:secret\n", encoding="utf-8")
    with served(tmp_path / "w", "--auth", tmp_path / "logins") as url, chromium(url) as watched:
        page = watched.open()
        page.get_by_label("username").fill("carla")
        page.get_by_label("password").fill("secret")
        page.get_by_role("button", name="Login").click()
        page.get_by_role("tab", name="Curate").click()
        expect(page.get_by_label("Your name")).to_be_disabled()
        expect(page.get_by_label("Your name")).to_have_value("carla")
        page.evaluate("localStorage.setItem('curate-reviewer', 'mallory')")
        page.get_by_role("button", name="Start reviewing").click()
        expect(page.locator("#curate article .question")).to_be_visible()
        page.keyboard.press("a")
        decided(page, 1, 3)
        saved(page)
        assert events(page, 1)[0][:2] == ["carla", "accept"]
