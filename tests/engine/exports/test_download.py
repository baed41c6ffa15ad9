"""``/api/export/NAME``: a finished export as a zip file, for who is let in, and nothing else of the disk."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from engine.exports import finished, job
from engine.exports.plan import Plan
from engine.job_registry import JobRegistry
from store.database.workspace import Workspace
from store.errors import InputError
from tests.engine.exports.conftest import fill
from ui import server
from ui.web import security

HERE = "http://127.0.0.1:7860"


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with Workspace.open(tmp_path_factory.mktemp("d") / "w") as workspace:
        fill(workspace)
        for form in ("hf", "jsonl"):
            job.start(workspace, Plan(form), finished.new_folder(workspace.path, f"mine-{form}"))
        (workspace.path / "exports" / "half").mkdir()
        (workspace.path / "exports" / "half" / "train.jsonl").write_text("{}")
        (workspace.path / "exports" / "link").symlink_to(workspace.path / "exports" / "mine-hf")
        yield workspace


@pytest.fixture
def app(opened: Workspace) -> Iterator[TestClient]:
    with (
        closing(JobRegistry(opened)) as jobs,
        TestClient(server.application(opened, jobs), base_url=HERE) as client,
    ):
        yield client


def test_the_zip_has_every_file_as_it_is_on_the_disk(opened: Workspace, app: TestClient) -> None:
    found = app.get("/api/export/mine-hf")
    assert found.headers["content-disposition"] == 'attachment; filename="mine-hf.zip"'
    archive = zipfile.ZipFile(io.BytesIO(found.content))
    assert archive.testzip() is None
    folder = opened.path / "exports" / "mine-hf"
    there = sorted(f"mine-hf/{path.relative_to(folder)}" for path in folder.rglob("*") if path.is_file())
    assert archive.namelist() == there
    for name in there:
        assert archive.read(name) == (folder.parent / name).read_bytes()
        stored = archive.getinfo(name).compress_type == zipfile.ZIP_STORED
        assert stored == name.endswith(".parquet")


@pytest.mark.parametrize(
    "name",
    [
        "..",
        "../explorer.duckdb",
        "%2e%2e/explorer.duckdb",
        "..%2f..%2fexplorer.duckdb",
        "mine-hf/../../explorer.duckdb",
        "mine-hf/README.md",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "half",
        "link",
        "mine-hf%00",
        "none",
        "",
    ],
)
def test_what_is_no_finished_export_is_not_there(app: TestClient, name: str) -> None:
    found = app.get(f"/api/export/{name}")
    assert found.status_code == 404
    assert b"DUCK" not in found.content
    assert b"root:" not in found.content


def test_another_sites_page_gets_nothing(app: TestClient) -> None:
    assert app.get("/api/export/mine-hf", headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert app.get("/api/export/mine-hf", headers={"origin": "https://evil.example"}).status_code == 403


def test_who_is_not_logged_in_gets_nothing(opened: Workspace, tmp_path: Path) -> None:
    (tmp_path / "auth").write_text("ada:secret\n")
    login = security.read_logins(tmp_path / "auth")
    with closing(JobRegistry(opened)) as jobs:
        client = TestClient(server.application(opened, jobs, login), base_url=HERE)
        assert client.get("/api/export/mine-hf").status_code == 401
        assert client.get("/api/export/none").status_code == 401
        client.cookies.set("access-token-wrong", "x")
        assert client.get("/api/export/mine-hf").status_code == 401
        assert client.post("/login", data={"username": "ada", "password": "secret"}).status_code == 200
        assert client.get("/api/export/mine-hf").status_code == 200


def test_finished_exports_are_those_with_a_manifest(opened: Workspace) -> None:
    assert [one.name for one in finished.finished_exports(opened.path)] == ["mine-hf", "mine-jsonl"]


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "x" * 61, "mine-hf", "a.partial-3", "name\n"])
def test_a_name_that_is_none_or_taken_is_refused(opened: Workspace, name: str) -> None:
    if name == "name\n":
        assert finished.new_folder(opened.path, name).name == "name"
        return
    with pytest.raises(InputError, match="name"):
        finished.new_folder(opened.path, name)


def test_a_deleted_export_is_gone_and_the_others_stay(opened: Workspace) -> None:
    job.start(opened, Plan("csv"), finished.new_folder(opened.path, "gone"))
    finished.delete(opened.path, "gone")
    assert [one.name for one in finished.finished_exports(opened.path)] == ["mine-hf", "mine-jsonl"]
    with pytest.raises(InputError, match="does not exist"):
        finished.delete(opened.path, "../..")
