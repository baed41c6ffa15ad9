"""The workspace of the review tests: two runs, some questions dropped, some pending."""

from tests.store.review.conftest import frames, ids, pair, workspace

__all__ = ["frames", "ids", "pair", "workspace"]
