"""Run the tests in parallel, and run what failed once more, alone.

``python -m tests [pytest's options]``. A test that fails among others and passes alone is reported by name and does
not fail the run: it shows a fault of the test or of the product that is worth a look. A test that fails twice fails
the run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LAST_FAILED = ROOT / ".pytest_cache" / "v" / "cache" / "lastfailed"
WORKERS = os.environ.get("TEST_WORKERS") or str(min(os.cpu_count() or 1, 4))
MANY = 20
"""With more failures than this, something is broken: nothing is run again."""


def pytest(*options: str) -> int:
    return subprocess.run([sys.executable, "-m", "pytest", *options], cwd=ROOT, check=False).returncode


def failed() -> list[str]:
    return sorted(json.loads(LAST_FAILED.read_text(encoding="utf-8"))) if LAST_FAILED.exists() else []


def main(options: list[str]) -> int:
    LAST_FAILED.unlink(missing_ok=True)
    # One file is one worker's, so that its tests share what they built; conftest puts the slowest files first.
    code = pytest("-n", WORKERS, "--dist", "loadfile", "--no-loadscope-reorder", *options)
    once = failed()
    if code != 1 or not once or len(once) > MANY:
        return code
    print(f"\n{len(once)} failed; running them again, alone:", flush=True)
    code = pytest("--last-failed", "-p", "no:xdist", *once)
    twice = failed() if code == 1 else []
    if code in (0, 1):
        for name in once:
            print(f"{'FAILED TWICE' if name in twice else 'FAILED ONCE, PASSED ALONE'}: {name}")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
