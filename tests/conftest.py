"""Fixtures of all tests: running Trinitys, one per mode; the servers' logs under a failed test; and no skip in CI."""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from redis import Redis
from xdist.scheduler import LoadScopeScheduling

from tests.support import servers
from tests.support.api import MODES, Api
from tests.support.trinity import MAX_BODY_BYTES, trinity

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session", params=MODES)
def api(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Trinity in each of its modes, with the tests' own models beside those shipped."""
    if request.param == "rabbit" and (missing := servers.missing_rabbitmq()):
        pytest.skip(missing)
    with trinity(
        request.param, tmp_path_factory.mktemp(request.param), TRINITY_MAX_BODY=str(MAX_BODY_BYTES)
    ) as running:
        yield running


@pytest.fixture(scope="session")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A second Trinity in sync mode, the one that the others' results are compared with."""
    with trinity("inline", tmp_path_factory.mktemp("golden"), TRINITY_MAX_BODY=str(MAX_BODY_BYTES)) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, one for each file of tests."""
    from tests.support.browser import chromium  # few tests load the library of browsers

    with chromium() as running:
        yield running


@pytest.fixture
def no_job(api: Api) -> Iterator[None]:
    """Hold that the test leaves no job behind: no new key in the ledger."""
    before = _ledger_keys(api)
    yield
    assert _ledger_keys(api) <= before


class ByMode(LoadScopeScheduling):
    """With `pytest -n`: the tests of one mode share its servers in one process, all others go by module.

    xdist's own `--dist loadgroup` marks test ids in an attribute that pytest 9.2 no longer has, and so groups nothing.
    """

    def _split_scope(self, nodeid: str) -> str:
        mode = re.search(r"^tests/behaviour/.*\[(?:.*-)?(inline|redis|rabbit)(?:-.*)?\]$", nodeid)
        return mode[1] if mode else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByMode:
    """Let xdist schedule so."""
    return ByMode(config, log)


def pytest_collection_finish() -> None:
    """Exclude the collected tests, hundreds of thousands of objects, from garbage collection."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Put the servers' logs under a failed test; in CI, where everything is installed, a skipped test has failed."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        _no_skip_in_ci(report)
    running = getattr(item, "funcargs", {}).get("api")
    if report.when == "call" and report.failed and isinstance(running, Api):
        report.sections.append(("servers", running.log()))
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Any:
    """The same for whole modules."""
    report = yield
    if report.skipped:
        _no_skip_in_ci(report)
    return report


def _ledger_keys(api: Api) -> set[bytes]:
    if api.ledger_url is None:
        return set()
    with Redis.from_url(api.ledger_url) as ledger:
        return {key for key in ledger.scan_iter() if not key.startswith(b"trinity:node")}


def _no_skip_in_ci(report: Any) -> None:
    if os.environ.get("CI") == "true":
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"nothing skips in CI: {reason}"
