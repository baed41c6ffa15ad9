"""The sha256 of a file, computed in a thread while the file is read."""

import hashlib
import threading
from pathlib import Path


class Digest:
    """``value`` is the file's sha256 once computed; None where there is no file, or it was stopped."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._stopped = threading.Event()
        self.value: str | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        if self._path is None:
            return
        digest = hashlib.sha256()
        try:
            with self._path.open("rb") as file:
                while block := file.read(1 << 22):
                    if self._stopped.is_set():
                        return
                    digest.update(block)
        except OSError:
            return  # the reader of the rows meets the same error and reports it
        self.value = digest.hexdigest()

    def stop(self, wait: bool) -> None:
        if not wait:
            self._stopped.set()
        self._thread.join()
