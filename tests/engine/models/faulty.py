"""A server on loopback that speaks ``/v1/completions`` and ``/v1/chat/completions`` and fails as it is told to; for the
tests.

Its texts depend on the request alone, so that a text that was tried again must come out the same. It writes its
bytes in small pieces that split characters and lines.
"""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from typing import Any

PLAIN = ["Tom", "has", "of", "7", "apples", "Größe", "½", "€", "\\boxed{3}", '"so"']
HARD = ["東京", "🍎", "at\u2028noon", "x\u0085y"]
"""Characters of several bytes, and some that are line ends to who is not careful."""
WORDS = PLAIN + HARD


def text_of(seed: int, words: int) -> str:
    """What the server writes for this seed."""
    chooser = random.Random(seed)
    return "".join(f" {chooser.choice(WORDS)}" for _ in range(words))


def length_of(seed: int) -> int:
    """How many words the text of this seed has where it ends by itself."""
    return random.Random(seed).randrange(0, 24)


@dataclass
class Seen:
    """One request that came in, and when."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    at: float
    left: bool = False
    """Whether the client was gone before the answer was complete."""


Fault = Callable[[int, dict[str, Any]], str | None]
"""What to do wrong with request number n (from 1) of this body, or None."""


@dataclass
class Faulty:
    """``with Faulty(fault) as server``: what ``fault`` may say is in ``_answer``."""

    fault: Fault = lambda number, body: None
    writes: Callable[[dict[str, Any]], str] | None = None
    """What it writes for a request's body; by default words that its seed draws."""
    thinks: Callable[[dict[str, Any]], str] = lambda body: ""
    """What it sends as reasoning before that."""
    pause: float = 0.0
    """Seconds between two words."""
    port: int = 0
    tokenizes: bool = False
    added: int | None = 0
    """Tokens that it puts before every prompt; None where it counts none."""
    loses_blanks: bool = False
    seen: list[Seen] = field(default_factory=list)
    billed: list[tuple[int, int]] = field(default_factory=list)
    """Tokens read and written of every text whose usage it has sent."""
    at_once: int = 0
    peak: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def asked(self) -> list[Seen]:
        """The requests for completions, without those that only count tokens."""
        return [seen for seen in self.seen if seen.path.endswith("/completions") and seen.body.get("stream")]

    def __enter__(self) -> Faulty:
        up = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(up)))
        self._thread.start()
        assert up.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    async def _serve(self, up: threading.Event) -> None:
        """Until it is over; ``asyncio.run`` then ends the connections that are still there."""
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._connection, "127.0.0.1", self.port, backlog=2048)
        self.port = server.sockets[0].getsockname()[1]
        up.set()
        await self._over.wait()
        server.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun = b""
        try:
            while head := begun + await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode().split("\r\n")
                headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines) if v}
                body = json.loads(await reader.readexactly(int(headers.get("content-length", 0))) or b"{}")
                seen = Seen(first.split()[1], headers, body, self._loop.time())
                self.seen.append(seen)
                number = len(self.asked)
                self.at_once += 1
                self.peak = max(self.peak, self.at_once)
                watch = asyncio.create_task(reader.read(1))  # nothing comes while it waits: an end means that it left
                answer = asyncio.create_task(self._answer(seen, number, writer))
                try:
                    await asyncio.wait((watch, answer), return_when=asyncio.FIRST_COMPLETED)
                    seen.left = not answer.done()
                finally:
                    self.at_once -= 1
                if seen.left or answer.result() is False:
                    answer.cancel()
                    break
                begun = await watch  # the next request's first byte
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    async def _answer(self, seen: Seen, number: int, writer: asyncio.StreamWriter) -> bool:
        """False where the connection is to be cut."""
        if seen.path.endswith("/tokenize"):
            return await self._tokens(writer, seen.body)
        if seen.path.endswith("/detokenize"):
            return await _json(writer, 200, {"prompt": self._tokenized})
        if not seen.body.get("stream"):
            count = len(prompt_of(seen.body).replace(" ", "" if self.loses_blanks else " "))
            usage = {} if self.added is None else {"usage": {"prompt_tokens": count + self.added}}
            return await _json(writer, 200, {"choices": [{"text": "a", "finish_reason": "length"}], **usage})
        fault = self.fault(number, seen.body)
        kind, _, detail = (fault or "").partition(" ")
        if kind == "hang-up":
            return False
        if kind == "silence":
            await asyncio.sleep(60)
        if kind.isdigit():
            headers = {"Retry-After": _retry_after(detail)} if kind == "429" and detail else {}
            headers |= {"Location": detail} if kind == "302" else {}
            detail = detail.replace("KEY", seen.headers.get("authorization", ""))
            said = {"error": {"message": detail, "code": int(kind)}} if detail else None
            return await _json(writer, int(kind), said, headers)
        if kind == "html":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 15\r\n\r\n<html>hi</html>")
            await writer.drain()
            return True
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        chat = seen.path.endswith("/chat/completions")
        async for event in self._events(seen.body, kind, detail, chat):
            if event is None:
                return False
            for start in range(0, len(event), 7):
                piece = event[start : start + 7]
                writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            await writer.drain()
        if kind == "open":  # the answer is complete, and the server never says so
            await asyncio.sleep(60)
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True

    async def _events(self, body: dict[str, Any], kind: str, detail: str, chat: bool) -> AsyncIterator[bytes | None]:
        seed, limit = body.get("seed", 0), body.get("max_tokens") or body["max_completion_tokens"]
        piece = partial(_piece, chat)
        count = length_of(seed)
        text = text_of(seed + (kind == "differs" and len(self.asked) == 1), min(count, limit))
        if self.writes is not None:
            text = " " + self.writes(body)
            count = len(text.split(" ")) - 1
        words = [f" {word}" for word in text.split(" ")[1:]]
        yield b": a comment, as some servers send to keep a connection\n\n"
        thoughts = self.thinks(body).split()
        for thought in thoughts:
            yield _event({"choices": [{"index": 0, "delta": {"reasoning_content": f" {thought}"}}]})
        for number, word in enumerate(words):
            if number == len(words) // 2:
                if kind in ("cut", "differs"):
                    yield None
                if kind == "garbage":
                    yield f"data: {detail or '{half of a'}\n\n".encode()
                if kind == "stall":
                    await asyncio.sleep(60)
                if kind == "error":
                    yield _event({"error": {"message": "the engine fell over", "code": 500}})
            if kind == "halves" and "🍎" in word:
                for half in ("\ud83c", "\udf4e"):
                    yield _event(piece(word.replace("🍎", half) if half == "\ud83c" else half))
                continue
            await asyncio.sleep(self.pause)
            yield _event(piece(word))
        if kind == "early":
            yield b"data: [DONE]\n\n"
            return
        yield _event(piece("", detail if kind == "reason" else "length" if count > limit else "stop"))
        read, written = len(prompt_of(body).split()), len(words) + len(thoughts)
        usage: Any = {"completion_tokens": written, "prompt_tokens": read}
        if thoughts:
            usage["completion_tokens_details"] = {"reasoning_tokens": len(thoughts)}
        if kind == "usage":
            usage = {"": None, "wrong": {"completion_tokens": -3, "prompt_tokens": "many"}, "odd": "lots"}[detail]
        if usage is not None:
            self.billed.append((read, written))
            yield _event({"choices": [], "usage": usage})
        yield b"data: [DONE]\n\n"

    async def _tokens(self, writer: asyncio.StreamWriter, body: dict[str, Any]) -> bool:
        if not self.tokenizes:
            return await _json(writer, 404, {"detail": "Not Found"})
        self._tokenized = body["prompt"]
        special = body["prompt"].startswith("<")
        count = 1 if special else len(body["prompt"].split())
        return await _json(writer, 200, {"count": count, "max_model_len": 256, "tokens": [9] * count})


def prompt_of(body: dict[str, Any]) -> str:
    """What a request asks, raw or as a chat's last message."""
    return str(body["messages"][-1]["content"] if "messages" in body else body["prompt"])


def _piece(chat: bool, text: str, reason: str | None = None) -> dict[str, Any]:
    said = {"delta": {"content": text}} if chat else {"text": text}
    return {"choices": [{"index": 0, **said, "finish_reason": reason}]}


def _event(data: dict[str, Any]) -> bytes:
    """As JSON; characters as they are, but for halves of one, which are no UTF-8."""
    try:
        return f"data: {json.dumps(data, ensure_ascii=False)}\n\n".encode()
    except UnicodeEncodeError:
        return f"data: {json.dumps(data)}\n\n".encode()


def _retry_after(asked: str) -> str:
    if asked != "date":
        return asked
    return format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)


async def _json(writer: asyncio.StreamWriter, status: int, body: Any, headers: dict[str, str] | None = None) -> bool:
    data = b"" if body is None else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Said", "Content-Type: application/json", f"Content-Length: {len(data)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    writer.write("\r\n".join([*lines, "", ""]).encode() + data)
    await writer.drain()
    return True
