"""A server on loopback that rewrites questions as a helper model would, and at first does it wrong; for the tests."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

from tests.engine.models.faulty import prompt_of

WRONG = ("no rewrite", "unchanged", "a solution", "not English", "cut off")
"""What its first answers are; all later ones are right."""


class RewritingServer(ThreadingHTTPServer):
    """``with RewritingServer() as server``; ``harder`` and ``sounder`` count what it was asked for."""

    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.numbers = count()
        self.lock = threading.Lock()
        self.harder = self.sounder = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def __exit__(self, *_: Any) -> None:
        self.shutdown()
        super().__exit__(*_)

    def answer(self, prompt: str) -> tuple[str, str]:
        """(text, finish reason) to a rewriting prompt."""
        question = prompt.partition("Question:\n")[2].partition("\n\nFirst")[0]
        with self.lock:
            number = next(self.numbers)
            harder = "Make the question below harder" in prompt
            self.harder, self.sounder = self.harder + harder, self.sounder + (not harder)
        said = {
            0: f"I would rather not. {question}",
            1: f"Nothing is wrong.\nRewritten question: {question.upper()} ",
            2: f"Rewritten question: {question} Please. The answer is 4.",
            3: "Rewritten question: 小明有三个苹果，他又买了四个苹果。他一共有多少个苹果？",
            4: f"Rewritten question: {question} And",
        }
        fine = f"It could say more.\n**Rewritten question:** {question} Then double the result."
        return said.get(number, fine), "length" if number == 4 else "stop"


class _Handler(BaseHTTPRequestHandler):
    server: RewritingServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not body.get("stream"):  # a first look at how it counts tokens
            self._count(body["prompt"])
            return
        text, reason = self.server.answer(prompt_of(body))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        said = {"delta": {"content": text}} if "messages" in body else {"text": text}
        choice = {"index": 0, "finish_reason": reason, **said}
        usage = {"prompt_tokens": 100, "completion_tokens": 50}
        for line in (json.dumps({"choices": [choice], "usage": usage}), "[DONE]"):
            self.wfile.write(f"data: {line}\n\n".encode())

    def _count(self, prompt: str) -> None:
        choice = {"index": 0, "finish_reason": "length", "text": "x"}
        usage = {"prompt_tokens": len(prompt.split()), "completion_tokens": 1}
        said = json.dumps({"choices": [choice], "usage": usage}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: Any) -> None:
        return
