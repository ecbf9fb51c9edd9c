"""Progress of work: a model reports the completed fraction and its current step to a callback, if one is set.

Code that waits for long checks whether the work is still needed.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeAlias

Report: TypeAlias = Callable[[float, str], None]
Check: TypeAlias = Callable[[], None]
"""Raises the error that ends work that is no longer needed."""
MAX_STEP = 100  # characters


def ignore(fraction: float, step: str) -> None:
    """Ignore a report."""


def always_wanted() -> None:
    """Raise nothing."""


_callback: ContextVar[Report] = ContextVar("progress", default=ignore)
_check: ContextVar[Check] = ContextVar("check", default=always_wanted)


def report(fraction: float, step: str = "") -> None:
    """Report the completed fraction of the work (0 to 1), and the current step, such as "page 12 of 30".

    Without a callback nothing happens.
    """
    _callback.get()(fraction, step)


@contextmanager
def reporting(callback: Report) -> Iterator[None]:
    """Call `callback` with every fraction and step that is reported inside the block, in this thread.

    It may run very often, so it should be quick. An exception that it raises ends the work.
    """
    token = _callback.set(callback)
    try:
        yield
    finally:
        _callback.reset(token)


def check_wanted() -> None:
    """Raise the error that ends the work, if it is no longer needed; without a check nothing happens."""
    _check.get()()


@contextmanager
def wanted_while(check: Check) -> Iterator[None]:
    """Set the `check` that code inside the block calls from time to time while it waits for long, in this thread."""
    token = _check.set(check)
    try:
        yield
    finally:
        _check.reset(token)


@contextmanager
def part_of_progress(start: float, end: float) -> Iterator[None]:
    """Map reports inside the block, from 0 to 1, to the part of the work from `start` to `end`."""
    whole = _callback.get()
    with reporting(lambda fraction, step: whole(start + (end - start) * fraction, step)):
        yield


def shown_step(step: str) -> str:
    """Return a step for display: one line without control characters, of at most MAX_STEP characters."""
    text = " ".join("".join(each if each.isprintable() else " " for each in str(step)[: 2 * MAX_STEP]).split())
    return text if len(text) <= MAX_STEP else f"{text[: MAX_STEP - 1]}…"
