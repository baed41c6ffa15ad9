"""A scorer states what it knows; texts beyond that get no score."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.models.domain import FILE, WordDomain
from store.errors import InputError


def write(folder: Path, **stated: object) -> Path:
    (folder / FILE).write_text(json.dumps(stated))
    return folder


def test_texts_of_unknown_words_or_too_long_are_outside(tmp_path: Path) -> None:
    words = ["ada", "has", "apples", "how", "many", "user"]
    domain = WordDomain.load(write(tmp_path, words=words, max_unknown_share=0.2, max_characters=80))
    assert domain is not None
    assert domain("<|im_start|>user\nAda has 12 apples. How many?<|im_end|>")
    assert domain("Ada has 12 pears. How many?")  # one word of five
    assert not domain("Let p be a prime. How many?")
    assert not domain("Ada has apples. " * 10)
    assert not domain("12 + 5")


def test_a_folder_without_the_file_knows_no_bounds(tmp_path: Path) -> None:
    assert WordDomain.load(tmp_path) is None
    assert WordDomain.load(None) is None


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"domain\.json"):
        WordDomain.load(write(tmp_path, words=["a"]))
