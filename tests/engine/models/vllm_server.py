"""Real vLLM servers on loopback, for the tests: one engine each, on one thread of the processor.

``shared`` servers are started once per test process; a test that wants to kill one starts its own.
"""

from __future__ import annotations

import atexit
import functools
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

START = 240.0
"""Seconds: 20 on an idle machine."""


class VllmServer:
    """One server of the model in ``folder``, under the name ``model``; ``url`` ends in ``/v1``."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.model, self.port = "served", free_port()
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - the server's, as long as it runs
        command = [
            *(sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--host", "127.0.0.1"),
            *("--port", str(self.port), "--model", str(folder), "--served-model-name", self.model),
            *("--dtype", "float32", "--enforce-eager", "--kv-cache-memory-bytes", str(128 << 20)),
            *("--max-num-seqs", "64", *options),
        ]
        environment = os.environ | {"OMP_NUM_THREADS": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind"}
        # A session of its own, so that its engine's process can be ended with it.
        self._process = subprocess.Popen(
            command, env=environment, stdout=self._log, stderr=subprocess.STDOUT, start_new_session=True
        )

    def wait(self) -> VllmServer:
        """Until it serves."""
        deadline = time.monotonic() + START
        while time.monotonic() < deadline and self._process.poll() is None:
            with suppress(httpx.TransportError):
                if httpx.get(f"http://127.0.0.1:{self.port}/health", trust_env=False).status_code == 200:
                    return self
            time.sleep(0.2)
        self.kill()
        self._log.seek(0)
        raise RuntimeError(f"vLLM did not start:\n{self._log.read()[-4000:].decode(errors='replace')}")

    def running(self) -> int:
        """How many requests it is working on."""
        metrics = httpx.get(f"http://127.0.0.1:{self.port}/metrics", trust_env=False).text
        lines = [line for line in metrics.splitlines() if line.startswith("vllm:num_requests_running")]
        return int(sum(float(line.split()[-1]) for line in lines))

    def kill(self) -> None:
        """SIGKILL: no goodbye to anybody."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


@contextmanager
def serving(folder: Path, *options: str, count: int = 1) -> Iterator[list[VllmServer]]:
    """So many servers of one model, started together."""
    servers = [VllmServer(folder, *options) for _ in range(count)]
    try:
        yield [server.wait() for server in servers]
    finally:
        for server in servers:
            server.kill()


@functools.cache
def shared(folder: Path, *options: str) -> VllmServer:
    """The test process's one server of this model."""
    server = VllmServer(folder, *options)
    atexit.register(server.kill)
    return server.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
