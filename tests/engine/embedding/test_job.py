"""``scalequest embed`` as a user runs it, and what the map's files are afterwards."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from engine.embedding import job
from engine.embedding.role import Embedder, load_embedder
from engine.paths import ASSETS
from store.database.sources import SourceSelector
from store.database.workspace import Workspace
from store.errors import InputError, StoreError
from store.map import files
from store.map.files import Map
from tests.engine.checks.stored import imported
from tests.engine.embedding.conftest import MANY, texts
from tests.ui.cli.command import ROOT, environment, scalequest, sentence
from tests.ui.cli.test_app_client import app


def stored_map(folder: Path) -> Map:
    meta = files.read_meta(files.map_folder(folder))
    assert meta is not None
    return Map(files.map_folder(folder), meta)


def stored_files(folder: Path) -> dict[str, bytes]:
    home = files.map_folder(folder)
    return {str(path.relative_to(home)): path.read_bytes() for path in sorted(home.rglob("*")) if path.suffix == ".bin"}


def test_every_question_gets_a_vector_of_length_one_and_a_place(embedded: Path) -> None:
    made = stored_map(embedded)
    assert made.meta.count == MANY == len(set(made.keys.tolist()))
    lengths = np.linalg.norm(made.vectors.astype(float) / files.SCALE, axis=1)
    assert np.abs(lengths - 1).max() < 0.05
    assert made.places.min() >= 0
    assert made.places.max() <= 100
    assert len(np.unique(made.places, axis=0)) > MANY * 0.9


def test_what_was_killed_goes_on_and_ends_with_the_files_of_one_that_ran_through(tmp_path: Path) -> None:
    for name in ("a", "b"):
        with Workspace.open(tmp_path / name) as workspace:
            imported(workspace, texts())
    slow = (
        "import sys, time, engine.embedding.job as j, store.map.files as m; j.BLOCK = 20; plain = m.MapWriter.append\n"
        "def append(*a):\n    plain(*a); time.sleep(0.05)\n"
        "m.MapWriter.append = append\nimport app; sys.exit(app.main())"
    )
    asked = ["embed", "--workspace", str(tmp_path / "a"), "--json"]
    going = subprocess.Popen(
        [sys.executable, "-c", slow, *asked], stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment()
    )
    assert going.stdout is not None
    for line in going.stdout:
        if json.loads(line)["stage"] == "embed" and json.loads(line)["done"] >= 40:
            break
    going.send_signal(signal.SIGKILL)
    going.communicate()
    half = stored_map(tmp_path / "a").meta.count
    assert 40 <= half < MANY
    for name in ("a", "b"):
        small = f"import sys, engine.embedding.job as j; j.BLOCK = 20; import app; sys.exit(app.main({['embed', '--json']!r} + sys.argv[1:]))"  # noqa: E501
        done = subprocess.run(
            [sys.executable, "-c", small, "--workspace", str(tmp_path / name)],
            capture_output=True, text=True, cwd=ROOT, env=environment(),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        end = json.loads(done.stdout.splitlines()[-1])
        assert (end["event"], end["status"]) == ("end", "done")
        assert end["done"] == end["total"] == (MANY - half if name == "a" else MANY)
    assert stored_files(tmp_path / "a") == stored_files(tmp_path / "b")


def test_new_questions_are_added_and_old_points_stay(workspace: Workspace) -> None:
    before = stored_map(workspace.path)
    places, vectors = np.array(before.places), np.array(before.vectors)
    imported(workspace, texts(50, seed=9), run_id="i2")
    events: list[dict[str, object]] = []
    assert job.run(workspace, on_event=events.append).status == "done"
    assert (events[0]["total"], events[-1]["done"]) == (50, 50)
    after = stored_map(workspace.path)
    assert after.meta.version == before.meta.version
    assert after.meta.count == MANY + 50
    assert np.array_equal(after.places[:MANY], places)
    assert np.array_equal(after.vectors[:MANY], vectors)
    job.run(workspace, on_event=events.append)
    assert events[-1]["total"] == 0


def test_the_runs_named_are_embedded_and_no_others(workspace: Workspace) -> None:
    imported(workspace, texts(30, seed=9), run_id="i2")
    imported(workspace, texts(30, seed=10), run_id="i3")
    job.run(workspace, ["i3"])
    assert stored_map(workspace.path).meta.count == MANY + 30


def test_a_map_made_anew_is_another_and_the_old_one_is_gone(workspace: Workspace) -> None:
    old = stored_map(workspace.path).meta.version
    imported(workspace, texts(50, seed=9), run_id="i2")
    job.run(workspace, rebuild=True)
    new = stored_map(workspace.path).meta
    assert new.version != old
    assert new.count == new.fitted == MANY + 50
    assert [path.name for path in files.map_folder(workspace.path).iterdir() if path.is_dir()] == [new.version]


def test_a_cancelled_job_keeps_what_it_has(workspace: Workspace) -> None:
    from engine.jobs.control import Control

    imported(workspace, texts(30, seed=9), run_id="i2")
    control = Control()
    control.cancel()
    result = job.run(workspace, control=control)
    assert (result.status, stored_map(workspace.path).meta.count) == ("cancelled", MANY)
    assert result.message is not None
    assert "continues from there" in result.message


def test_questions_without_words_get_a_place_too(workspace: Workspace) -> None:
    imported(workspace, ["", "   ", "字", "qqzzv"], run_id="i2")
    job.run(workspace)
    assert not stored_map(workspace.path).vectors[MANY:MANY + 2].any()  # fmt: skip
    assert np.isfinite(stored_map(workspace.path).places).all()


def test_bad_use_is_one_sentence(embedded: Path, tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "few") as workspace:
        imported(workspace, texts(5))
    other = tmp_path / "other.toml"
    plain = (ROOT / "assets/profiles/nano.toml").read_text()
    other.write_text(plain + '[embedder]\nbackend = "sentence-transformers"\nmodel = "x/y"\n')
    odd = tmp_path / "odd.toml"
    odd.write_text(plain + '[embedder]\nbackend = "word2vec"\n')
    for folder, args, says in (
        (embedded, ["i9"], "'i9'"),
        (embedded, ["--profile", "gone"], "does not exist"),
        (embedded, ["--profile", other], "--rebuild"),
        (embedded, ["--profile", odd], "word2vec"),
        (tmp_path / "few", [], "too few"),
        (tmp_path / "none", [], "none"),
    ):
        assert says in sentence(scalequest("embed", *args, "--workspace", folder))
    assert not files.map_folder(tmp_path / "few").exists()


def test_damaged_files_are_one_sentence_and_can_be_made_anew(workspace: Workspace) -> None:
    home = files.map_folder(workspace.path)
    (home / "meta.json").write_text('{"version": 1')
    with pytest.raises(StoreError, match="--rebuild"):
        job.run(workspace)
    with pytest.raises(StoreError, match="--rebuild"):
        files.current_map(workspace)
    job.run(workspace, rebuild=True)
    assert stored_map(workspace.path).meta.count == MANY
    next(home.rglob("vectors.bin")).write_bytes(b"")
    with pytest.raises(StoreError, match="--rebuild"):
        stored_map(workspace.path)
    job.run(workspace, rebuild=True)
    next(home.rglob("text.npz")).write_bytes(b"no")
    with pytest.raises(InputError, match="--rebuild"):
        job.run(workspace)


def test_the_map_of_the_demo_comes_with_it_and_is_made_again_for_further_questions(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        SourceSelector(workspace, ASSETS / "demo").keep_demo()
        map_ = files.current_map(workspace)
        assert map_ is not None
        assert sorted(map_.keys.tolist()) == files.question_keys(workspace).tolist()
        imported(workspace, texts(30))
        assert job.run(workspace).status == "done"
        assert stored_map(workspace.path).meta.count == 490


def test_a_full_disk_is_one_sentence_and_leaves_no_half_map(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        imported(workspace, texts())

    said = sentence(scalequest("embed", "--workspace", tmp_path / "w", room=60_000))
    assert "make room" in said
    assert files.read_meta(files.map_folder(tmp_path / "w")) is None
    assert list(files.map_folder(tmp_path / "w").iterdir()) == []
    done = scalequest("embed", "--workspace", tmp_path / "w")
    assert done.returncode == 0


def test_the_app_embeds_for_the_command_line(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        imported(workspace, texts())
    with app(tmp_path / "w") as running:
        done = scalequest("embed", "--workspace", tmp_path / "w", "--json")
        assert done.returncode == 0, done.stderr
        end = json.loads(done.stdout.splitlines()[-1])
        assert (end["status"], end["done"]) == ("done", MANY)
        again = scalequest("embed", "--workspace", tmp_path / "w")
        assert again.stdout.startswith(f"{MANY} questions are on the map, none of them new.")
        assert "'i9'" in sentence(scalequest("embed", "i9", "--workspace", tmp_path / "w"))
        running.end()
    assert stored_map(tmp_path / "w").meta.count == MANY


def test_profiles_name_an_embedder_or_leave_it_to_the_default() -> None:
    assert load_embedder("nano") == load_embedder("nano") == Embedder()
    for profile in ("small", "paper"):
        assert load_embedder(profile).backend == "sentence-transformers"


def test_without_the_package_the_sentence_says_how_to_install_it(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(InputError, match="pip install sentence-transformers"):
        job.run(workspace, embedder=Embedder("sentence-transformers", "x/y"), rebuild=True)
    assert stored_map(workspace.path).meta.count == MANY  # the map that there was is left as it was


def test_a_sentence_transformers_model_makes_a_map(workspace: Workspace, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Pooling, Transformer

    size = json.loads((ROOT / "assets/nano/solver/config.json").read_text())["hidden_size"]
    body = Transformer(str(ROOT / "assets/nano/solver"))
    SentenceTransformer(modules=[body, Pooling(size)]).save(str(tmp_path / "model"))
    job.run(workspace, embedder=Embedder("sentence-transformers", str(tmp_path / "model"), device="cpu"), rebuild=True)
    made = stored_map(workspace.path)
    assert (made.meta.count, made.meta.dimensions) == (MANY, size)
