"""Progress of a fit: a model reports it, and a callback receives it if one is set."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_callback: ContextVar[Callable[[float], None]] = ContextVar("progress", default=lambda _: None)


def report(fraction: float) -> None:
    """Report the fraction of the work that is done (0 to 1); without a callback nothing happens."""
    _callback.get()(fraction)


@contextmanager
def reporting(callback: Callable[[float], None]) -> Iterator[None]:
    """Call `callback` with every fraction that is reported inside the block, in this thread.

    It may run very often, so it should be quick. An exception that it raises ends the work.
    """
    token = _callback.set(callback)
    try:
        yield
    finally:
        _callback.reset(token)
