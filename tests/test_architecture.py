"""Which part may know which: read off the imports, wherever in a file they stand."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ("store", "engine", "ui", "app")
"""Each may import itself and those before it."""
LONGEST = 500
"""Lines of the longest file that we accept; the aim is below 300."""


def modules(*parts: str) -> list[Path]:
    return sorted(path for part in parts for path in (ROOT / part).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """The absolute names of all modules that a file imports; ``from a import b`` counts as ``a`` and ``a.b``."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            base = ".".join(part for part in (above, node.module) if part)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def top(name: str) -> str:
    return name.split(".")[0]


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_imports_only_those_below_it(layer: str) -> None:
    files = [ROOT / "app.py"] if layer == "app" else modules(layer)
    above = {*LAYERS[LAYERS.index(layer) + 1 :], "benchmarks", "tests"}
    offences = [
        f"{path.relative_to(ROOT)} imports {name}" for path in files for name in imported(path) if top(name) in above
    ]
    assert not offences


def test_stages_import_neither_the_pipeline_nor_each_other() -> None:
    forbidden = ("engine.pipeline.pipeline", "engine.pipeline.run", "engine.stages.")
    offences = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules("engine/stages")
        for name in imported(path)
        if f"{name}.".startswith(tuple(f"{prefix.rstrip('.')}." for prefix in forbidden))
    ]
    assert not offences


def test_only_the_store_knows_the_database() -> None:
    offences = [
        str(path.relative_to(ROOT))
        for path in [*modules("engine", "ui"), ROOT / "app.py"]
        if "duckdb" in set(imported(path))
    ]
    assert not offences


def test_only_the_page_knows_gradio() -> None:
    offences = [
        str(path.relative_to(ROOT))
        for path in modules("store", "engine")
        if "gradio" in {top(n) for n in imported(path)}
    ]
    assert not offences


def test_no_file_is_longer_than_a_reader_can_hold() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in [*modules(*LAYERS[:-1], "benchmarks", "tests"), ROOT / "app.py"]
    }
    for name, lines in sorted(lengths.items(), key=lambda item: -item[1]):
        if lines > 300:
            print(f"{lines:4d} lines: {name}")
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}
