"""A beat goes on whatever happens to its step, and says once what is away."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from app.errors import Unavailable
from app.queue.worker import PeriodicThread
from tests.support.fakes import DEADLINE_S


@contextmanager
def beating(ends: Sequence[Exception | None]) -> Iterator[Callable[[], None]]:
    """A beat whose steps end so, one after the other, and then well; gives a wait until all of them have."""
    left = list(ends)
    over = threading.Event()

    def step() -> None:
        if not left:
            over.set()
        elif (error := left.pop(0)) is not None:
            raise error

    beat = PeriodicThread("test", step, 0.001)
    beat.start()

    def wait() -> None:
        assert over.wait(DEADLINE_S), "the beat stopped"

    try:
        yield wait
    finally:
        beat.stop()


def test_a_step_is_made_again_and_again() -> None:
    """Until it is stopped."""
    with beating([None] * 5) as wait:
        wait()


def test_an_error_does_not_end_it(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged with its place."""
    with beating([RuntimeError("unforeseen")]) as wait:
        wait()
    assert "test goes on after an error" in caplog.text
    assert "unforeseen" in caplog.text


def test_what_is_away_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """And once more when it was back in between."""
    away = Unavailable("Redis doesn't answer")
    with caplog.at_level(logging.WARNING), beating([away] * 5 + [None] + [away] * 5) as wait:
        wait()
    assert [record.message for record in caplog.records] == ["test: Redis doesn't answer"] * 2


def test_stopping_ends_the_thread() -> None:
    """No step is made afterwards."""
    steps: list[int] = []
    first = threading.Event()

    def step() -> None:
        steps.append(1)
        first.set()

    beat = PeriodicThread("test-stop", step, 0.001)
    beat.start()
    assert first.wait(DEADLINE_S)
    beat.stop()
    assert "test-stop" not in {thread.name for thread in threading.enumerate()}
