"""Which part may import which, read off the imports, wherever in a file they are.

``ARROWS`` declares the parts (sub-packages, and the files at the top of a package) with what each may import. A new
arrow fails here until it is declared; a cycle fails whatever is declared.
"""

from __future__ import annotations

import ast
import functools
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("store", "engine", "ui")
"""Lowest first: each may import itself and those before it."""
TOP_FILES = 12
"""Files at the top of a package at most: what is more has a sub-package that it belongs to."""
LONGEST = 500
"""Lines of the longest file that we accept; the aim is below 300."""

STORE_BASE = "store.errors store.records store.times store.names store.json_file store.statistics"
STORE = f"{STORE_BASE} store.database store.filters store.frame store.search store.map store.explore store.review"
STORE_ALL = f"{STORE} store.export store.transfer store.console"
ENGINE_BASE = "engine.paths engine.seeds"
ENGINE_JOBS = "engine.checks engine.imports engine.exports engine.embedding engine.pipeline engine.training"
ENGINE_ALL = (
    f"{ENGINE_BASE} engine.config engine.text engine.data engine.models engine.stages engine.jobs {ENGINE_JOBS} \
    engine.compare engine.doctor engine.job_requests engine.job_registry"
)
UI_BASE = "ui.web ui.components"

ARROWS = {
    "store.times": "",
    "store.errors": "",
    "store.statistics": "",
    "store.records": "store.times",
    "store.names": "store.errors",
    "store.database": STORE_BASE.replace("store.json_file", ""),
    "store.json_file": "store.errors store.database",
    "store.filters": f"{STORE_BASE} store.database",
    "store.frame": f"{STORE_BASE} store.database store.filters",
    "store.search": f"{STORE_BASE} store.database store.filters store.frame",
    "store.map": f"{STORE_BASE} store.database store.filters store.frame",
    "store.explore": f"{STORE_BASE} store.database store.filters store.frame store.search store.map",
    "store.review": f"{STORE_BASE} store.database store.filters store.frame store.explore",
    "store.export": f"{STORE_BASE} store.database store.filters store.map",
    "store.transfer": f"{STORE_BASE} store.database",
    "store.console": f"{STORE_BASE} store.database",
    "engine.paths": "",
    "engine.seeds": "",
    "engine.jobs": "store.errors store.database store.records",
    "engine.config": f"{ENGINE_BASE} store.errors",
    "engine.text": f"{ENGINE_BASE} store.errors",
    "engine.duplicates": "engine.paths",
    "engine.data": "store.errors store.database store.export engine.config",
    "engine.models": f"{ENGINE_BASE} store.errors engine.config engine.text",
    "engine.stages": f"{ENGINE_BASE} {STORE_BASE} engine.config engine.text engine.data engine.duplicates \
        engine.models",
    "engine.pipeline": f"{ENGINE_BASE} {STORE_BASE} store.database \
        engine.config engine.text engine.data engine.duplicates engine.models engine.stages engine.jobs",
    "engine.checks": f"{ENGINE_BASE} {STORE_BASE} store.database engine.config engine.duplicates engine.text \
        engine.data engine.models engine.embedding engine.stages engine.jobs",
    "engine.embedding": f"{STORE_BASE} store.database store.filters store.map engine.config engine.text engine.jobs",
    "engine.exports": f"{STORE_BASE} store.database store.filters store.map store.export \
        engine.paths engine.config engine.text engine.jobs",
    "engine.imports": f"{STORE_BASE} store.database store.transfer \
        engine.config engine.text engine.data engine.stages engine.jobs",
    "engine.training": f"{ENGINE_BASE} {STORE} engine.config engine.text engine.data engine.models engine.stages \
        engine.jobs engine.imports",
    "engine.compare": f"{STORE_BASE} store.database engine.config engine.pipeline engine.training",
    "engine.doctor": "store.errors engine.config engine.models",
    "engine.job_requests": f"{STORE_BASE} store.database store.transfer engine.config engine.data engine.models \
        engine.jobs {ENGINE_JOBS}",
    "engine.job_registry": f"{STORE_BASE} store.database engine.models engine.jobs engine.job_requests",
    "ui.web": f"{STORE} {ENGINE_BASE} engine.config",
    "ui.components": f"{STORE} {ENGINE_BASE} engine.config engine.jobs engine.pipeline ui.web",
    "ui.tabs.home": f"{STORE} {ENGINE_ALL} {UI_BASE}",
    "ui.tabs.compare": f"{STORE} {ENGINE_ALL} {UI_BASE} ui.tabs.runs",
    "ui.tabs.help": f"{ENGINE_BASE} ui.web",
    "ui.tabs.sample": f"{STORE} {ENGINE_ALL} {UI_BASE}",
    "ui.tabs.runs": f"{STORE} {ENGINE_ALL} {UI_BASE}",
    "ui.tabs.explore": f"{STORE_ALL} {ENGINE_ALL} {UI_BASE}",
    "ui.tabs.row": f"{STORE} {ENGINE_ALL} {UI_BASE} ui.tabs.explore",
    "ui.tabs.curate": f"{STORE} {ENGINE_ALL} {UI_BASE} ui.tabs.explore",
    "ui.tabs.export": f"{STORE_ALL} {ENGINE_ALL} {UI_BASE} ui.tabs.explore",
    "ui.tabs.train": f"{STORE} {ENGINE_ALL} {UI_BASE}",
    "ui.api": f"{STORE} {ENGINE_ALL} ui.web",
    "ui.shell": f"{STORE} {ENGINE_ALL} {UI_BASE}",
    "ui.page": f"{STORE} {ENGINE_ALL} {UI_BASE} ui.shell ui.tabs.home ui.tabs.compare ui.tabs.help ui.tabs.sample \
        ui.tabs.runs ui.tabs.explore ui.tabs.row ui.tabs.curate ui.tabs.export ui.tabs.train",
    "ui.server": f"{STORE} {ENGINE_ALL} {UI_BASE} ui.api ui.page",
    "ui.cli": f"{STORE_ALL} {ENGINE_ALL} ui.server",
}


def modules(*parts: str) -> list[Path]:
    return sorted(path for part in parts for path in (ROOT / part).rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
def imported(path: Path) -> frozenset[str]:
    """The absolute names of all modules that a file imports; ``from a import b`` counts as ``a`` and ``a.b``."""
    package = path.relative_to(ROOT).parent.parts
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            base = ".".join(part for part in (above, node.module) if part)
            found.update((base, *(f"{base}.{alias.name}" for alias in node.names)))
    return frozenset(found)


def top(name: str) -> str:
    return name.split(".")[0]


def part_of(module: str) -> str | None:
    """The part that a module belongs to: the longest declared prefix of its name; None outside the packages."""
    names = module.split(".")
    return next((part for k in range(len(names), 1, -1) if (part := ".".join(names[:k])) in ARROWS), None)


@functools.cache
def arrows() -> dict[str, dict[str, str]]:
    """What each part imports in fact, with the file that does."""
    found: dict[str, dict[str, str]] = {part: {} for part in ARROWS}
    for path in modules(*PACKAGES):
        part = part_of(name_of(path))
        if part is None:
            continue
        for module in imported(path):
            other = part_of(module)
            if other is not None and other != part:
                found[part][other] = str(path.relative_to(ROOT))
    return found


def test_every_module_belongs_to_a_declared_part() -> None:
    inits = {*PACKAGES, "ui.tabs"}
    assert not [
        str(path) for path in modules(*PACKAGES) if part_of(name_of(path)) is None and name_of(path) not in inits
    ]


@pytest.mark.parametrize("package", [*PACKAGES, "app"])
def test_a_package_imports_only_those_below_it(package: str) -> None:
    order = (*PACKAGES, "app")
    files = [ROOT / "app.py"] if package == "app" else modules(package)
    above = {*order[order.index(package) + 1 :], "benchmarks", "tests"}
    offences = [
        f"{path.relative_to(ROOT)} imports {name}" for path in files for name in imported(path) if top(name) in above
    ]
    assert not offences


@pytest.mark.parametrize("part", ARROWS)
def test_a_part_imports_only_what_is_declared(part: str) -> None:
    declared = {*ARROWS[part].split()}
    assert declared <= {*ARROWS}, "a declared part does not exist"
    assert not [f"{file} imports {other}" for other, file in arrows()[part].items() if other not in declared]


def test_no_arrows_form_a_cycle() -> None:
    TopologicalSorter({part: {*others.split()} - {part} for part, others in ARROWS.items()}).prepare()
    TopologicalSorter(arrows()).prepare()


@pytest.mark.parametrize("package", PACKAGES)
def test_no_package_has_more_files_at_its_top_than_can_be_read_at_a_glance(package: str) -> None:
    assert len([*(ROOT / package).glob("*.py")]) <= TOP_FILES


def test_tests_mirror_the_tree() -> None:
    """Every folder of tests below a package's name is a folder or a file of that package."""
    for package in PACKAGES:
        for folder in (path for path in (ROOT / "tests" / package).rglob("*") if path.is_dir()):
            if folder.name == "__pycache__" or not any(folder.glob("test_*.py")):
                continue
            mirrored = ROOT / folder.relative_to(ROOT / "tests")
            assert mirrored.is_dir(), f"{folder.relative_to(ROOT)} has tests of no folder"


def test_stages_import_neither_the_pipeline_nor_each_other() -> None:
    offences = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules("engine/stages")
        for name in imported(path)
        if name.startswith(("engine.pipeline", "engine.stages."))
    ]
    assert not offences


def test_only_the_store_knows_the_database() -> None:
    offences = [
        str(path.relative_to(ROOT))
        for path in [*modules("engine", "ui"), ROOT / "app.py"]
        if "duckdb" in imported(path)
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
        for path in [*modules(*PACKAGES, "benchmarks", "tests"), ROOT / "app.py"]
    }
    for name, lines in sorted(lengths.items(), key=lambda item: -item[1]):
        if lines > 300:
            print(f"{lines:4d} lines: {name}")
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}
