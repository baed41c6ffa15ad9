"""``python -m benchmarks NAME [--json]``: measure, print each figure beside its goal."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable

from benchmarks import page, pipeline
from store.errors import ScaleQuestError

BENCHMARKS: dict[str, tuple[Callable[[], dict[str, float]], dict[str, str]]] = {
    "page": (page.measure, page.GOALS),
    "pipeline": (pipeline.measure, pipeline.GOALS),
}
"""Name -> what measures it, and the goal of each figure that has one."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=sorted(BENCHMARKS))
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    options = parser.parse_args()
    measure, goals = BENCHMARKS[options.name]
    try:
        figures = measure()
    except ScaleQuestError as error:
        print(error, file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps(figures))
    else:
        for key, value in figures.items():
            print(f"{key:24} {value:10.4f}   {goals.get(key, '')}".rstrip())
    return 0


if __name__ == "__main__":
    sys.exit(main())
