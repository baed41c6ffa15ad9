"""Closes the browser that the tests of a file shared."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def one_browser_a_file() -> Iterator[None]:
    yield
    from tests.ui.browser import SHARED  # here: most files have no browser

    SHARED.close()
