"""``python -m benchmarks NAME [--json]``: measure, print each figure beside its goal."""

from __future__ import annotations

import argparse
import json
import sys
from importlib import import_module

from store.errors import ScaleQuestError

BENCHMARKS = ("engines", "gpu", "page", "pipeline")
"""Modules of this package: each has ``measure`` and ``GOALS``, what each figure is and its goal where it has one."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=BENCHMARKS)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    options = parser.parse_args()
    module = import_module(f"benchmarks.{options.name}")  # only this one: the page's needs a browser, the engines' vLLM
    try:
        figures: dict[str, float] = module.measure()
    except ScaleQuestError as error:
        print(error, file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps(figures))
    else:
        for key, value in figures.items():
            print(f"{key:24} {value:10.4f}   {module.GOALS.get(key, '')}".rstrip())
    return 0


if __name__ == "__main__":
    sys.exit(main())
