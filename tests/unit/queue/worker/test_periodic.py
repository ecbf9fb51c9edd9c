"""The thread goes on whatever happens to its step, and logs an outage once."""

import logging
import threading
from collections.abc import Sequence

import pytest

from app.errors import Unavailable
from app.queue.worker.periodic import start_periodic
from tests.support.fakes import DEADLINE_S


def run_steps(ends: Sequence[Exception | None]) -> None:
    """Wait for a thread whose steps end so, one after the other; the daemon thread then stays in its last step."""
    left = list(ends)
    over = threading.Event()

    def step() -> None:
        if not left:
            over.set()
            threading.Event().wait()
        elif (error := left.pop(0)) is not None:
            raise error

    start_periodic("test", step, 0.001)
    assert over.wait(DEADLINE_S), "the thread stopped"


def test_a_step_is_made_again_and_again() -> None:
    """As long as its process lives."""
    run_steps([None] * 5)


def test_an_error_does_not_end_it(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged with its place."""
    run_steps([RuntimeError("unforeseen")])
    assert "test goes on after an error" in caplog.text
    assert "unforeseen" in caplog.text


def test_what_is_away_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """And once more when it was back in between."""
    away = Unavailable("Redis doesn't answer")
    with caplog.at_level(logging.WARNING):
        run_steps([away] * 5 + [None] + [away] * 5)
    assert [record.message for record in caplog.records] == ["test: Redis doesn't answer"] * 2
