"""The folder of the bundled files, in a checkout and in an installed wheel."""

from pathlib import Path

ASSETS = Path(__file__).resolve().parent.parent / "assets"
"""Models, profiles and static files."""
