"""The command in a process of its own, forked from one that has imported everything.

Most of what a command costs in the tests is importing torch, transformers and Gradio. Here one server per test process
imports them once and forks a process for each command. That process has its own arguments, files, environment and
folder, runs ``app.py`` as ``__main__`` and ends as Python ends.

Tests of what happens before or at the imports, and of groups of processes, start the command by ``subprocess``.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import random
import resource
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, TextIO

ROOT = Path(__file__).resolve().parents[3]
IMPORTS = (
    "ui.server",
    "engine.models.local.transformers_lm",
    "engine.models.local.transformers_score",
    "transformers.models.qwen2.modeling_qwen2",
)
"""What the app and a run import, directly or not."""
_MOST = 1 << 20
"""Bytes of a request: arguments and environment."""


class Forked:
    """A running or ended command, with the methods of ``subprocess.Popen`` that the tests use. ``stdout`` is a pipe,
    ``stderr`` a file, so that nobody needs to read what a server says."""

    def __init__(self, args: list[str], pid: int, status: socket.socket, stdout: TextIO, stderr: IO[str]) -> None:
        self.args, self.pid, self._status = args, pid, status
        self.stdout, self.stderr = stdout, stderr
        self.returncode: int | None = None

    def __enter__(self) -> Forked:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self.kill()
        self.wait()
        self.stdout.close()
        self.stderr.close()

    def poll(self) -> int | None:
        """The exit code, None while it runs."""
        ended = self.returncode is not None or select.select([self._status], [], [], 0)[0]
        return self.wait() if ended else None

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, or minus the number of the signal that ended it."""
        if self.returncode is None:
            if not select.select([self._status], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
            self.returncode = int(self._status.recv(16))
            self._status.close()
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """The rest of stdout, and stderr, once it has ended; it is killed after so many seconds."""
        late: list[float] = []

        def end() -> None:
            late.append(timeout or 0.0)
            self.kill()

        timer = threading.Timer(timeout or 0.0, end)
        if timeout:
            timer.start()
        try:
            out, code = self.stdout.read(), self.wait()
        finally:
            timer.cancel()
        self.stderr.seek(0)
        err = self.stderr.read()
        if late and code == -signal.SIGKILL:
            raise subprocess.TimeoutExpired(self.args, late[0], out, err)
        return out, err

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class _Server:
    """Started at the first command of a test process; ends with it."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None

    def start(self, args: list[str], cwd: Path, env: Mapping[str, str], room: int | None = None) -> Forked:
        """``app.py ARGS``; ``room``: bytes that fit into a file, as if the disk were full after them."""
        if self._socket is None:
            self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _MOST)
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                cwd=ROOT, env={**env, "PYTHONPATH": str(ROOT)}, pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            )  # fmt: skip
            theirs.close()
        mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        request = json.dumps({"args": args, "cwd": str(cwd), "env": dict(env), "room": room}).encode()
        (out, to_out), nothing = os.pipe(), os.open(os.devnull, os.O_RDONLY)
        err = TemporaryFile("w+")  # noqa: SIM115 - the command's, as long as it runs
        socket.send_fds(self._socket, [request], [theirs.fileno(), nothing, to_out, err.fileno()])
        theirs.close()
        os.close(to_out)
        os.close(nothing)
        return Forked(args, int(mine.recv(16)), mine, open(out, encoding="utf-8"), err)


start = _Server().start


def _serve(requests: socket.socket) -> list[str]:
    """Fork a process for each request, until the tests end; gives back its arguments in that process."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # those that wait for a command are waited for by nobody
    while True:
        request, files, _, _ = socket.recv_fds(requests, _MOST, 4)
        if not request:
            os._exit(0)
        if os.fork() == 0:
            requests.close()
            return _fork(json.loads(request), files)
        for file in files:
            os.close(file)


def _fork(request: dict[str, Any], files: list[int]) -> list[str]:
    """Fork the command, and wait for it in this process; gives back in the command's."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    status = socket.socket(fileno=files[0])
    if (pid := os.fork()) != 0:
        for file in files[1:]:  # else the reader of a pipe would wait for this process too
            os.close(file)
        status.send(str(pid).encode())
        status.send(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])).encode())
        os._exit(0)
    status.close()
    for number, file in enumerate(files[1:]):
        os.dup2(file, number)
        os.close(file)
    args: list[str] = request["args"]
    env: dict[str, str] = request["env"]
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(env)
    if (room := request["room"]) is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    sys.stdout.reconfigure(write_through="PYTHONUNBUFFERED" in env)  # type: ignore[union-attr]
    random.seed()
    atexit.register(gc.unfreeze)  # at the end, Python collects everything
    return args


def _main() -> None:
    for name in IMPORTS:
        importlib.import_module(name)
    gc.freeze()  # so that collections leave shared pages alone
    sys.argv = _serve(socket.socket(fileno=int(sys.argv[1])))
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    _main()
