"""``python -m benchmarks NAME [--json]``: measure, print each figure beside its goal."""

from __future__ import annotations

import argparse
import json
import sys
from importlib import import_module
from typing import Any

from store.errors import ScaleQuestError

BENCHMARKS = (
    "adaptive",
    "answers",
    "duplicates",
    "embedders",
    "engines",
    "explore",
    "gpu",
    "imports",
    "page",
    "pipeline",
    "smol",
    "student",
)
"""Modules of this package: each has ``measure`` and ``GOALS``, what each figure is and its goal where it has one."""
SIZED = ("duplicates", "explore")
"""Those whose ``measure`` takes the number of questions."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=BENCHMARKS)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    said = "questions, of explore (default 1,000,000) and duplicates (default 2,000,000)"
    parser.add_argument("--rows", type=int, help=said)
    profile = "gpu: profile whose real models are checked (paper)"
    parser.add_argument("--profile", default="paper", metavar="NAME|FILE", help=profile)
    tiny = "gpu: tiny random models in place of the real ones, as without a GPU"
    parser.add_argument("--tiny", action="store_true", help=tiny)
    options = parser.parse_args()
    if options.name == "gpu":
        return _gpu(options)
    module = import_module(f"benchmarks.{options.name}")  # only this one: the page's needs a browser, the engines' vLLM
    try:
        figures = module.measure(*[options.rows] if options.rows and options.name in SIZED else [])
    except ScaleQuestError as error:
        print(error, file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps(figures))
    else:
        for key, value in figures.items():
            print(f"{key:24} {_said(value):>18}   {module.GOALS.get(key, '')}".rstrip())
    return 0


def _said(value: Any) -> str:
    """A figure, its median and 95th percentile, or an interval."""
    if isinstance(value, dict):
        return f"{value['p50']:.1f} / {value['p95']:.1f}"
    if value is None:
        return "unknown"
    return " to ".join(f"{end:.4f}" for end in value) if isinstance(value, list) else f"{value:.4f}"


def _gpu(options: argparse.Namespace) -> int:
    """0 where no check failed, else 1."""
    from benchmarks import gpu

    try:
        rows, about = gpu.check(options.profile, options.tiny)
    except ScaleQuestError as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(gpu.as_json(rows, about)) if options.json else gpu.report(rows, about))
    return int(any(row.outcome == "fail" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
