"""A disk that fills up while rows are written: one sentence, and nothing that was acknowledged is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from store.database.workspace import Workspace
from store.records import question_id
from store.review import decisions

ROOT = Path(__file__).resolve().parents[3]

WRITE = """
import resource, sys
from store.errors import StoreError
from store.database.workspace import Workspace
from tests.store import rows

workspace = Workspace.open(sys.argv[1])
workspace.create_run(rows.run())
workspace.writer.put(rows.whole(0))
workspace.writer.flush()
# a file may not grow beyond this: DuckDB meets it as it would meet a full disk
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 21, 1 << 21))
stored = 0
try:
    for idx in range(1, 100_000):
        workspace.writer.put([rows.question(idx, text=f"{idx} is a number. " * 200)])
        if idx % 20 == 0:
            workspace.writer.flush()
            stored = idx
except StoreError as error:
    print(stored)
    print(error)
try:
    workspace.writer.put(rows.whole(0))
except StoreError as error:
    print(error)
try:
    workspace.close()
except StoreError as error:
    print(error)
"""

DECIDE = """
import resource, sys
from store.review import decisions
from store.errors import StoreError
from store.records import question_id
from store.database.workspace import Workspace
from tests.store import rows

workspace = Workspace.open(sys.argv[1])
workspace.create_run(rows.run())
workspace.writer.put(rows.whole(0))
workspace.writer.flush()
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 21, 1 << 21))
try:
    for number in range(100_000):
        decisions.decide(workspace, "ana", question_id("r1", 0), "note", {"text": f"{number} " * 500})
        print(number)
except StoreError as error:
    print(error)
try:
    workspace.close()
except StoreError:
    pass
"""


def test_a_full_disk_is_one_sentence_and_what_was_stored_stays(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITE, str(tmp_path / "w")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    stored, *sentences = done.stdout.splitlines()
    assert int(stored) > 0
    assert len(sentences) == 3
    assert {sentence for sentence in sentences if "is full; free some space" in sentence} == set(sentences)
    with Workspace.open(tmp_path / "w") as workspace, workspace.cursor() as cursor:
        row = cursor.execute("SELECT count(*) FROM questions WHERE length(text) > 0").fetchone()
        assert row is not None
        assert row[0] >= int(stored) + 1
        workspace.writer.put([])
        workspace.writer.flush()


def test_decisions_that_were_acknowledged_before_the_disk_was_full_stay(tmp_path: Path) -> None:
    command = [sys.executable, "-c", DECIDE, str(tmp_path / "w")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    *made, sentence = done.stdout.splitlines()
    assert made
    assert "is full; free some space" in sentence
    with Workspace.open(tmp_path / "w") as workspace, workspace.cursor() as cursor:
        notes = [text.split()[0] for (text,) in cursor.execute("SELECT payload ->> 'text' FROM decisions").fetchall()]
        assert notes[: len(made)] == made
        assert len(notes) <= len(made) + 1
        decisions.decide(workspace, "ana", question_id("r1", 0), "accept", {})
