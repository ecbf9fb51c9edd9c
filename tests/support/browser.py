"""Headless Chromium, and visits of the page that fail on errors and on requests to other hosts."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from tests.support.servers import ROOT

WAIT_MS = 30_000


def missing_chromium() -> str:
    """What is missing to run a browser here, or an empty text."""
    return "" if shutil.which("chromium") else "chromium is not installed (apt-get install chromium)"


needs_chromium = pytest.mark.skipif(bool(missing_chromium()), reason=missing_chromium() or "-")
"""For tests in a browser."""


def artefacts() -> Path:
    """The folder for screenshots."""
    folder = Path(os.environ.get("ARTEFACTS") or ROOT / ".artefacts")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser, without its sandbox when run as root; fails where there is none."""
    assert not missing_chromium(), missing_chromium()
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=options)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visit:
    """An open page, the errors on its console, and the hosts that it requested."""

    page: Page
    errors: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def outcome(self, form: str) -> str:
        """The message of a form when it is done."""
        done = self.page.locator(f"#{form}-outcome.right, #{form}-outcome.wrong")
        done.wait_for(timeout=WAIT_MS)
        return done.inner_text()

    def overflows(self) -> bool:
        """Whether the page is wider than its window."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > innerWidth"))

    def heard(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.errors.append(message.text)

    def asked(self, request: Request) -> None:
        if not request.url.startswith(("data:", "blob:")):  # what the page itself has
            self.hosts.add(urlsplit(request.url).netloc)


@contextmanager
def visit(browser: Browser, url: str, *, tolerated: str = "", width: int = 1280, **options: object) -> Iterator[Visit]:
    """Open a page; at the end check that it had no errors and requested only its own server."""
    context = browser.new_context(viewport={"width": width, "height": 900}, **options)  # type: ignore[arg-type]
    made = Visit(context.new_page())
    made.page.set_default_timeout(WAIT_MS)
    made.page.on("console", made.heard)
    made.page.on("pageerror", lambda error: made.errors.append(str(error)))
    made.page.on("request", made.asked)
    try:
        made.page.goto(url)
        yield made
        assert [error for error in made.errors if not tolerated or tolerated not in error] == []
        assert made.hosts == {urlsplit(url).netloc}
    finally:
        context.close()
