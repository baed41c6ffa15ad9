"""An iterator that a thread runs a bounded number of items ahead of its reader."""

import queue
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")
_CHECK_INTERVAL = 0.2
"""Seconds between two checks whether the reader has left."""
_END = object()


class _Raised:
    def __init__(self, error: BaseException) -> None:
        self.error = error


@contextmanager
def prefetched(items: Iterable[T], limit: int) -> Iterator[Iterator[T]]:
    """Gives the items in their order; an error of the iterator is raised to the reader at its place.

    ``limit``: items that are made, or being made, and not yet read. On leaving, thread and iterator have ended.
    """
    ready: queue.Queue[Any] = queue.Queue()
    free, left = threading.Semaphore(limit), threading.Event()
    thread = threading.Thread(target=_fill, args=(items, ready, free, left), name="prefetch", daemon=True)
    thread.start()
    try:
        yield _read(ready, free)
    finally:
        left.set()
        thread.join()


def _fill(items: Iterable[Any], ready: queue.Queue[Any], free: threading.Semaphore, left: threading.Event) -> None:
    rest = iter(items)
    try:
        while not left.is_set():
            if free.acquire(timeout=_CHECK_INTERVAL):
                ready.put(next(rest))
    except StopIteration:
        ready.put(_END)
    except BaseException as error:  # noqa: BLE001  the thread's edge: raised to the reader
        ready.put(_Raised(error))
    finally:
        close = getattr(rest, "close", None)
        if close is not None:
            close()


def _read(ready: queue.Queue[Any], free: threading.Semaphore) -> Iterator[Any]:
    while (item := ready.get()) is not _END:
        if isinstance(item, _Raised):
            raise item.error
        free.release()
        yield item
