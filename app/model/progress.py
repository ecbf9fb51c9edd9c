"""How far a fit is: a model reports it without knowing who asked; nothing happens when nobody did."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_asked: ContextVar[Callable[[float], None] | None] = ContextVar("progress", default=None)


def report(fraction: float) -> None:
    """Tell who asked, if anybody did, that so much of the work is done (0 to 1)."""
    callback = _asked.get()
    if callback is not None:
        callback(fraction)


@contextmanager
def reporting(callback: Callable[[float], None]) -> Iterator[None]:
    """Have `callback` called with every fraction that is reported in here, in this thread.

    It is called in the midst of the work, perhaps very often: it should pass on what is news and drop the rest. What it
    raises ends the work.
    """
    token = _asked.set(callback)
    try:
        yield
    finally:
        _asked.reset(token)
