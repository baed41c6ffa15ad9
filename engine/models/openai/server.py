"""One OpenAI-compatible server: its address and key, what its answers mean, and when to retry.

Failures that may pass (no connection, 408, 409, 425, 429, 5xx, a cut stream, malformed data, silence) are retried after
a pause that doubles, or that the server asks for. An error in one request fails that request; a wrong key, model or
address fails all. Redirects are not followed, and the key is never shown.
"""

import asyncio
import itertools
import json
import logging
import os
import random
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import httpx

from engine.config.profiles import Role
from store.errors import BackendError, InputError, ItemError

TRIES, SILENT_TRIES, BUSY_TRIES = 6, 2, 10
"""How often a request is tried: where the server failed or is unreachable; where it sent nothing for the whole timeout;
where it is busy. The pauses add up to at most 15 s in the first case and 75 s in the last."""
_FIRST_PAUSE, _LONGEST_PAUSE, _LONGEST_ASKED = 0.5, 15.0, 300.0
"""Seconds between two tries, and the longest pause that a server may ask for."""
_CONNECT = 10.0
_IDLE = 3.0
"""Seconds that an idle connection is kept: less than the servers' usual 5, so that none is used while it closes."""
_CONNECTIONS = 4
"""Of one client: at each request httpx compares every connection of a client with every other one."""
_LONGEST_LINE = 1 << 22
_PASSES, _BUSY = {408, 409, 425, 429}, {429, 503}
_LOOPBACK = ("localhost", "127.", "::1")
_T = TypeVar("_T")

logger = logging.getLogger(__name__)


class Again(Exception):
    """A try failed in a way that may pass. ``pause``: seconds that the server asked for; ``tries``: how many to make in
    all."""

    def __init__(self, why: str, pause: float | None = None, tries: int = TRIES) -> None:
        super().__init__(why)
        self.pause, self.tries = pause, tries


class Refused(ItemError):
    """The server rejects this one request: 400 and the like. ``said``: its message."""

    def __init__(self, url: str, status: int, message: str) -> None:
        self.said = message
        super().__init__(f"The server {url} refused the request ({status}): {message}.")


class Server:
    """Making one raises InputError for an invalid address or a missing key. All else is for one asyncio loop."""

    def __init__(self, role: Role, url: str) -> None:
        self._role = role
        self.url = _checked(f"{role.role}.urls", url)
        self.root = self.url.removesuffix("/v1")
        key = _key(role)
        self._secret = key or ""
        self._answered = 0.0
        self._in_trouble = False
        options = _options(self.url, key, role.timeout)
        self._clients = [httpx.AsyncClient(**options) for _ in range(0, role.slots, _CONNECTIONS)]
        self._next_client = itertools.cycle(self._clients)

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()

    async def persist(self, attempt: Callable[[], Awaitable[_T]]) -> _T:
        """The result of ``attempt``, which is retried where it raises ``Again``.

        After the last try: ItemError where the server has answered other requests since the second try, else
        BackendError, since it must be gone.
        """
        begun = time.monotonic()
        for tried in itertools.count(1):
            try:
                result = await attempt()
            except Refused:
                self._answered = time.monotonic()
                raise
            except Again as again:
                last = again
            else:
                self._answered = time.monotonic()
                self._note(None)
                return result
            self._note(last)
            if tried >= last.tries:
                break
            pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (tried - 1)) * random.uniform(0.5, 1.0)
            await asyncio.sleep(pause if last.pause is None else min(last.pause, _LONGEST_ASKED) + pause / 10)
            if tried == 1:
                begun = time.monotonic()
        if self._answered >= begun:
            raise ItemError(f"The server {self.url} failed the request {tried} times, last error: {last}.")
        raise BackendError(
            f"The server {self.url} is gone, {tried} tries failed, last error: {last}; "
            f"start it, or correct {self._role.role}.urls."
        )

    async def post(self, url: str, body: dict[str, Any]) -> dict[str, Any]:
        """One JSON answer. Raises ``Again``, ``Refused``, BackendError."""
        try:
            response = await next(self._next_client).post(url, content=_encoded(body), headers=_JSON)
        except httpx.RequestError as error:
            raise self._broken(error) from error
        self._check(response)
        return _object(response.content)

    async def stream(self, url: str, body: dict[str, Any], on_event: Callable[[dict[str, Any]], None]) -> None:
        """``on_event`` gets every event of the answer. Raises as ``post`` and ``on_event`` do.

        Cancelling closes the connection, so that the server stops.
        """
        try:
            async with next(self._next_client).stream("POST", url, content=_encoded(body), headers=_JSON) as response:
                if response.status_code != 200:
                    await response.aread()
                    self._check(response)
                await self._events(response, on_event)
        except httpx.RequestError as error:
            raise self._broken(error) from error

    async def _events(self, response: httpx.Response, on_event: Callable[[dict[str, Any]], None]) -> None:
        # Split as bytes: httpx's line reader also splits at U+2028 and others, which JSON may contain.
        chunks = response.aiter_bytes()
        rest = b""
        async for chunk in chunks:
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                if not line.startswith(b"data:"):
                    continue  # a comment that keeps the connection alive, or an unused field
                data = line[5:].strip()
                if data == b"[DONE]":
                    await _drain(chunks)
                    return
                event = _object(data)
                if event.get("error"):
                    self._refuse(*_error_in(event), headers=httpx.Headers())
                on_event(event)
            if len(rest) > _LONGEST_LINE:
                raise Again("it sent an endless line")

    def _check(self, response: httpx.Response) -> None:
        if response.status_code != 200:
            self._refuse(response.status_code, _message(response), response.headers)

    def _refuse(self, status: int, message: str, headers: httpx.Headers) -> None:
        """Raise the error that this answer means."""
        message = self._one_line(message)
        role, answer = self._role.role, f"({status}): {message}" if message else f"({status})"
        if status in _PASSES or (status >= 500 and status != 501):
            raise Again(f"it answers {answer}", _retry_after(headers), BUSY_TRIES if status in _BUSY else TRIES)
        if status in (401, 403):
            key = self._role.api_key_env
            remedy = f"put a valid key into {key}" if key else f"name the variable with the key in {role}.api_key_env"
            raise BackendError(f"The server {self.url} refuses access {answer}; {remedy}.")
        if status in (404, 405, 501):
            problem = f"does not serve the model '{self._role.model}' at this address"
            remedy = f"correct {role}.model or {role}.urls"
            if self._role.server == "vllm":
                remedy += f", or set {role}.server to 'other' where it is not vLLM"
            raise BackendError(f"The server {self.url} {problem} {answer}; {remedy}.")
        if 300 <= status < 400:
            where = self._one_line(headers.get("location", "elsewhere"))
            raise BackendError(f"The server {self.url} redirects to {where}; write the right address into {role}.urls.")
        raise Refused(self.url, status, message or "it gave no reason")

    def _broken(self, error: httpx.RequestError) -> Again:
        if isinstance(error, httpx.ReadTimeout):
            return Again(f"it sent nothing for {self._role.timeout:g} s", tries=SILENT_TRIES)
        return Again(f"{self._one_line(str(error)) or type(error).__name__}")

    def _one_line(self, message: str) -> str:
        """The message shortened for a sentence, without the key, which some servers repeat."""
        if self._secret:
            message = message.replace(self._secret, "***")
        return " ".join(message.split()).rstrip(".")[:300]

    def _note(self, trouble: Again | None) -> None:
        """Log when trouble begins and ends, not for each of a hundred requests."""
        if trouble and not self._in_trouble:
            logger.warning("The server %s is in trouble: %s; trying again.", self.url, trouble)
        elif self._in_trouble and not trouble:
            logger.warning("The server %s answers again.", self.url)
        self._in_trouble = trouble is not None


_JSON = {"Content-Type": "application/json"}


def _options(url: str, key: str | None, timeout: float) -> dict[str, Any]:
    """The options of httpx's client."""
    proxies = not httpx.URL(url).host.startswith(_LOOPBACK)  # a proxy from the environment cannot reach our loopback
    return {
        "headers": {"Authorization": f"Bearer {key}"} if key else {},
        "timeout": httpx.Timeout(timeout, connect=min(_CONNECT, timeout), pool=None),
        "limits": httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=_IDLE),
        "verify": httpx.create_ssl_context(trust_env=proxies),
        "trust_env": proxies,
    }


def _encoded(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()


async def _drain(chunks: Any) -> None:
    """Read the rest of a complete answer, so that its connection can be used again; at most one second."""
    try:
        async with asyncio.timeout(1.0):
            async for _ in chunks:
                pass
    except (TimeoutError, httpx.RequestError):
        return


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Again("it sent garbage")
    return found


def _error_in(event: dict[str, Any]) -> tuple[int, str]:
    """The status and message of an error inside a streamed answer."""
    error = event["error"]
    if not isinstance(error, dict):
        return 500, str(error)
    code = error.get("code")
    return code if isinstance(code, int) and 400 <= code < 600 else 500, str(error.get("message", ""))


def _message(response: httpx.Response) -> str:
    """The message in the body of an error, in any of the usual forms."""
    try:
        body = json.loads(response.content)
        error = body.get("error") or body
        found = error if isinstance(error, str) else error.get("message") or error.get("detail")
    except (ValueError, RecursionError, AttributeError):
        return response.text
    return found if isinstance(found, str) else response.text


def _retry_after(headers: httpx.Headers) -> float | None:
    """Seconds to wait, from a Retry-After header with seconds or a date."""
    value = headers.get("retry-after", "").strip()
    if value.isdigit():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())


def _checked(field: str, url: str) -> str:
    try:
        found = httpx.URL(url)
        valid = found.scheme in ("http", "https") and bool(found.host)
    except httpx.InvalidURL:
        valid = False
    if not valid:
        raise InputError(field, url, "is not the address of a server", "write it as http://127.0.0.1:8000/v1")
    if found.userinfo:
        bare = str(found.copy_with(userinfo=b""))
        raise InputError(field, bare, "contains a password", "put it into the environment and name it in api_key_env")
    return url.rstrip("/")


def _key(role: Role) -> str | None:
    if role.api_key_env is None:
        return None
    key = os.environ.get(role.api_key_env, "").strip()
    field = f"{role.role}.api_key_env"
    if not key:
        raise InputError(field, role.api_key_env, "is not set in the environment", "export it with the server's key")
    if not (key.isascii() and key.isprintable()):
        raise InputError(field, role.api_key_env, "contains invalid characters", "export only the server's key")
    return key
