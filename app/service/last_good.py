"""The last good version of a model, which answers while the current version cannot be loaded."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from logging import getLogger
from typing import NamedTuple

from app.errors import NotFound
from app.storage.file_states import FileState

logger = getLogger(__name__)

RETRY_S = 30.0  # until a version that could not be loaded is tried again, even if its files are unchanged
CHANGED_RETRY_S = 1.0  # the same if they have changed: a try reads all of them, and a copy of them may be under way


class FailedLoad(NamedTuple):
    """A version that could not be loaded, and the reason."""

    states: Mapping[str, FileState]
    """The state of each of its files, by name, before the load."""
    why: str
    at_s: float
    """When it failed, by the clock."""


class LastGood:
    """Remembers for this process which version last answered requests that do not name one.

    Requests that name a version get that version, or the error. Several threads may use it.
    """

    def __init__(
        self, states: Callable[[str, int], Mapping[str, FileState]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`states` returns the state of each file of a version, by name, or raises NotFound."""
        self._states = states
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

    def failed(self, name: str, number: int, states: Mapping[str, FileState], why: str) -> None:
        """Record that a version could not be loaded; `states` are those of its files before the load."""
        known = self._failed.get((name, number))
        self._failed[name, number] = FailedLoad(states, why, self._clock())
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
        if failure is None or last is None:
            return number
        age_s = self._clock() - failure.at_s
        if age_s < CHANGED_RETRY_S:
            return last
        return number if age_s >= RETRY_S or self._have_changed(name, number, failure.states) else last

    def stand_ins(self) -> list[tuple[str, int, int, str]]:
        """Return for each failed version its name, its number, the number that answers instead, and the reason."""
        return [
            (name, number, last, failure.why)
            for (name, number), failure in list(self._failed.items())
            if (last := self._answered.get(name)) not in {None, number}
        ]

    def _have_changed(self, name: str, number: int, states: Mapping[str, FileState]) -> bool:
        try:
            return self._states(name, number) != states
        except NotFound:  # its folder was removed meanwhile, which the lookup of the version reports
            return True
