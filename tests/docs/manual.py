"""Reads README, CONTRIBUTING and the manual: their commands, links, and the flags and files that they mention."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "assets" / "manual").glob("*.md"))]
MARKS = ("hub", "gpu", "network", "long")
"""Info words after ``sh`` of what no test can run: such commands are only parsed."""
_FENCE = re.compile(r"^```(\w*) ?([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, the mark after it, and its text."""

    language: str
    mark: str
    text: str

    @property
    def commands(self) -> Iterator[list[str]]:
        """The words of each command; a backslash at the end of a line continues it."""
        for line in self.text.replace("\\\n", " ").splitlines():
            if words := shlex.split(line, comments=True):
                yield words

    @property
    def file(self) -> str | None:
        """The name in a first line ``# NAME.toml``: readers save the block under it."""
        found = re.match(r"# (\S+\.toml)\n", self.text)
        return found.group(1) if found else None


def blocks(document: Path) -> list[Block]:
    return [Block(*found) for found in _FENCE.findall(document.read_text(encoding="utf-8"))]


def prose(document: Path) -> str:
    """The text without its fenced blocks."""
    return _FENCE.sub("", document.read_text(encoding="utf-8"))


def links(document: Path) -> list[str]:
    """The targets of links and images that are files of the repository."""
    found = re.findall(r"\]\(([^)\s]+)\)", prose(document))
    return [target for target in found if not target.startswith(("http://", "https://", "#"))]


def code(document: Path) -> list[str]:
    """The spans of code in the prose."""
    return re.findall(r"`([^`\n]+)`", prose(document))
