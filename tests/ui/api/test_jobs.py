"""The HTTP API of jobs, in this process: what it refuses and how, and the events of a job."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from engine.job_registry import JobRegistry
from store.database.workspace import Workspace
from ui.api import jobs as api

HEADERS = {"authorization": "Bearer secret"}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with Workspace.open(tmp_path / "w") as workspace, closing(JobRegistry(workspace)) as jobs:
        app = FastAPI()
        app.include_router(api.routes(workspace, jobs, "secret"))
        yield TestClient(app, headers=HEADERS)


def events(client: TestClient, job: dict[str, Any]) -> list[dict[str, Any]]:
    answer = client.get(f"/api/jobs/{job['job_id']}/events")
    return [json.loads(line) for line in answer.text.splitlines() if line]


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        ("dance", {}, "kind 'dance'"),
        ("import", {}, "source '' is missing"),
        ("import", {"source": 3}, "source 3 is not text"),
        ("import", {"source": "a.jsonl", "sorce": 1}, "did you mean 'source'"),
        ("import", {"source": "a.jsonl", "mapping": ["query"]}, "mapping"),
        ("import", [], "is not an object"),
        ("run", {}, "config"),
        ("run", {"config": {"questions": 5}}, "config"),
        ("run", {"resume": "r9"}, "'r9'"),
        ("check", {"run_id": "r9", "stage": "beauty"}, "'beauty'"),
        ("check", {"run_id": "r9", "stage": "near-duplicates"}, "'r9'"),
        ("check", {"run_id": "r9", "stage": "near-duplicates", "drop": "yes"}, "drop 'yes' is not true or false"),
        ("export", {"plan": {"format": "xml"}, "out": "/tmp/x"}, "plan.format 'xml'"),
        ("export", {"plan": {"format": "jsonl"}, "out": "x"}, "out 'x' is not an absolute path"),
        ("verify", {"manifest": "none"}, "manifest 'none'"),
        ("embed", {"runs": ["r9"]}, "'r9'"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(client: TestClient, kind: str, body: object, words: str) -> None:
    refused = client.post(f"/api/jobs/{kind}", json=body)
    assert refused.status_code == 400
    sentence = refused.json()["detail"]
    assert words in sentence
    assert sentence.endswith((".", "?"))


@pytest.mark.parametrize("body", [b"", b"{", b"\xff"])
def test_a_body_that_is_not_json_is_one_sentence(client: TestClient, body: bytes) -> None:
    refused = client.post("/api/jobs/import", content=body)
    assert (refused.status_code, "is not valid JSON" in refused.json()["detail"]) == (400, True)


def test_an_unknown_job_or_run_is_one_sentence(client: TestClient) -> None:
    for answer in (
        client.get("/api/jobs/j1/events"),
        client.post("/api/jobs/j1/interrupt"),
        client.get("/api/runs/r1"),
    ):
        assert answer.status_code == 400
        assert answer.json()["detail"].endswith(".")


def test_an_import_and_its_check_tell_start_and_end_and_the_check_is_done_once(
    client: TestClient, tmp_path: Path
) -> None:
    file = tmp_path / "q.jsonl"
    file.write_text("".join(json.dumps({"query": f"What is {i} + {i}?", "response": str(i)}) + "\n" for i in range(20)))
    job = client.post("/api/jobs/import", json={"source": str(file), "scored": False}).json()
    first, *_, last = events(client, job)
    assert (first["event"], first["mapping"]) == ("start", {"query": "query", "response": "response"})
    assert (last["event"], last["status"], last["imported"]) == ("end", "done", 20)
    assert client.get(f"/api/runs/{job['run_id']}").json()["status"] == "done"
    check = {"run_id": job["run_id"], "stage": "near-duplicates"}
    assert events(client, client.post("/api/jobs/check", json=check).json())[-1]["report"].startswith("Near-duplicates")
    again = client.post("/api/jobs/check", json=check).json()
    assert (again["job_id"], "already" in again["already_done"]) == (None, True)


def test_a_job_that_fails_on_its_input_ends_as_refused(client: TestClient, tmp_path: Path) -> None:
    job = client.post("/api/jobs/export", json={"plan": {"format": "jsonl"}, "out": str(tmp_path / "o")}).json()
    last = events(client, job)[-1]
    assert (last["event"], "matches no row" in last["message"]) == ("refused", True)
