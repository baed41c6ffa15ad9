"""Where the files that ship with the product are. The same in a checkout and in an installed wheel."""

from __future__ import annotations

from pathlib import Path

ASSETS = Path(__file__).resolve().parent.parent / "assets"
"""Models, profiles and static files: ``assets/`` beside ``engine/``."""
