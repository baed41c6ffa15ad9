"""kill -9 of a process that writes: what it was told is durable is there, once, and in whole puts."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from store.database.workspace import DATABASE, Workspace
from store.errors import StoreError
from store.transfer import backup

ROOT = Path(__file__).resolve().parents[3]

WRITE = """
import sys
from store.errors import StoreError
from store.database.workspace import DATABASE, Workspace
from tests.store import rows

folder, first = sys.argv[1], int(sys.argv[2])
with Workspace.open(folder) as workspace:
    if not workspace.runs():
        workspace.create_run(rows.run())
    for idx in range(first, 1_000_000):
        workspace.writer.put(rows.whole(idx))
        if idx % 10 == 9:
            workspace.writer.flush()
            print(idx, flush=True)
"""


def write_until(folder: Path, first: int, acknowledged: int) -> int:
    """Run the writer from ``first``, kill it once it has acknowledged that many times; the last idx it acknowledged."""
    command = [sys.executable, "-c", WRITE, str(folder), str(first)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        last = -1
        for _ in range(acknowledged):
            last = int(process.stdout.readline())
        process.kill()
        for line in process.stdout:  # acknowledged between our reading and the kill
            last = int(line)
    return last


def test_no_acknowledged_row_is_lost_or_doubled_by_kills(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    chance = random.Random(5)
    first = 0
    for _ in range(5):
        last = write_until(folder, first, chance.randint(1, 12))
        with Workspace.open(folder) as workspace, workspace.cursor() as cursor:
            assert workspace.run("r1").status == "interrupted"
            stored = [idx for (idx,) in cursor.execute("SELECT idx FROM questions ORDER BY idx").fetchall()]
            assert stored == list(range(len(stored)))
            assert len(stored) > last
            counted = cursor.execute(
                "SELECT (SELECT count(*) FROM verdicts) / 7, (SELECT count(*) FROM solutions) / 2, "
                "(SELECT count(*) FROM rewards) / 2, (SELECT count(*) FROM labels) / 4, (SELECT count(*) FROM pairs)"
            ).fetchone()
            assert counted == (len(stored),) * 5
        assert backup.check(folder) == []
        first = max(0, len(stored) - 7)  # as a resumed run would, go over some ground again


def test_a_log_that_was_damaged_after_a_kill_is_refused_not_cut_short(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    write_until(folder, 0, 5)
    assert backup.check(folder) == []  # reads through the log, and leaves it
    log = folder / (DATABASE + ".wal")
    content = bytearray(log.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 40] = bytes(255 - byte for byte in content[middle : middle + 40])
    log.write_bytes(content)
    assert "restore a backup" in backup.check(folder)[0]
    with pytest.raises(StoreError, match="damaged"):
        Workspace.open(folder)
