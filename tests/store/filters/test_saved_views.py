"""Saved views: what was kept comes back, bad names are refused in a sentence, and no crash or bad file loses any."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.errors import InputError, StoreError
from store.filters import saved_views
from store.filters.filter import Filter

HARD = Filter(difficulty=(0.5, None), topic=("Algebra", None), text="\ud800 lone")


def test_views_come_back_in_the_order_in_which_they_were_saved(tmp_path: Path) -> None:
    assert saved_views.views(tmp_path) == {}
    for name in ("zebra", "Äpfel", "hard ½ 😀"):
        assert saved_views.save(tmp_path, f"  {name} ", HARD) == name
    assert list(saved_views.views(tmp_path)) == ["zebra", "Äpfel", "hard ½ 😀"]
    assert saved_views.views(tmp_path)["zebra"] == HARD
    assert saved_views.rename(tmp_path, "Äpfel", "äpfel") == "äpfel"  # its own name in another case
    assert saved_views.delete(tmp_path, "zebra") == HARD
    assert list(saved_views.views(tmp_path)) == ["äpfel", "hard ½ 😀"]
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "is empty"),
        (" \t\n\u00a0", "is empty"),
        ("x" * 81, "has 81 characters"),
        ("a" * 1_000_000, "has 1,000,000 characters"),
        ("a\u202eb", "has invisible characters"),
        ("a\u200bb", "has invisible characters"),
        ("a\x00b", "has invisible characters"),
        ("\ud800", "has invisible characters"),
        ("mine", "is taken by the view 'Mine'"),
        ("\uff2dine", "is taken by the view 'Mine'"),
    ],
)
def test_a_name_that_cannot_be_had_is_a_sentence(tmp_path: Path, name: str, problem: str) -> None:
    saved_views.save(tmp_path, "Mine", HARD)
    saved_views.save(tmp_path, "other", HARD)
    for change in (
        lambda: saved_views.save(tmp_path, name, Filter()),
        lambda: saved_views.rename(tmp_path, "other", name),
    ):
        with pytest.raises(InputError, match="view") as refused:
            change()
        assert problem in str(refused.value)
        assert len(str(refused.value)) < 300
        str(refused.value).encode()
    assert list(saved_views.views(tmp_path)) == ["Mine", "other"]


@given(st.text())
def test_any_text_is_kept_or_refused_and_harms_no_other_view(
    tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    folder = tmp_path_factory.mktemp("views")
    saved_views.save(folder, "mine", HARD)
    try:
        kept = saved_views.save(folder, name, Filter())
    except InputError:
        assert list(saved_views.views(folder)) == ["mine"]
    else:
        assert saved_views.views(folder) == {"mine": HARD, kept: Filter()}
    assert {file.name for file in folder.iterdir()} == {saved_views.FILE}


def test_names_like_paths_are_names(tmp_path: Path) -> None:
    for name in ("../../etc/passwd", "a/b", "CON", "__proto__", "<b>x</b>", "'; DROP TABLE runs; --"):
        saved_views.save(tmp_path, name, HARD)
    assert len(saved_views.views(tmp_path)) == 6
    assert [file.name for file in tmp_path.iterdir()] == [saved_views.FILE]


def test_an_unknown_view_and_one_too_many_are_sentences(tmp_path: Path) -> None:
    for change in (lambda: saved_views.delete(tmp_path, "gone"), lambda: saved_views.rename(tmp_path, "gone", "new")):
        with pytest.raises(InputError, match="view 'gone' does not exist"):
            change()
    names = [f"view {k}" for k in range(saved_views.MOST)]
    (tmp_path / saved_views.FILE).write_text(json.dumps({name: {} for name in names}))
    with pytest.raises(InputError, match="would exceed the limit of 200 views"):
        saved_views.save(tmp_path, "another", HARD)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '"x"', '{"a": 1}', '{"a": {"difficulty": [1, 0]}}', '{"a": {"new": 1}}', "[" * 100_000, "\x00"],
)
def test_a_file_that_holds_no_views_is_a_sentence_and_is_left_as_it_is(tmp_path: Path, text: str) -> None:
    (tmp_path / saved_views.FILE).write_text(text)
    for do in (lambda: saved_views.views(tmp_path), lambda: saved_views.save(tmp_path, "a view", HARD)):
        with pytest.raises(StoreError, match=r"views.json' does not hold views .*; correct it, or move it away\.$"):
            do()
    assert (tmp_path / saved_views.FILE).read_text() == text


def test_a_folder_that_cannot_be_written_to_keeps_what_it_has(tmp_path: Path) -> None:
    saved_views.save(tmp_path, "mine", HARD)
    (tmp_path / f"{saved_views.FILE}.part").mkdir()  # where not even root can write a file
    with pytest.raises(StoreError, match="what was stored before is safe"):
        saved_views.save(tmp_path, "another", HARD)
    assert list(saved_views.views(tmp_path)) == ["mine"]


def test_views_saved_at_once_are_all_kept(tmp_path: Path) -> None:
    threads = [threading.Thread(target=saved_views.save, args=(tmp_path, f"view {k}", HARD)) for k in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(saved_views.views(tmp_path)) == 20
