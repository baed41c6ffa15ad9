"""From keys to a file: what is decided in Curate is what the Export tab writes, in a real Chromium."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import expect

from tests.ui.browser import chromium, served
from tests.ui.tabs.curate.curating import begin, clean, current, decided, fill, saved


def test_what_was_accepted_by_keys_and_not_taken_back_is_exported_and_there_after_a_reload(
    tmp_path: Path,
) -> None:
    folder = fill(tmp_path / "w")
    with served(folder) as url, chromium(url) as watched:
        page = watched.open('/?filter={"status":["accepted"]}')
        page.get_by_role("tab", name="Curate").click()
        page.locator("#curate [data-part=base]").select_option(index=1)
        begin(page, "ana")
        decided(page, 0, 30)
        seen = []
        for number in range(20):
            seen.append(current(page))
            expect(page.locator("#curate article .question")).to_be_visible()
            page.keyboard.press(("a", " ")[number % 2])
            decided(page, number + 1, 30)
        for number in range(3):
            page.keyboard.press("u")
            decided(page, 19 - number, 30)
        saved(page)
        accepted = seen[:17:2]
        page.get_by_role("tab", name="Export").click()
        page.get_by_label("Which pairs").click()
        page.get_by_role("option", name="Explore's current filter", exact=True).click()
        expect(page.locator("#export-look")).to_contain_text(f"{len(accepted)} pairs ({len(accepted)} accepted)")
        page.get_by_label("All columns").check()
        page.get_by_role("button", name="Export", exact=True).click()
        expect(page.locator("#export-progress")).to_contain_text("ended")
        watched.reload()
        page.get_by_role("tab", name="Export").click()
        expect(page.get_by_role("link", name="jsonl-1")).to_be_visible()
        page.get_by_role("tab", name="Curate").click()
        expect(page.locator("#curate [data-part=queues]")).to_contain_text("17 of 30 decided")
        clean(watched)
    rows = [json.loads(line) for line in (folder / "exports/jsonl-1/train.jsonl").read_text().splitlines()]
    assert sorted(row["question_id"] for row in rows) == sorted(accepted)
    assert {row["status"] for row in rows} == {"accepted"}
