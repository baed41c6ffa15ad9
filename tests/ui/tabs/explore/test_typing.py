"""Typing into the fields of Explore in a real Chromium, at a person's speed and while a run adds rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from engine.models.model_cache import ModelCache
from store.database.workspace import Workspace
from tests.ui.browser import chromium
from tests.ui.hosted import hosted
from tests.ui.tabs.explore.test_explore import asked_of, put_runs, run_of, settled

PERSON = 150
"""Milliseconds a key."""
REFRESH = 3_500
"""Milliseconds after which a page has asked for the rows of a run again."""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A workspace in which a run is under way, so that the page is redrawn every few seconds."""
    folder: Path = tmp_path_factory.mktemp("typing") / "w"
    with Workspace.open(folder) as workspace:
        put_runs(workspace)
        workspace.create_run(run_of("r3", name="slow", status="running"))
        workspace.writer.flush()
        with hosted(workspace, ModelCache()) as address:
            yield address


def opened(page: Page, chart: str) -> Page:
    settled(page)
    page.locator(f"[data-histogram={chart}] .ends input").first.scroll_into_view_if_needed()
    return page


def wait_for_filter(page: Page, wanted: dict[str, Any]) -> None:
    page.wait_for_function(
        "wanted => JSON.stringify(JSON.parse(new URL(location.href).searchParams.get('filter') || '{}')) === wanted",
        arg=json.dumps(wanted, separators=(",", ":")),
    )


@pytest.mark.parametrize(
    ("chart", "title", "low", "high"),
    [
        ("query_chars", "Question length", "100", "500"),
        ("query_chars", "Question length", "20", "90"),
        ("response_tokens", "Solution length in tokens", "1", "1200"),
        ("reward", "Reward", "-0.75", "-0.5"),
        ("difficulty", "Difficulty", "0.05", "1"),
    ],
)
def test_both_ends_typed_key_by_key_are_the_range_whatever_is_redrawn(
    url: str, chart: str, title: str, low: str, high: str
) -> None:
    with chromium(url) as watched:
        page = opened(watched.open("/?sort=-newest"), chart)
        page.get_by_label(f"{title} from", exact=True).press_sequentially(low, delay=PERSON)
        page.keyboard.press("Tab")
        expect(page.get_by_label(f"{title} to", exact=True)).to_be_focused()
        for key in high:
            page.keyboard.press(key)
            page.wait_for_timeout(PERSON)
        page.keyboard.press("Enter")
        wait_for_filter(
            page, {chart: [float(low) if "." in low else int(low), float(high) if "." in high else int(high)]}
        )
        assert page.get_by_label(f"{title} from", exact=True).input_value() == low
        assert page.get_by_label(f"{title} to", exact=True).input_value() == high
        assert not watched.errors


def test_a_redraw_leaves_what_is_half_typed(url: str) -> None:
    with chromium(url) as watched:
        page = opened(watched.open("/?sort=-newest"), "reward")
        low = page.get_by_label("Reward from", exact=True)
        low.press_sequentially("-", delay=PERSON)  # no number yet
        page.wait_for_timeout(REFRESH)
        page.keyboard.type("0.75")
        page.wait_for_timeout(REFRESH)
        expect(low).to_have_value("-0.75")
        assert asked_of(page) == {}  # nothing is applied while it is typed
        page.keyboard.press("Tab")
        wait_for_filter(page, {"reward": [-0.75, None]})
        assert not watched.errors


def test_ends_in_the_wrong_order_are_said_and_never_swapped(url: str) -> None:
    with chromium(url) as watched:
        page = opened(watched.open('/?sort=-newest&filter={"query_chars":[0,20]}'), "query_chars")
        low, high = (page.get_by_label(f"Question length {end}", exact=True) for end in ("from", "to"))
        low.fill("50")
        low.press("Tab")
        problem = page.locator("[data-histogram=query_chars] .problem")
        expect(problem).to_have_text("The lower end, 50, is above the upper end, 20.")
        page.wait_for_timeout(REFRESH)
        expect(low).to_have_value("50")
        assert asked_of(page) == {"query_chars": [0, 20]}
        high.press_sequentially("90", delay=PERSON)  # the field was selected by Tab: this replaces the 20
        high.press("Enter")
        wait_for_filter(page, {"query_chars": [50, 90]})
        expect(problem).to_be_hidden()
        page.get_by_role("button", name="Clear Question length").click()
        expect(low).to_have_value("")
        wait_for_filter(page, {})
        assert not watched.errors


def test_a_search_that_is_left_at_once_is_kept(url: str) -> None:
    with chromium(url) as watched:
        page = settled(watched.open("/?sort=-newest"))
        page.locator("#explore [data-part=text]").press_sequentially("snow_", delay=20)
        page.keyboard.press("Tab")
        wait_for_filter(page, {"words": "snow_"})
        expect(page.locator("#explore [data-part=text]")).to_have_value("snow_")
        page.locator("#explore [data-part=text]").press("End")
        page.keyboard.type("ma", delay=PERSON)
        page.wait_for_timeout(REFRESH)
        page.keyboard.type("n")
        wait_for_filter(page, {"words": "snow_man"})
        expect(page.locator("#explore [data-part=text]")).to_have_value("snow_man")
        assert not watched.errors
