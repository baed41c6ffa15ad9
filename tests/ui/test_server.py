"""The app answers its own page and programs, refuses other sites' pages, and never opens itself to others unasked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from engine.job_registry import JobRegistry
from store.database.workspace import Workspace
from store.errors import InputError
from tests.ui.cli.command import scalequest, sentence
from ui import server
from ui.web import assets, security


@pytest.fixture
def app(tmp_path: Path) -> Iterator[TestClient]:
    with (
        Workspace.open(tmp_path / "w", create=True) as workspace,
        TestClient(server.application(workspace, JobRegistry(workspace)), base_url="http://127.0.0.1:7860") as client,
    ):
        yield client


def test_health_says_that_the_database_answers(app: TestClient) -> None:
    assert app.get("/healthz").json() == {"status": "ok", "runs": 0}


def test_plotly_comes_from_the_installed_package(app: TestClient) -> None:
    found = app.get("/vendor/plotly.min.js")
    assert found.status_code == 200
    assert found.content == assets.PLOTLY.read_bytes()


def test_katex_comes_with_its_fonts_from_the_installed_package(app: TestClient) -> None:
    assert "KaTeX parse error" in app.get("/vendor/katex/katex.js").text
    style = app.get("/vendor/katex/katex.css").text
    fonts = set(re.findall(r"url\(\./([^)]+\.woff2)\)", style))
    assert len(fonts) > 10
    assert all(app.get(f"/vendor/katex/{font}").status_code == 200 for font in fonts)
    assert app.get("/vendor/katex/../katex.js").status_code == 404
    assert app.get("/vendor/katex/index.html").status_code == 404


@pytest.mark.parametrize("path", ["/", "/healthz", "/vendor/plotly.min.js", "/no/such/page"])
def test_every_answer_carries_the_policy(app: TestClient, path: str) -> None:
    headers = app.get(path).headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "http" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site", "content-type": "text/plain"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_post_from_another_sites_page_is_refused(app: TestClient, headers: dict[str, str]) -> None:
    assert app.post("/gradio_api/queue/join", content="{}", headers=headers).status_code == 403


@pytest.mark.parametrize("headers", [{}, {"origin": "http://127.0.0.1:7860", "sec-fetch-site": "same-origin"}])
def test_a_post_from_our_page_or_a_program_passes(app: TestClient, headers: dict[str, str]) -> None:
    assert app.post("/gradio_api/queue/join", json={}, headers=headers).status_code not in (403, 404)


def test_a_login_is_asked_for_where_there_is_one(tmp_path: Path) -> None:
    (tmp_path / "auth").write_text("# who may\nada:a:b\n")
    login = security.read_logins(tmp_path / "auth")
    with Workspace.open(tmp_path / "w", create=True) as workspace:
        client = TestClient(
            server.application(workspace, JobRegistry(workspace), login), base_url="http://127.0.0.1:7860"
        )
        assert client.get("/config").status_code == 401
        assert client.post("/login", data={"username": "ada", "password": "wrong"}).status_code == 400
        assert client.post("/login", data={"username": "ada", "password": "a:b"}).status_code == 200
        assert client.get("/config").status_code == 200


@pytest.mark.parametrize("written", ["", "ada\n", "ada:\n", ":secret\n"])
def test_a_login_file_that_names_nobody_is_refused(tmp_path: Path, written: str) -> None:
    (tmp_path / "auth").write_text(written)
    with pytest.raises(InputError, match="--auth"):
        security.read_logins(tmp_path / "auth")


@pytest.mark.parametrize(
    ("host", "only_here"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False), ("my-host", False)],
)
def test_loopback_is_told_from_other_addresses(host: str, only_here: bool) -> None:
    assert security.loopback(host) is only_here


def test_the_command_does_not_let_others_in_without_a_login(tmp_path: Path) -> None:
    said = sentence(scalequest("ui", "--workspace", tmp_path / "w", "--host", "0.0.0.0"))
    assert "--auth FILE" in said


def test_the_pages_scripts_are_modules_that_a_browser_may_keep(app: TestClient) -> None:
    found = app.get("/" + assets.address("lib/dom.js"))
    assert found.status_code == 200
    assert found.headers["content-type"].startswith("text/javascript")
    assert "immutable" in found.headers["cache-control"]


@pytest.mark.parametrize("path", ["lib/none.js", "../../app.py", "%2e%2e/%2e%2e/app.py", "sql/template.html"])
def test_nothing_but_scripts_is_served_where_they_are(app: TestClient, path: str) -> None:
    assert app.get("/" + assets.address(path)).status_code == 404


def test_the_scripts_of_another_version_are_not_mixed_with_these(app: TestClient) -> None:
    assert app.get("/scripts/0123456789abcdef/lib/dom.js").status_code == 404
