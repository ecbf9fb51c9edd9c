"""The last good version of a model, which answers while the current version cannot be loaded."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from logging import getLogger
from typing import NamedTuple

from app.errors import NotFound

logger = getLogger(__name__)

RETRY_S = 30.0  # until a version that could not be loaded is tried again, even if its files are unchanged


class FailedLoad(NamedTuple):
    """A version that could not be loaded, and the reason."""

    revision: Hashable
    """The revision of its files."""
    why: str
    until_s: float
    """The time of the next try."""


class LastGood:
    """Remembers for this process which version last answered requests that do not name one.

    Requests that name a version get that version, or the error. Several threads may use it.
    """

    def __init__(self, revision: Callable[[str, int], Hashable], clock: Callable[[], float] = time.monotonic) -> None:
        """`revision` returns another value for a version whose files changed, or raises NotFound."""
        self._revision = revision
        self._clock = clock
        self._answered: dict[str, int] = {}
        self._failed: dict[tuple[str, int], FailedLoad] = {}

    def note(self, name: str, number: int) -> None:
        """Record that a loaded version answers for its model."""
        if self._answered.get(name) != number:
            self._answered[name] = number

    def loaded(self, name: str, number: int) -> None:
        """Record that a version was loaded."""
        if self._failed.pop((name, number), None) is not None:
            logger.info("version %d of %s can be loaded again", number, name)

    def failed(self, name: str, number: int, revision: Hashable, why: str) -> None:
        """Record that a version could not be loaded; `revision` is that of its files."""
        known = self._failed.get((name, number))
        self._failed[name, number] = FailedLoad(revision, why, self._clock() + RETRY_S)
        last = self._answered.get(name, number)
        if known is None and last != number:
            logger.error(
                "version %d of %s cannot be loaded; version %d answers requests that name none", number, name, last
            )

    def instead_of(self, name: str, number: int) -> int:
        """Return which version answers instead of `number`: that one itself, unless it failed a moment ago."""
        if not self._failed:  # mostly
            return number
        failure, last = self._failed.get((name, number)), self._answered.get(name)
        if failure is None or last is None or self._clock() >= failure.until_s:
            return number
        try:
            unchanged = failure.revision == self._revision(name, number)
        except NotFound:  # its folder was removed meanwhile, which the lookup of the version reports
            return number
        return last if unchanged else number

    def stand_ins(self) -> list[tuple[str, int, int, str]]:
        """Return for each failed version its name, its number, the number that answers instead, and the reason."""
        return [
            (name, number, last, failure.why)
            for (name, number), failure in list(self._failed.items())
            if (last := self._answered.get(name)) not in {None, number}
        ]
