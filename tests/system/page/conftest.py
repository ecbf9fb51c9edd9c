"""The browser of the tests of the page."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.support.browser import chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, one for each file of tests."""
    with chromium() as running:
        yield running
