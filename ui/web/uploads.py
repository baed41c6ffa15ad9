"""Files that people upload: taken over from Gradio, which never deletes them, and deleted after use.

Gradio stores files of equal content once, so that two pages share one: each is moved to a separate folder first.
"""

import tempfile
from pathlib import Path

from gradio.utils import get_upload_folder

from store.errors import InputError


class Uploads:
    """A folder for this process's uploads, deleted with its contents when the process ends."""

    def __init__(self) -> None:
        self._gradios = Path(get_upload_folder()).resolve()
        self._gradios.mkdir(parents=True, exist_ok=True)
        self._folder = tempfile.TemporaryDirectory(prefix="held-", dir=self._gradios, ignore_cleanup_errors=True)

    def take(self, uploaded: str) -> Path:
        """Move a file out of Gradio's folder. InputError where it is not an upload, or no longer there."""
        path = Path(uploaded)
        if not path.resolve().is_relative_to(self._gradios):  # Gradio refuses it too, but here it would be moved
            raise InputError("FILE", path.name, "is not an upload", "choose a file")
        own = Path(tempfile.mkdtemp(dir=self._folder.name)) / path.name
        try:
            return path.replace(own)
        except FileNotFoundError:
            raise InputError("FILE", path.name, "no longer exists", "choose it again") from None


def drop(taken: Path) -> None:
    """Delete an upload that ``take`` returned, and its folder, if they still exist."""
    taken.unlink(missing_ok=True)
    if taken.parent.is_dir():
        taken.parent.rmdir()
