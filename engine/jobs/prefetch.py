"""An iterator run by a thread of its own, a bounded number of items ahead of who reads it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")
_LOOK = 0.2
"""Seconds between two looks at whether anyone still reads."""
_END = object()


class _Raised:
    def __init__(self, error: BaseException) -> None:
        self.error = error


@contextmanager
def ahead(items: Iterable[T], most: int) -> Iterator[Iterator[T]]:
    """Inside, the items in their order; what the iterator raises is raised to the reader, at its place. On leaving, the
    thread and the iterator have ended. ``most``: items that are made or being made and not yet taken."""
    ready: queue.Queue[Any] = queue.Queue()
    room, left = threading.Semaphore(most), threading.Event()
    thread = threading.Thread(target=_fill, args=(items, ready, room, left), name="ahead", daemon=True)
    thread.start()
    try:
        yield _read(ready, room)
    finally:
        left.set()
        thread.join()


def _fill(items: Iterable[Any], ready: queue.Queue[Any], room: threading.Semaphore, left: threading.Event) -> None:
    rest = iter(items)
    try:
        while not left.is_set():
            if room.acquire(timeout=_LOOK):
                ready.put(next(rest))
    except StopIteration:
        ready.put(_END)
    except BaseException as error:  # noqa: BLE001  the thread's edge: the reader is to hear of it
        ready.put(_Raised(error))
    finally:
        close = getattr(rest, "close", None)
        if close is not None:
            close()


def _read(ready: queue.Queue[Any], room: threading.Semaphore) -> Iterator[Any]:
    while (item := ready.get()) is not _END:
        if isinstance(item, _Raised):
            raise item.error
        room.release()
        yield item
