"""What README, CONTRIBUTING and the manual say: their links lead somewhere, their files, commands and flags exist."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

import app
from engine.config import real_runs
from tests.docs.manual import DOCUMENTS, ROOT, blocks, code, links

_FOREIGN_FLAGS = {
    "--extra-index-url", "--repo-type", "--strict", "--rows", "--json", "--tokenizer", "--tiny",
}  # fmt: skip
"""Flags of pip, hf, mypy, vLLM and the benchmarks."""
named = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from parsers(below)


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 180


@pytest.mark.parametrize("path", ["README.md", "assets/manual/models-and-profiles.md"])
def test_readme_and_manual_say_which_profiles_have_run_with_their_real_models(path: str) -> None:
    text = " ".join((ROOT / path).read_text(encoding="utf-8").split())
    assert real_runs.summary() in text


@named
def test_every_relative_link_and_image_leads_to_a_file(document: Path) -> None:
    targets = links(document)
    assert [target for target in targets if not (document.parent / target).is_file()] == []
    if document.parent.name == "manual":  # the page shows these files, and nothing else of the repository
        assert all(re.fullmatch(r"[\w-]+\.md|\.\./screens/[\w-]+\.jpg", target) for target in targets)


@named
def test_every_flag_exists(document: Path) -> None:
    known = {flag for parser in parsers(app.parser()) for flag in parser._option_string_actions}
    said = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", document.read_text(encoding="utf-8")))
    assert said - known - _FOREIGN_FLAGS == set()


@named
def test_every_file_of_the_repository_that_is_mentioned_exists(document: Path) -> None:
    spans = [span for span in code(document) if re.fullmatch(r"[\w./-]+", span)]
    parts = ("store/", "engine/", "ui/", "tests/", "benchmarks/", "assets/")
    assert [span for span in spans if span.startswith(parts) and not (ROOT / span).exists()] == []


@named
def test_every_command_in_a_sentence_begins_as_one_that_exists(document: Path) -> None:
    verbs = {tuple(parser.prog.split()[1:]) for parser in parsers(app.parser())}
    for span in code(document):
        if span.startswith("scalequest "):
            words = [word for word in shlex.split(span)[1:] if re.fullmatch(r"[a-z][a-z-]*", word)]
            assert tuple(words[:2]) in verbs or tuple(words[:1]) in verbs, span


def test_the_manual_names_every_command() -> None:
    text = (ROOT / "assets" / "manual" / "command-line.md").read_text(encoding="utf-8")
    top = next(parsers(app.parser()))
    actions = [action for action in top._actions if isinstance(action, argparse._SubParsersAction)]
    assert [verb for verb in actions[0].choices if f"`scalequest {verb}" not in text and f"`{verb}`" not in text] == []


@named
def test_blocks_of_commands_are_marked_as_the_tests_know_them(document: Path) -> None:
    assert {block.language for block in blocks(document)} <= {"sh", "toml", "sql", "python"}
    assert {block.mark for block in blocks(document) if block.language == "sh"} <= {"", "hub", "gpu", "network", "long"}
