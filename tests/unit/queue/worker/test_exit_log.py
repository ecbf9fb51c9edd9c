"""Processes killed on purpose are not logged as errors; each other one that ends is logged in one line."""

import logging
from collections.abc import Iterator

import billiard.util
import pytest
from billiard.exceptions import WorkerLostError

from app.queue.worker.node import ExpectedExits

POOL, REQUEST = billiard.util.get_logger(), logging.getLogger("celery.worker.request")


@pytest.fixture
def ended() -> Iterator[ExpectedExits]:
    """Listening; the worker's only process is 7."""
    before = [(each, list(each.filters), each.propagate) for each in (POOL, REQUEST)]
    made = ExpectedExits(lambda: ["7"], lambda pid, signal: None)
    made.install()
    yield made
    for logger, filters, propagate in before:
        logger.filters, logger.propagate = filters, propagate


def exits(pid: int) -> None:
    """Log the end of a process as billiard does."""
    POOL.error("Process %r pid:%r exited with %r", "ForkPoolWorker-1", pid, "signal 9 (SIGKILL)", exc_info=0)


def test_the_end_of_a_process_is_logged_unless_it_was_intended(
    ended: ExpectedExits, caplog: pytest.LogCaptureFixture
) -> None:
    """Once: its number may be another's one day. What isn't a process of the worker was not ended."""
    for child in ("7", "8"):
        ended.kill(child)
    exits(7)
    assert caplog.records == []
    for pid in (7, 8):
        exits(pid)
    assert len(caplog.records) == 2
    POOL.error("something else, of process %r", 7)
    assert len(caplog.records) == 3


@pytest.mark.usefixtures("ended")
def test_celery_does_not_log_it_again(caplog: pytest.LogCaptureFixture) -> None:
    """Its error about a lost task, which has a stack; other errors are logged."""
    for error in (WorkerLostError("Worker exited prematurely: signal 9 (SIGKILL) Job: 17."), KeyError("a bug")):
        REQUEST.error("Task handler raised error: %r", error, exc_info=(type(error), error, None))
    assert ["a bug" in record.getMessage() for record in caplog.records] == [True]
