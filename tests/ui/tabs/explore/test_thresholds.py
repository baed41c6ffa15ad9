"""What-if and saved views in a real Chromium: sliders tell what they would keep, and what is kept by name is found."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, Page, expect

from store.database.workspace import Workspace
from store.filters import saved_views
from store.filters.filter import Filter
from store.records import Label, Verdict
from tests.store import rows
from tests.ui.browser import chromium, served
from tests.ui.hostile import HOSTILE

ROWS = 200


def difficulty(idx: int) -> float | None:
    return None if idx < 10 else idx / ROWS


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Difficulty rises with idx (the first ten have none); the easy ones are Algebra; the hard ones were rejected."""
    folder = tmp_path_factory.mktemp("whatif") / "w"
    luck = random.Random(6)
    with Workspace.open(folder) as workspace:
        workspace.create_run(rows.run(status="done"))
        for idx in range(ROWS):
            key, text = rows.question(idx).question_id, HOSTILE[idx] if idx < len(HOSTILE) else None
            judged = [v for v in rows.verdicts(idx) if v.stage != "difficulty"]
            topic = "Algebra" if idx < ROWS // 2 else "Geometry"
            workspace.writer.put([
                rows.question(idx, text=text), *judged,
                Verdict(key, "difficulty", "judge", True, difficulty(idx), None),
                *rows.solutions(idx, rewards=(luck.random(), luck.random())), *rows.labels(idx, topic=topic),
                *([Label(key, "near_duplicate", "x", "minhash")] if idx % 10 == 0 else []),
                *([rows.decide(f"e{idx}", idx, "accept" if idx < 100 else "reject")] if idx % 2 else []),
            ])  # fmt: skip
        workspace.writer.put([rows.question(900), *rows.verdicts(900, drop="language")])
        workspace.writer.flush()
    return folder


@pytest.fixture(scope="module")
def url(filled: Path) -> Iterator[str]:
    with served(filled) as address:
        yield address


def opened(page: Page) -> Locator:
    page.get_by_role("tab", name="What if").click()
    section = page.locator("#whatif")
    expect(section.locator("[data-slider=difficulty] .just, [data-slider=difficulty] ol").first).to_be_visible()
    return section


def kept(section: Locator, count: int, of: int = ROWS) -> None:
    share = f"{100 * count / of:.1f} %"
    expect(section.locator("p.count")).to_have_text(f"{count} of {of} candidates kept ({share})")


def type_in(section: Locator, label: str, value: str) -> None:
    field = section.get_by_label(label)
    field.fill(value)
    field.press("Enter")


def asked_of(page: Page) -> dict[str, object]:
    found: dict[str, object] = page.evaluate("JSON.parse(new URL(location.href).searchParams.get('filter') || '{}')")
    return found


def test_sliders_tell_at_once_what_they_would_keep_and_the_rows_beside_them(url: str) -> None:
    with chromium(url) as watched:
        page = watched.open("/?sort=newest")
        section = opened(page)
        kept(section, ROWS)
        card = section.locator("[data-slider=difficulty]")
        expect(card.locator(".note")).to_contain_text("10 of the candidates have no difficulty")
        type_in(section, "Difficulty from, as a number", "0.4")
        kept(section, 120)
        expect(section.locator("[data-part=tokens]")).to_contain_text("1,560 of 2,600 solution tokens")
        expect(section.locator("[data-part=topics] [role=row]").first).to_contain_text("Algebra50.0 % → 16.7 %")
        expect(card.locator(".drops")).to_contain_text("The lower bound removes 80 (80 by this bound alone).")
        expect(card.locator(".kept li").first).to_have_text(re.compile("^0.4000What is 80"))
        expect(card.locator(".dropped li").first).to_have_text(re.compile("^0.3950What is 79"))
        expect(card.locator(".dropped li")).to_have_count(5)
        # 0.35 to 0.45 are idx 70 to 90: ten of them odd, all accepted
        expect(card.locator(".decided")).to_contain_text("Reviewers accepted 10 of the 10 nearest rows")
        expect(card.locator(".decided")).to_contain_text("100 %, 95 % interval 72 to 100 %")
        slider = card.get_by_role("slider", name="Difficulty to")
        slider.focus()
        slider.press("ArrowLeft")
        expect(section.get_by_label("Difficulty to, as a number")).to_have_value("0.99")
        kept(section, 119)
        expect(card.locator(".dropped li")).to_have_count(1)  # the end that was moved last
        slider.press("End")
        kept(section, 120)
        section.get_by_label("Keep near-duplicates").uncheck()
        kept(section, 108)
        expect(section.locator("[data-slider=duplicates] .drops")).to_have_text("Removes 20 (12 by this switch alone).")
        section.get_by_role("button", name="Reset").click()
        kept(section, ROWS)
        section.locator("[data-slider=agreement] .borders:not(.old) .kept li button").first.click()
        expect(page.locator("#explore-story h2")).to_contain_text("r1-00000199")
        assert not watched.errors
        assert not watched.foreign


def test_a_view_is_kept_chosen_renamed_copied_deleted_and_brought_back(url: str, filled: Path) -> None:
    with chromium(url) as watched:
        watched.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = watched.open("/?filter=" + quote(json.dumps({"topic": ["Geometry"], "difficulty": [0.6, None]})))
        section = opened(page)
        kept(section, 80, 100)  # the sliders stand where the filter does
        expect(section.get_by_label("Difficulty from, as a number")).to_have_value("0.6")
        type_in(section, "Difficulty from, as a number", "0.9")
        kept(section, 20, 100)
        save = section.get_by_role("button", name="Save view")
        expect(save).to_be_disabled()
        section.get_by_label("Name").fill("a‮b")
        save.click()
        expect(section.get_by_role("alert")).to_contain_text("has invisible characters")
        section.get_by_label("Name").fill("<b>hard</b> ½")
        section.get_by_role("button", name="Save view").click()
        expect(section.get_by_text("Saved as “<b>hard</b> ½”")).to_be_visible()
        views = page.locator("#views")
        views.get_by_label("Saved view").select_option("<b>hard</b> ½")
        expect(page.locator("#explore [data-part=headline]")).to_have_text("20 of 201 questions, 20 pairs")
        joined = {"difficulty": [0.9, None], "stage": "solution", "topic": ["Geometry"]}
        assert asked_of(page) == joined
        kept(section, 20, 100)
        views.get_by_role("button", name="Copy as JSON").click()
        expect(views.get_by_text("Copied.")).to_be_visible()
        assert json.loads(page.evaluate("navigator.clipboard.readText()")) == joined
        views.get_by_role("button", name="Rename").click()
        views.get_by_label("Name").fill("hard")
        views.get_by_label("Name").press("Enter")
        expect(views.get_by_text("Renamed.")).to_be_visible()
        assert saved_views.views(filled) == {"hard": Filter.from_json(joined)}
        page.get_by_role("button", name="Clear all").click()
        expect(views.get_by_role("button", name="Delete")).to_be_hidden()
        kept(section, ROWS)  # the sliders follow the filter
        page.get_by_role("button", name=re.compile("^Geometry")).click()
        views.get_by_role("button", name="Save this filter as a view").click()
        views.get_by_label("Name").fill("HARD")
        views.get_by_role("button", name="Save", exact=True).click()
        expect(views.get_by_role("alert")).to_contain_text("is taken by the view 'hard'")
        views.get_by_label("Name").fill("geometry")
        views.get_by_role("button", name="Save", exact=True).click()
        expect(views.get_by_label("Saved view")).to_have_value("geometry")
        views.get_by_role("button", name="Delete").click()
        expect(views.get_by_text("Deleted “geometry”.")).to_be_visible()
        assert list(saved_views.views(filled)) == ["hard"]
        views.get_by_role("button", name="Undo").click()
        expect(views.get_by_label("Saved view")).to_have_value("geometry")
        assert saved_views.views(filled)["geometry"] == Filter(topic=("Geometry",))
        assert not watched.errors


def test_a_narrow_page_shows_hostile_texts_as_they_are(url: str) -> None:
    with chromium(url, width=400) as watched:
        page = watched.open("/?sort=newest")
        section = opened(page)
        type_in(section, "Difficulty from, as a number", "0.075")
        shown = section.locator("[data-slider=difficulty] .kept .text")
        expect(shown.first).to_have_text(re.sub(r"\s+", " ", HOSTILE[15]))
        assert page.evaluate("window.ran") is None
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert not watched.errors
        assert not watched.foreign


def test_the_demo_can_be_explored_and_a_view_of_it_is_kept_with_it(tmp_path: Path) -> None:
    with served(tmp_path / "empty") as url, chromium(url) as watched:
        page = watched.open("/?sort=newest")
        section = opened(page)
        type_in(section, "Agreement at least, as a number", "0.9")
        expect(section.locator("p.count")).to_contain_text("candidates kept")
        section.get_by_label("Name").fill("mine")
        section.get_by_role("button", name="Save view").click()
        expect(page.locator("#views")).to_contain_text("mine")
        assert not watched.errors
    with Workspace.open(tmp_path / "empty", create=False) as workspace:
        assert len(workspace.runs()) == 2
