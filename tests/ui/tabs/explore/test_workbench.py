"""Explore's table, facets, groups and charts in a real Chromium: researchers' questions take two clicks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from store.database.workspace import Workspace
from store.records import Label, Record, Solution
from tests.store import rows
from tests.ui.browser import chromium, served
from tests.ui.tabs.explore.test_charts import drag
from tests.ui.tabs.explore.test_explore import asked_of, count, run_of, settled

TOPICS = {"Algebra": 40, "Intermediate Algebra and Counting": 23, "Geometry": 9, "Number Theory": 3}
"""Questions by topic; one name takes two lines."""
ALL = sum(TOPICS.values())
DIFFICULT = {"Algebra": 0.2, "Intermediate Algebra and Counting": 0.5, "Geometry": 0.8, "Number Theory": 0.4}


def made(idx: int, topic: str) -> list[Record]:
    """Every third question disagrees with the majority, every fourth has a near-duplicate, every sixth overlaps a
    benchmark (and so every twelfth does both); solutions get longer and longer."""
    disagrees, overlaps = idx % 3 == 0, idx % 6 == 0
    key = rows.question(idx).question_id
    found: list[Record] = [rows.question(idx)]
    for verdict in rows.verdicts(idx, drop="contamination" if overlaps else None, reason="benchmark"):
        score = DIFFICULT[topic] + (idx % 5) / 50 if verdict.stage == "difficulty" else None
        found.append(replace(verdict, score=score))
    if idx % 4 == 0:
        found.append(Label(key, "near_duplicate", rows.question(idx + 1).question_id, "minhash"))
    samples = rows.solutions(idx, rewards=(-0.3, -0.1, -0.2))
    for one in samples:
        if isinstance(one, Solution):
            other = disagrees and one.sample != 1
            one = replace(one, answer="77" if other else one.answer, text=f"{one.text} " + "because " * idx)
        found.append(one)
    values = {"topic": topic, "chosen": "1", "majority_answer": "77" if disagrees else str(2 * idx)}
    values |= {"agreement": "0.3333" if disagrees else "1.0"}
    return [*found, *(Label(key, name, value, "test") for name, value in values.items())]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("workbench") / "w"
    with Workspace.open(folder) as workspace:
        workspace.create_run(run_of("r1", name="first", status="done"))
        for idx, topic in enumerate(topic for topic, number in TOPICS.items() for _ in range(number)):
            workspace.writer.put(made(idx, topic))
        workspace.writer.flush()
    with served(folder) as address:
        yield address


def ids(page: Page) -> list[int]:
    found: list[str] = page.evaluate(
        "[...document.querySelectorAll('[data-part=table] tbody tr')].map(r => r.dataset.id)"
    )
    return [int(one.rpartition("-")[2]) for one in found]


def expect_rows(page: Page, wanted: list[int]) -> None:
    page.wait_for_function(
        """wanted => JSON.stringify([...document.querySelectorAll('[data-part=table] tbody tr')]
            .map(r => Number(r.dataset.id.split('-').pop())).slice(0, wanted.length)) === JSON.stringify(wanted)""",
        arg=wanted,
    )


def test_the_hardest_subjects_take_two_clicks(url: str) -> None:
    with chromium(url, width=1440) as watched:
        page = settled(watched.open("/?sort=-newest"))
        page.locator("[data-part=group-by]").get_by_role("button", name="topic", exact=True).click()
        page.locator(".grouped thead").get_by_role("button", name="difficulty").click()
        grouped = page.locator(".grouped tbody tr")
        expect(grouped.locator("th")).to_have_text(sorted(TOPICS, key=lambda topic: -DIFFICULT[topic]))
        expect(grouped.first.locator(".n")).to_have_text("9")
        expect(grouped.first.locator(".share")).to_have_text("12.0\xa0%")
        expect(grouped.first.locator(".mean-difficulty")).to_have_text(re.compile(r"^0\.8\d\d 0\.\d{3} to 0\.\d{3}$"))
        assert "group=topic" in page.url
        grouped.first.get_by_role("button").click()  # a row is a filter
        expect(page.locator(".parts li")).to_have_text(["topic Geometry×"])
        expect(page.locator("[data-part=headline]")).to_contain_text(f"9 of {ALL}")
        expect(grouped).to_have_count(len(TOPICS))  # and the others stay, as in a facet
        expect(watched.reload().locator(".grouped tbody tr").first).to_be_visible()
        assert not watched.errors


def test_the_longest_solutions_that_disagree_with_the_majority_take_two_clicks(url: str) -> None:
    with chromium(url, width=1440) as watched:
        page = settled(watched.open("/?sort=-newest"))
        page.locator("fieldset", has_text="Against the majority").get_by_label("disagrees").check()
        page.locator("[data-part=sort]").select_option(label="longest solution first")
        expect_rows(page, [idx for idx in reversed(range(ALL)) if idx % 3 == 0][:20])
        assert asked_of(page) == {"majority": ["different"]}
        assert not watched.errors


def test_near_duplicates_that_overlap_a_benchmark_take_two_clicks(url: str) -> None:
    with chromium(url, width=1440) as watched:
        page = settled(watched.open("/?sort=-newest"))
        near, overlap = (
            page.locator("fieldset", has_text=name) for name in ("Near-duplicates", "Overlaps a benchmark")
        )
        near.get_by_label("has near-duplicates").check()
        overlap.get_by_label("yes").check()
        expect_rows(page, [idx for idx in reversed(range(ALL)) if idx % 12 == 0])
        assert asked_of(page) == {"contaminated": True, "near_duplicates": [1, None]}
        expect(page.locator(".parts li")).to_have_text(["in a benchmark×", "has near-duplicates×"])
        near.get_by_label("none").check()  # one or the other
        expect(near.get_by_label("has near-duplicates")).not_to_be_checked()
        expect(page.locator("[data-part=headline]")).to_contain_text(
            f"{len([i for i in range(ALL) if i % 12 == 6])} of"
        )
        near.get_by_label("none").uncheck()
        expect(page.locator(".parts li")).to_have_text(["in a benchmark×"])
        assert not watched.errors


def test_why_a_question_was_dropped_takes_one_click(url: str) -> None:
    with chromium(url, width=1440) as watched:
        page = settled(watched.open("/?sort=-newest"))
        page.get_by_role("button", name="contamination").click()
        dropped = len([idx for idx in range(ALL) if idx % 6 == 0])
        expect(page.locator("[data-counts=funnel] .note")).to_have_text(
            f"contamination dropped {dropped}: benchmark {dropped}."
        )
        expect(page.locator("td.is-drop_reason").first).to_have_text("benchmark")
        assert not watched.errors


def test_heads_sort_and_columns_are_chosen_and_remembered(url: str) -> None:
    with chromium(url, width=1440) as watched:
        page = settled(watched.open("/?sort=-newest"))
        head = page.locator("[data-part=table] thead")
        head.get_by_role("button", name="agreement").click()
        expect(head.locator("th.is-agreement")).to_have_attribute("aria-sort", "descending")
        assert all(idx % 3 for idx in ids(page)[:20])
        head.get_by_role("button", name="agreement").click()
        expect(head.locator("th.is-agreement")).to_have_attribute("aria-sort", "ascending")
        expect_rows(page, [idx for idx in reversed(range(ALL)) if idx % 3 == 0][:10])
        expect(page.locator("td.is-solution").first).to_be_hidden()
        page.locator(".choose summary").click()
        for name in ("answer", "solution", "solution length", "disagreement"):
            page.locator(".choose").get_by_label(name, exact=True).check()
        page.locator(".choose").get_by_label("topic", exact=True).uncheck()
        expect(page.locator("td.is-solution").first).to_contain_text("Sample 1: ")
        expect(page.locator("td.is-disagreement").first).to_have_text("67 %")
        head.get_by_role("button", name="solution length").click()
        expect_rows(page, list(reversed(range(ALL)))[:20])
        page = settled(watched.reload())
        expect(page.locator("td.is-solution").first).to_contain_text("Sample 1: ")
        expect(page.locator("td.is-topic").first).to_be_hidden()
        assert not watched.errors


@pytest.mark.parametrize("width", [400, 1024, 1440])
def test_bars_of_one_list_share_one_scale(url: str, width: int) -> None:
    with chromium(url, width=width) as watched:
        page = settled(watched.open("/?sort=-newest&group=topic"))
        for bars, counts in (
            ("[data-counts=topic] .track .kept", list(TOPICS.values())),
            ("[data-counts=topic] .track .total", list(TOPICS.values())),
            (".grouped .track .kept", list(TOPICS.values())),
        ):
            expect(page.locator(bars).first).to_be_attached()
            widths = page.locator(bars).evaluate_all("all => all.map(one => one.getBoundingClientRect().width)")
            assert len(widths) == len(counts)
            assert widths[0] > 20
            for found, number in zip(widths, counts, strict=True):
                assert found == pytest.approx(widths[0] * number / counts[0], abs=1), (bars, widths)
        funnel = page.evaluate(
            """[...document.querySelectorAll('.funnel tbody tr')].map(row => [
                Number(row.cells[2].textContent), row.querySelector('.kept').getBoundingClientRect().width,
                Number(row.cells[3].textContent), row.querySelector('.dropped').getBoundingClientRect().width])"""
        )
        unit = funnel[0][1] / ALL
        for kept, kept_width, dropped, dropped_width in funnel:
            assert (kept_width, dropped_width) == (
                pytest.approx(kept * unit, abs=1),
                pytest.approx(dropped * unit, abs=1),
            )
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert not watched.errors


def test_charts_fit_their_panels_wherever_they_were_hidden_when_they_came(url: str) -> None:
    with chromium(url, width=1440) as watched:
        page = settled(watched.open("/?sort=-newest"))
        page.get_by_role("tab", name="Home").click()
        page.set_viewport_size({"width": 1024, "height": 800})
        page.get_by_role("tab", name="Explore").click()
        expect_fitting(page)
        page.locator(".charts > summary").click()  # folded, resized, unfolded
        page.set_viewport_size({"width": 500, "height": 800})
        page.locator(".charts > summary").click()
        expect_fitting(page)
        assert not watched.errors
    with chromium(url, width=700) as watched:
        page = watched.open()
        page.set_viewport_size({"width": 1300, "height": 800})
        page.get_by_role("tab", name="Explore").click()
        settled(page)
        expect_fitting(page)


def expect_fitting(page: Page) -> None:
    """Every chart is as wide as its place, and none reaches out of its panel."""
    page.wait_for_function(
        """() => {
            const plots = [...document.querySelectorAll('#explore .drawn')];
            return plots.length > 3 && plots.every((plot) => {
                const svg = plot.querySelector('.main-svg');
                const panel = plot.closest('section').getBoundingClientRect();
                const box = svg?.getBoundingClientRect();
                const fits = box && Math.abs(box.width - plot.clientWidth) < 2 && box.right <= panel.right + 1;
                return fits && plot.clientWidth > 100;
            });
        }"""
    )


def test_nothing_moves_when_the_first_range_is_drawn(url: str) -> None:
    with chromium(url, width=1440) as watched:
        page = settled(watched.open("/?sort=-newest"))
        places = ".columns, [data-histogram], [data-counts], fieldset"
        where = f"""() => [...document.querySelectorAll('#explore :is({places})')]
            .filter(one => one.offsetParent).map(one => one.getBoundingClientRect().top)"""
        page.locator("[data-histogram=difficulty] .nsewdrag").scroll_into_view_if_needed()
        before = page.evaluate(where)
        drag(page, "difficulty", 0.05, 0.95)
        expect(page.locator(".parts li")).to_have_count(1)
        page.wait_for_timeout(500)
        assert page.evaluate(where) == before
        assert not watched.errors


def test_the_head_of_the_table_and_the_filter_stay_in_sight(url: str) -> None:
    with chromium(url, width=1440) as watched:
        page = settled(watched.open("/?sort=-newest"))
        page.locator("[data-part=table] tbody tr").nth(45).scroll_into_view_if_needed()
        for place in ("[data-part=table] thead th", "[data-part=headline]", "[data-part=group-by]"):
            expect(page.locator(place).first).to_be_in_viewport()
        expect(page.locator("[data-part=table] tbody tr").nth(45)).to_be_in_viewport()
        assert not watched.errors


def test_counts_have_whole_ticks_and_help_is_shown_as_it_is_typed(url: str) -> None:
    with chromium(url, width=1440) as watched:
        page = settled(watched.open("/?filter=" + quote(json.dumps({"topic": ["Number Theory"]}))))
        page.get_by_label("Scale charts to what the filter keeps").check()
        page.wait_for_timeout(500)
        ticks = page.locator("#explore [data-histogram] .ytick text").all_text_contents()
        assert ticks
        assert all(re.fullmatch(r"[\d,]+", tick) for tick in ticks), ticks
        page.locator(".help summary").click()
        expect(page.locator(".help dt").last).to_have_text("/\\d+ (apples|pears)/")
        assert not watched.errors


def test_all_places_that_show_a_total_agree(url: str) -> None:
    with chromium(url, width=1440) as watched:
        for asked in ({}, {"difficulty": [0.3, None]}, {"majority": ["same"], "reward": [-0.2, None]}):
            page = settled(watched.open(f"/?group=topic&filter={quote(json.dumps(asked))}"))
            total = count(page)
            number = (
                "all => all.reduce((sum, one) => sum + Number(one.textContent.replaceAll(',', '').split(' ')[0]), 0)"
            )
            expect(page.locator(".grouped tbody tr").first).to_be_visible()
            assert page.locator(".grouped .n").evaluate_all(number) == total
            assert page.locator("[data-counts=topic] .values .count").evaluate_all(number) == total
            assert int(page.locator(".funnel tbody tr").first.locator("td").nth(1).inner_text()) == total
            said = page.locator("[data-part=range]").inner_text()
            assert f"of {total} questions" in said
            for facet in page.locator("#explore fieldset:visible").all():
                name = facet.locator("legend").inner_text()
                own = {"Against the majority": "majority"}.get(name)
                if own not in asked:
                    assert facet.locator(".count").evaluate_all(number) == total, name
            page.get_by_role("tab", name="What if").click()
            expect(page.locator("#whatif p.count")).to_contain_text("candidates kept")
            kept = page.locator("#whatif p.count").inner_text()
            pairs = re.search(r"([\d,]+) pairs", page.locator("[data-part=headline]").inner_text())
            passed = int(page.locator(".funnel tbody tr", has_text="solution").first.locator("td").nth(1).inner_text())
            assert pairs is not None
            assert int(kept.split(" of ")[0].replace(",", "")) == passed >= int(pairs[1].replace(",", ""))
        assert not watched.errors
