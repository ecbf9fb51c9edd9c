"""Progress of work: a model reports how much is done and what it does now; a callback receives it if one is set.

What waits for long asks whether the work is still wanted.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeAlias

Report: TypeAlias = Callable[[float, str], None]
Check: TypeAlias = Callable[[], None]
"""Raises what ends work that is not wanted any more."""
MAX_STEP = 100  # characters


def ignore(fraction: float, step: str) -> None:
    """Let a report pass."""


def always_wanted() -> None:
    """Raise nothing."""


_callback: ContextVar[Report] = ContextVar("progress", default=ignore)
_check: ContextVar[Check] = ContextVar("check", default=always_wanted)


def report(fraction: float, step: str = "") -> None:
    """Report the fraction of the work that is done (0 to 1), and a word for what is done now, such as "page 12 of 30".

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
    """Raise what ends the work, if it is not wanted any more; without a check nothing happens."""
    _check.get()()


@contextmanager
def wanted_while(check: Check) -> Iterator[None]:
    """Have `check` called now and then by what waits for long inside the block, in this thread."""
    token = _check.set(check)
    try:
        yield
    finally:
        _check.reset(token)


@contextmanager
def part_of_progress(start: float, end: float) -> Iterator[None]:
    """Have what is reported inside the block, from 0 to 1, count as the part of the work from `start` to `end`."""
    whole = _callback.get()
    with reporting(lambda fraction, step: whole(start + (end - start) * fraction, step)):
        yield


def shown_step(step: str) -> str:
    """Return a step as it is shown: one line without control characters, of at most MAX_STEP characters."""
    text = " ".join("".join(each if each.isprintable() else " " for each in str(step)[: 2 * MAX_STEP]).split())
    return text if len(text) <= MAX_STEP else f"{text[: MAX_STEP - 1]}…"
