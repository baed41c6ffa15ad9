"""The embedded workspace of the embedding job's tests."""

from tests.engine.embedding.conftest import embedded, workspace

__all__ = ["embedded", "workspace"]
