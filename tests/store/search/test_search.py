"""Searching: by the index what SQL finds, while it is built, after edits, deletions and damage."""

from __future__ import annotations

import gc
import json
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.paths import ASSETS
from store.database.sources import Demo, Source
from store.database.workspace import Workspace
from store.errors import InputError
from store.explore import query
from store.filters import search_syntax
from store.filters.filter import Filter
from store.frame.cache import Frames
from store.frame.frame import Frame
from store.records import Solution
from store.search import index, scan, search
from store.search.index import FILE
from tests.store import rows

ODD = (
    "Don't panic: it's 3.14, 1,000 and 1 000.",
    "What is $\\frac{1}{2} + x_1^2$ when x_1=2?",
    "Élan ÉLAN élan e\u0301lan naïve İstanbul ΟΔΟΣ οδος Straße STRASSE",
    "“Curly” quotes—dashes…and ×÷ signs π² ≤ ∞ x\u00a0y",
    "数学 と かな, ไทย कि, עברית العربية",
    "a\x00b tab\tnew\nline \u202e turned \U0001d465 = 2 🙂 ok",
    "",
    "   ",
    "prime",
    "Prime numbers; prime-number. PRIMES!",
    "number prime",
    "one one one two",
    "K Kelvin \u212a ﬁne ① ² ½ ٣",
)


def real() -> list[str]:
    """Questions of the bundled demo."""
    with Demo(ASSETS / "demo").cursor() as cursor:
        return [text for (text,) in cursor.execute("SELECT text FROM question_text ORDER BY q").fetchall()]


TEXTS = (*ODD, *real())


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with Workspace.open(tmp_path_factory.mktemp("search") / "w") as workspace:
        for run in ("r2", "r1"):
            workspace.create_run(rows.run(run))
        for idx, text in enumerate(TEXTS):
            workspace.writer.put([rows.question(idx, ("r1", "r2")[idx % 2], text)])
        workspace.writer.put([rows.decide("e1", 8, "edit", query="An odd text, edited")])
        workspace.writer.put([rows.decide("e2", 3, "edit", "r2", query="prime again")])
        workspace.writer.flush()
        yield workspace


@pytest.fixture(scope="module")
def frame(filled: Workspace) -> Frame:
    frame = Frames().of(filled)
    state = search.of(filled).wait(filled, frame)
    assert (state.indexed, state.problem) == (len(TEXTS), None)
    return frame


def found(source: Source, frame: Frame, asked: Filter) -> set[str]:
    return {frame.key(int(at)) for at in np.flatnonzero(query.select(source, frame, asked).rows)}


def by_sql(source: Source, asked: Filter) -> set[str]:
    condition, values = asked.to_sql()
    with source.cursor() as cursor:
        query = f"SELECT question_id FROM items WHERE {condition}"
        return {key for (key,) in cursor.execute(query, values).fetchall()}


def some_words(text: str, luck: random.Random) -> str:
    """A search made of a piece of a text."""
    start = luck.randrange(max(len(text), 1))
    piece = text[start : start + luck.randint(1, 24)]
    return luck.choice(('"{}"', "{}", "{}*", '"{}"*', "-{} the", "{} -a", "what {}")).format(piece)


SAID = st.one_of(
    st.builds(some_words, st.sampled_from(TEXTS), st.randoms(use_true_random=False)),
    st.lists(
        st.sampled_from(('"', "-", "*", " ", "prime", "x", "2", "the", "é", "K", "\u212a", "'", "a")), max_size=8
    ).map("".join),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SAID)
def test_the_index_finds_what_sql_finds(filled: Workspace, frame: Frame, said: str) -> None:
    try:
        asked = Filter.from_json({"words": said})
    except InputError:
        return
    assert found(filled, frame, asked) == by_sql(filled, asked)


@pytest.mark.parametrize(
    ("said", "texts"),
    [
        ("prime", {3, 9, 10}),
        ("prime number", {9, 10}),
        ('"prime number"', {9}),
        ("“prime number”", {9}),
        ('"number prime', {10}),
        ("PRIM* -number", {3}),
        ("primes", {9}),
        ("élan", {2}),
        ("οδοσ", {2}),
        ("x_1^2", {1}),
        ("curly", set()),  # edited
        ("again", {3}),
        ("edited", {8}),
        ("数学", {4}),
        ("1,000", {0}),
        ("don’t", {0}),
        ('"one one two"', {11}),
    ],
)
def test_words_phrases_prefixes_and_what_is_not_wanted(
    filled: Workspace, frame: Frame, said: str, texts: set[int]
) -> None:
    some = {f"{('r1', 'r2')[idx % 2]}-{idx:08d}" for idx in range(len(ODD))}
    keys = {f"{('r1', 'r2')[idx % 2]}-{idx:08d}" for idx in texts}
    assert found(filled, frame, Filter(words=said)) & some == keys


@pytest.mark.parametrize("pattern", [r"\d+", "(?i)PRIME", r"^What .*\?$", r"\bx\b", "[²½]", "z{3}", r"\$"])
def test_a_regular_expression_finds_what_sql_finds(filled: Workspace, frame: Frame, pattern: str) -> None:
    asked = Filter.from_json({"regex": pattern})
    assert found(filled, frame, asked) == by_sql(filled, asked)


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"words": "$ + -"}, "filter.words"),
        ({"words": '""'}, "filter.words"),
        ({"words": " ".join(str(n) for n in range(100))}, "filter.words"),
        ({"words": "x" * 5000}, "filter.words"),
        ({"words": 3}, "filter.words"),
        ({"regex": "(ab"}, "filter.regex"),
        ({"regex": "(?=a)"}, "filter.regex"),
        ({"regex": "((a{100}){100}){100}"}, "filter.regex"),
        ({"regex": "a" * 2000}, "filter.regex"),
        ({"regex": "\ud800"}, "filter.regex"),
    ],
)
def test_what_cannot_be_searched_is_one_sentence(asked: dict[str, object], field: str) -> None:
    with pytest.raises(InputError) as caught:
        Filter.from_json(asked)
    assert field in str(caught.value)
    assert "\n" not in str(caught.value)
    json.dumps(str(caught.value))


def test_the_best_match_comes_first(filled: Workspace, frame: Frame) -> None:
    best = search.of(filled).best(filled, frame, "prime")
    assert best is not None
    chosen = query.select(filled, frame, Filter(words="prime"))
    assert sorted(best.tolist()) == np.flatnonzero(chosen.rows).tolist()
    shown = query.page(filled, chosen, best=best)
    keys = [row.question_id for row in shown.rows]
    # a short text that has the word twice; what was edited is not in the index as it is now: it comes last
    assert keys[0] == "r2-00000009"
    assert keys[-1] == "r2-00000003"
    place = query.place(chosen, keys[1], best=best)
    assert (place.number, place.before, place.after) == (1, keys[0], keys[2] if len(keys) > 2 else None)
    elsewhere = next(frame.key(at) for at in range(frame.size) if at not in best)
    assert query.place(chosen, elsewhere, best=best).number is None
    assert search.of(filled).best(filled, frame, "-prime") is None


def test_many_hits_are_not_ranked(filled: Workspace, frame: Frame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "RANKED", 1)
    assert search.of(filled).best(filled, frame, "number") is None


def questions(workspace: Workspace, run: str, start: int, count: int, word: str = "prime") -> None:
    workspace.writer.put([rows.question(idx, run, f"{word} {idx}") for idx in range(start, start + count)])
    workspace.writer.flush()


def test_what_is_not_indexed_yet_is_found_too(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        workspace.create_run(rows.run("r1"))
        questions(workspace, "r1", 0, 40)
        first = Frames().of(workspace)
        # asked at once, whatever the thread has done by then
        assert len(found(workspace, first, Filter(words="prime"))) == 40
        assert search.of(workspace).wait(workspace, first).indexed == 40
        questions(workspace, "r1", 60, 10)
        questions(workspace, "r1", 40, 10)
        workspace.create_run(rows.run("r2"))
        questions(workspace, "r2", 0, 5)
        second = Frames().of(workspace)
        assert len(found(workspace, second, Filter(words="prime"))) == 65
        assert found(workspace, second, Filter(words="prime 45")) == {"r1-00000045"}
        assert search.of(workspace).wait(workspace, second).indexed == 65
        assert found(workspace, second, Filter(words="prime 65")) == {"r1-00000065"}
        workspace.update_run("r1", status="done")
        workspace.delete_run("r1")
        third = Frames().of(workspace)
        assert found(workspace, third, Filter(words="prime")) == {f"r2-{idx:08d}" for idx in range(5)}
        search.of(workspace).wait(workspace, third)  # most of it was of the deleted run: rebuilt
        assert found(workspace, Frames().of(workspace), Filter(words="prime 3")) == {"r2-00000003"}


def test_a_newer_frame_goes_on_with_what_was_searched(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        workspace.create_run(rows.run("r1"))
        questions(workspace, "r1", 0, 50)
        asked = Filter(regex="^prime")
        workspace.writer.put(
            [rows.decide("e1", 3, "edit", query="an odd text"), rows.decide("e2", 4, "edit", query="x")]
        )
        workspace.writer.flush()
        assert len(found(workspace, Frames().of(workspace), asked)) == 48
        questions(workspace, "r1", 50, 20)
        workspace.writer.put([rows.decide("e3", 3, "undo", event_id="e1"), rows.decide("e4", 5, "edit", query="y")])
        workspace.writer.flush()
        newer = Frames().of(workspace)
        assert len(found(workspace, newer, asked)) == 68  # what was edited meanwhile or deleted is read again
        assert found(workspace, newer, asked) == by_sql(workspace, asked)


def documents(folder: Path) -> int:
    connection = sqlite3.connect(folder / FILE)
    try:
        return int(connection.execute("SELECT count(*) FROM words_docsize").fetchone()[0])
    finally:
        connection.close()


def opened(folder: Path, word: str, count: int) -> None:
    """The workspace as another app would find it: its index is whole and finds so many."""
    with Workspace.open(folder) as workspace:
        frame = Frames().of(workspace)
        state = search.of(workspace).wait(workspace, frame)
        assert (state.indexed, state.problem) == (frame.size, None)
        assert len(found(workspace, frame, Filter(words=word))) == count
    gc.collect()


@pytest.mark.parametrize("harm", ["missing", "no database", "cut", "other version", "zeros", "other rows"])
def test_an_index_that_is_no_use_is_made_anew(tmp_path: Path, harm: str) -> None:
    folder = tmp_path / "w"
    with Workspace.open(folder) as workspace:
        workspace.create_run(rows.run("r1"))
        questions(workspace, "r1", 0, 500)
    opened(folder, "prime", 500)
    file = folder / FILE
    assert documents(folder) == 500
    content = file.read_bytes()
    if harm == "missing":
        file.unlink()
    elif harm == "no database":
        file.write_text("hello" * 1000)
    elif harm == "cut":
        file.write_bytes(content[: len(content) // 2])
    elif harm == "zeros":
        file.write_bytes(content[:8192] + bytes(len(content) - 8192))
    elif harm == "other version":
        connection = sqlite3.connect(file)
        connection.execute("PRAGMA user_version = 99")
        connection.close()
    else:
        (folder / "explorer.duckdb").unlink()
        with Workspace.open(folder) as workspace:
            workspace.create_run(rows.run("r1"))
            questions(workspace, "r1", 0, 500, "composite")
        opened(folder, "prime", 0)
        opened(folder, "composite", 500)
        return
    opened(folder, "prime", 500)
    assert documents(folder) == 500


def test_damage_that_shows_only_when_asked_is_mended(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    with Workspace.open(folder) as workspace:
        workspace.create_run(rows.run("r1"))
        questions(workspace, "r1", 0, 500)
        frame = Frames().of(workspace)
        search.of(workspace).wait(workspace, frame)
        connection = sqlite3.connect(folder / FILE)
        connection.execute("DELETE FROM words_data WHERE id > 10")
        connection.commit()
        connection.close()
        assert len(found(workspace, frame, Filter(words="prime"))) == 500
        assert len(found(workspace, Frames().of(workspace), Filter(words="prime"))) == 500
        again = Frames().of(workspace)
        search.of(workspace).wait(workspace, again)
        assert len(found(workspace, again, Filter(words="prime"))) == 500


def test_a_workspace_where_no_index_can_be_kept_is_searched_all_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    with Workspace.open(folder) as workspace:
        workspace.create_run(rows.run("r1"))
        questions(workspace, "r1", 0, 20)
        (folder / FILE).mkdir()
        (folder / FILE / "in the way").touch()
        frame = Frames().of(workspace)
        state = search.of(workspace).wait(workspace, frame)
        assert state.indexed == 0
        assert state.problem is not None
        assert "search index cannot be written" in state.problem
        assert len(found(workspace, frame, Filter(words="prime"))) == 20


def test_a_scan_that_was_stopped_says_so_and_goes_on(
    filled: Workspace, frame: Frame, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Filter(regex="[aeiou].")
    monkeypatch.setattr(scan, "SECONDS", 0.0)
    monkeypatch.setattr(scan, "_BATCH", 100)
    some = found(filled, frame, asked)
    (partial,) = search.of(filled).partial(frame, asked)
    assert (partial.name, partial.total) == ("regex", frame.size)
    assert partial.searched < frame.size
    query.select(filled, frame, asked, more=False)
    assert search.of(filled).partial(frame, asked)[0].searched == partial.searched
    monkeypatch.setattr(scan, "SECONDS", 60.0)
    whole = found(filled, frame, asked)
    assert some <= whole == by_sql(filled, asked)
    assert search.of(filled).partial(frame, asked) == []


def test_where_the_index_takes_too_long_texts_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        workspace.create_run(rows.run("r1"))
        questions(workspace, "r1", 0, 2_000)
        frame = Frames().of(workspace)
        search.of(workspace).wait(workspace, frame)
        monkeypatch.setattr(index, "SECONDS", -1.0)
        monkeypatch.setattr(index, "_STEPS", 10)
        assert len(found(workspace, frame, Filter(words="pri*"))) == 2_000
        monkeypatch.undo()
        assert len(found(workspace, frame, Filter(words="prime 7"))) == 1
        assert search.of(workspace).state(frame).indexed == 2_000


def test_the_demo_is_indexed_in_memory() -> None:
    demo = Demo(ASSETS / "demo")
    frame = Frames().of(demo)
    state = search.of(demo).wait(demo, frame)
    assert (state.indexed, state.problem) == (frame.size, None)
    asked = Filter(words="how many")
    assert found(demo, frame, asked) == by_sql(demo, asked) != set()


def test_highlights_are_what_was_found() -> None:
    assert search_syntax.matches(r"\d+|x", ["x1 x22", "none"]) == [["x", "1", "x", "22"], []]


def test_solutions_and_reasoning_are_searched_in_parts_as_sql_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "_BATCH", 7)
    with Workspace.open(tmp_path / "w") as workspace:
        workspace.create_run(rows.run())
        for idx in range(40):
            texts = (
                ("So 6.", "Wait, let me SEE." if idx % 5 == 0 else "Then 7."),
                (None, "Hm, ½ of 12?" if idx % 3 == 0 else ""),
            )
            solved = [
                Solution(
                    f"r1-{idx:08d}-{k}", f"r1-{idx:08d}", k, text, "6", "s", k, 9, 0.1, "stop", reasoning=reasoning
                )
                for k, (text, reasoning) in enumerate(zip(*texts, strict=True))
            ]
            workspace.writer.put([rows.question(idx), *rows.verdicts(idx), *solved])
        workspace.writer.flush()
        frame = Frames().of(workspace, now=True)
        for said in ("wait, let", "½ OF", "so 6", "nowhere", "%"):
            found = query.select(workspace, frame, Filter(solution_text=said)).rows
            condition, values = Filter(solution_text=said).to_sql()
            with workspace.cursor() as cursor:
                told = cursor.execute(f"SELECT question_id FROM items WHERE {condition}", values).fetchall()
            assert {frame.key(int(at)) for at in np.flatnonzero(found)} == {key for (key,) in told}
        monkeypatch.setattr(scan, "SECONDS", 0.0)
        late = Filter(solution_text="then 7")
        query.select(workspace, frame, late)
        (part,) = search.of(workspace).partial(frame, late)
        assert (part.name, part.searched, part.total) == ("solution_text", 0, 40)
        monkeypatch.undo()
        assert np.count_nonzero(query.select(workspace, frame, late).rows) == 32
