"""Files that people upload into the page: taken over from Gradio, which never deletes them, and gone when done with.

Gradio puts files of the same content at the same place, so that one page's file is another's: each is moved to a folder
of its own first. Knows nothing of what stands in them.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from gradio.utils import get_upload_folder

from store.errors import InputError


class Uploads:
    """A folder for this process's uploads; it goes, with what is left in it, when the process ends."""

    def __init__(self) -> None:
        self._gradios = Path(get_upload_folder()).resolve()
        self._gradios.mkdir(parents=True, exist_ok=True)
        self._folder = tempfile.TemporaryDirectory(prefix="held-", dir=self._gradios, ignore_cleanup_errors=True)

    def take(self, uploaded: str) -> Path:
        """Move a file out of Gradio's reach. InputError where it is not an upload, or no longer there."""
        path = Path(uploaded)
        if not path.resolve().is_relative_to(self._gradios):  # Gradio refuses it too; it would be moved away here
            raise InputError("FILE", path.name, "has not been uploaded", "choose a file of your own")
        own = Path(tempfile.mkdtemp(dir=self._folder.name)) / path.name
        try:
            return path.replace(own)
        except FileNotFoundError:
            raise InputError("FILE", path.name, "is not there any more", "choose it again") from None


def drop(taken: Path) -> None:
    """Delete an upload that ``take`` gave, and its folder. One that is gone already is fine."""
    taken.unlink(missing_ok=True)
    if taken.parent.is_dir():
        taken.parent.rmdir()
