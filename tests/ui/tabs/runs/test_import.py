"""Import a dataset, in a real Chromium on a real server: shown first, mapped otherwise, cancelled, seen by all."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from store.database.workspace import Workspace
from tests.ui.browser import Watched, chromium, served
from tests.ui.hostile import HOSTILE, readable

MANY = 600_000
LONG = 180_000
"""Milliseconds: models load and rows are stored on a busy machine."""
SHOP = "A shop sells {} apples a day for 12 coins each. How many coins does it take in five days?"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("import")


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder / "uploads"))
        Workspace.open(folder / "w").close()
        with served(folder / "w") as address:
            yield address


@pytest.fixture
def watched(url: str) -> Iterator[Watched]:
    with chromium(url) as made:
        yield made
        assert made.page.evaluate("window.ran") is None
        assert not made.foreign


def opened(watched: Watched) -> Page:
    page = watched.open()
    page.get_by_role("tab", name="Runs").click()
    page.get_by_role("button", name="Import a dataset").click()
    return page


def choose(page: Page, file: Path) -> None:
    page.locator("#import input[type=file]").set_input_files(file)


def choose_column(page: Page, field: str, column: str) -> None:
    page.locator("#import").get_by_label(field, exact=True).click()
    page.get_by_role("option", name=column, exact=True).click()
    expect(page.get_by_role("option")).to_have_count(0)


def bring(page: Page) -> None:
    page.locator("#import").get_by_role("button", name="Import", exact=True).click()


def left_of(folder: Path, name: str) -> list[Path]:
    return list((folder / "uploads").rglob(name))


def test_a_file_with_bad_lines_is_shown_first_and_every_row_is_accounted_for(watched: Watched, folder: Path) -> None:
    lines = [json.dumps({"problem": SHOP.format(n), "solution": f"\\boxed{{{60 * n}}}", "level": n}) for n in range(20)]
    lines[3] = '{"problem": broken'
    lines[7] = json.dumps({"problem": "", "solution": "nothing asked"})
    lines += ["[1, 2]"] * 12
    (folder / "shop.jsonl").write_text("\n".join(lines) + "\n")
    page = opened(watched)
    preview, told = page.locator("#import-preview"), page.locator("#imported")
    expect(preview).to_contain_text("Choose a file or a dataset")
    choose(page, folder / "shop.jsonl")
    expect(preview).to_contain_text("Stored in extra: level.")
    expect(preview.get_by_role("row", name=SHOP.format(0))).to_contain_text("\\boxed{0}")
    expect(preview.get_by_role("row", name="line 4 is not JSON")).to_be_visible()
    expect(preview).to_contain_text("14 of these 32 rows would be refused")
    page.locator("#import").get_by_role("textbox", name="Of the new run; optional.").fill("the shop")
    bring(page)
    expect(told).to_contain_text("32 rows read = 18 imported + 14 refused; 18 responses, 18 pairs.", timeout=LONG)
    expect(told).to_contain_text("Refused rows: the first 10, 4 more are in the errors table")
    expect(told.get_by_role("row", name="line 8 no query")).to_be_visible()
    expect(page.locator("#runs").get_by_role("row", name="the shop")).to_contain_text("importdone1818100 %14")
    expect(preview).to_contain_text("Choose a file or a dataset")
    assert not left_of(folder, "shop.jsonl")
    watched.reload()
    page.get_by_role("tab", name="Explore").click()
    expect(page.locator("#explore")).to_contain_text("the shop")


def test_another_column_is_chosen_and_what_is_left_goes_to_extra(watched: Watched, folder: Path) -> None:
    (folder / "odd.csv").write_text(
        f"frage,antwort,answer\n{SHOP.format(1)},It is 60,61\n{SHOP.format(2)},It is 120,62\n"
    )
    page = opened(watched)
    preview = page.locator("#import-preview")
    choose(page, folder / "odd.csv")
    expect(preview).to_contain_text("No column could be identified as the questions: choose one as query.")
    bring(page)
    expect(page.get_by_text("query 'none' is not a column; choose the column with the questions.")).to_be_visible()
    choose_column(page, "query", "frage")
    expect(preview).to_contain_text("Stored in extra: antwort.")
    choose_column(page, "response", "antwort")
    expect(preview).to_contain_text("Every column is mapped; none is stored in extra.")
    choose_column(page, "answer", "none")
    expect(preview).to_contain_text("Stored in extra: answer.")
    page.locator("#import").get_by_label("Score").uncheck()
    bring(page)
    expect(page.locator("#imported")).to_contain_text("2 rows read = 2 imported + 0 refused; 2 responses, 2 pairs.")
    assert not left_of(folder, "odd.csv")


def test_what_cannot_be_read_is_said_in_one_sentence(watched: Watched, folder: Path) -> None:
    (folder / "empty.jsonl").write_text("")
    (folder / "text.jsonl").write_text("dear diary\n" * 9)
    (folder / "torn.parquet").write_bytes(b"PAR1 and no more")
    page = opened(watched)
    preview = page.locator("#import-preview")
    for name, said in (
        ("empty.jsonl", "FILE 'empty.jsonl' is empty; give a file with at least one row."),
        ("text.jsonl", "has no readable row among its first 9 (row 1 is not JSON); check its contents."),
        ("torn.parquet", "FILE 'torn.parquet' cannot be read ("),
    ):
        choose(page, folder / name)
        expect(preview).to_contain_text(said)
        expect(preview).not_to_contain_text(str(folder))
        assert not left_of(folder, name)


def test_a_result_belongs_to_its_file_and_goes_with_the_next_preview(watched: Watched, folder: Path) -> None:
    for name in ("first", "second"):
        row = {"question": f"{name}: {SHOP.format(1)}"}
        (folder / f"{name}.jsonl").write_text(json.dumps(row) + "\n")
    page = opened(watched)
    choose(page, folder / "first.jsonl")
    expect(page.locator("#import-preview")).to_contain_text("first.jsonl")
    bring(page)
    told = page.locator("#imported")
    expect(told).to_contain_text("first.jsonl was imported", timeout=LONG)
    expect(told).to_contain_text("0 refused; 1 question without solutions (prompts).")
    expect(told).not_to_contain_text("ropped")
    choose(page, folder / "second.jsonl")
    expect(page.locator("#import-preview")).to_contain_text("second.jsonl")
    expect(told).not_to_contain_text("first.jsonl")
    page.locator("#import").get_by_role("button", name="Discard").click()
    expect(told).not_to_contain_text("first.jsonl")


def test_no_path_of_the_server_can_be_named(watched: Watched, folder: Path) -> None:
    page = opened(watched)
    expect(page.locator("#import")).to_contain_text(f"scalequest import FILE --workspace {folder / 'w'}")
    for typed in (str(folder), f"hf:{folder}", "hf:assets/demo", "hf:json", "hf:../x", "~/x", "hf:a/../../b"):
        page.get_by_label("Or a dataset of the hub").fill(typed)
        page.get_by_role("button", name="Preview").click()
        expect(page.locator("#import-preview")).to_contain_text(f"dataset '{typed}' is not a dataset of the hub")
    page.get_by_label("Or a dataset of the hub").fill("nobody/nothing")
    page.get_by_label("Or a dataset of the hub").press("Enter")
    expect(page.locator("#import-preview")).to_contain_text("FILE 'hf:nobody/nothing' cannot be loaded", timeout=LONG)


def test_hostile_texts_only_stand_there(watched: Watched, folder: Path) -> None:
    bad = HOSTILE[0]
    rows = [{"question": text, "answer": text, bad: text, "": text} for text in HOSTILE]
    (folder / "hostile.jsonl").write_text("\n".join(map(json.dumps, rows)) + f"\n{bad}\n")
    page = opened(watched)
    choose(page, folder / "hostile.jsonl")
    preview = page.locator("#import-preview")
    expect(preview).to_contain_text("The first 5 as they would be read")
    shown = re.sub(r"\s", "", preview.inner_text())
    assert all(readable(text, 100) in shown for text in HOSTILE[:5])
    choose_column(page, "topic", bad)
    page.locator("#import").get_by_role("textbox", name="Of the new run; optional.").fill(bad)
    bring(page)
    told = page.locator("#imported")
    expect(told).to_contain_text(f"{len(rows) + 1} rows read = {len(rows)} imported + 1 refused", timeout=LONG)
    expect(told.get_by_role("row", name=f"line {len(rows) + 1} is not JSON")).to_contain_text(bad)
    expect(page.locator("#runs")).to_contain_text(bad)
    assert not watched.errors


def test_an_import_outlives_the_page_is_seen_by_all_and_cancelled(watched: Watched, folder: Path) -> None:
    with gzip.open(folder / "many.jsonl.gz", "wt", compresslevel=1) as file:
        for n in range(MANY):
            file.write(json.dumps({"question": SHOP.format(n), "answer": f"It takes\n#### {60 * n}"}) + "\n")
    (folder / "few.jsonl").write_text(json.dumps({"question": SHOP.format(1), "answer": "#### 60"}) + "\n")
    page = opened(watched)
    browser = page.context.browser
    assert browser is not None
    other = opened(Watched(browser.new_page(), watched.url))  # ready before the import begins
    choose(other, folder / "few.jsonl")
    expect(other.locator("#import-preview")).to_contain_text("few.jsonl")
    choose(page, folder / "many.jsonl.gz")
    expect(page.locator("#import-preview")).to_contain_text("many.jsonl.gz")
    bring(page)
    told = page.locator("#imported")
    expect(told).to_contain_text(re.compile(r"of about [\d,]+ rows \(.*left"), timeout=LONG)
    expect(other.locator("#imported")).to_contain_text("many.jsonl.gz, run")
    expect(other.locator("#import").get_by_role("button", name="Import", exact=True)).to_be_disabled()
    expect(other.locator("#import-why")).to_contain_text("Another job is active")
    watched.reload()
    page.get_by_role("tab", name="Runs").click()
    expect(told).to_contain_text(re.compile(r"of about [\d,]+ rows \(.*left"))  # it stands open
    other.get_by_role("button", name="Cancel the import").click()
    expect(told).to_contain_text("The import was cancelled", timeout=LONG)
    expect(told).to_contain_text(re.compile(r"([\d,]+) rows read = \1 imported \+ 0 refused"))
    expect(page.get_by_role("button", name="Cancel the import")).to_be_hidden()
    expect(page.locator("#runs").get_by_role("row", name="many")).to_contain_text("cancelled")
    assert not left_of(folder, "many.jsonl.gz")
    bring(other)  # what was refused is still chosen
    expect(told).to_contain_text("1 rows read = 1 imported + 0 refused", timeout=LONG)
    other.close()
