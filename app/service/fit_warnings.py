"""Collects the warnings of models during their fits as sentences for the version."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TextIO

MAX_WARNINGS = 20
"""Maximum number of different warnings of a fit that are kept; the others are counted."""
WARNING_CHARACTERS = 1000
"""Maximum length of a warning's text."""


class FitWarnings:
    """The different warnings of one fit, in their order, and how often each occurred."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._others = 0

    def add(self, category: type[Warning], message: object) -> None:
        """Count a warning."""
        said = " ".join(str(message).split())
        text = said if category is UserWarning else f"{category.__name__}: {said}"
        text = text[:WARNING_CHARACTERS].encode("utf-8", "replace").decode()
        if text in self._counts or len(self._counts) < MAX_WARNINGS:
            self._counts[text] = self._counts.get(text, 0) + 1
        else:
            self._others += 1

    def sentences(self) -> list[str]:
        """Return the warnings, each once."""
        found = [text if count == 1 else f"{text} ({count} times)" for text, count in self._counts.items()]
        return [*found, f"{self._others} more warnings were left out"] if self._others else found


_FIT: ContextVar[FitWarnings | None] = ContextVar("fit_warnings", default=None)


@contextmanager
def collect_warnings() -> Iterator[FitWarnings]:
    """Collect the warnings of this thread, or of this task, in the body.

    Warnings that the filters ignore or raise stay ignored or raised. Warnings of other threads are not affected.
    """
    _listen()
    collected = FitWarnings()
    token = _FIT.set(collected)
    try:
        yield collected
    finally:
        _FIT.reset(token)


class _InFits(type):
    """Limits a filter to the threads that fit, because Python's filters apply to the whole process."""

    def __subclasscheck__(cls, category: type) -> bool:
        """Python calls this with the category of each warning that no filter before it matched."""
        return _FIT.get() is not None


class WarningInFit(Warning, metaclass=_InFits):
    """Matches any warning in the filters while a fit runs in this thread, so that repeated warnings are not dropped.

    It is public, so that joblib, which passes the filters to its processes, can find it.
    """


class _Router:
    """Replaces `warnings.showwarning`; passes warnings from outside of fits to the previous function."""

    def __init__(self, before: Callable[..., None]) -> None:
        self._before = before

    def __call__(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        collected = _FIT.get()
        if collected is None:
            self._before(message, category, filename, lineno, file, line)
        else:
            collected.add(category, message)


_listening = threading.Lock()


def _listen() -> None:
    """Make sure that this process has router and filter; they stay, and have no effect outside of fits.

    Installing and removing them for each fit would fail if two fits overlap, or if a library in another thread does
    the same with `catch_warnings`. Such a library may remove them, so every fit checks them.
    The filter is the last, so that those of the user and of Python (no DeprecationWarning) come first; adding it
    also makes Python forget which warnings it has shown before.
    """
    with _listening:
        shown: Any = warnings.showwarning
        if not isinstance(shown, _Router):
            warnings.showwarning = _Router(shown)
        warnings.simplefilter("always", WarningInFit, append=True)
