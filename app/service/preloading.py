"""Load the versions that requests without a version use, in a separate thread, before the first request arrives."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from logging import getLogger

from app.errors import TrinityError
from app.service.service import Service
from app.service.version_checks import VersionChecks

logger = getLogger(__name__)

ALIASES = ("champion", "latest")


class Preload:
    """Loads the champion and the latest version of each model, the default model's first, until the memory is full."""

    def __init__(self, service: Service, checks: VersionChecks) -> None:
        """Use `checks` to skip versions that are unusable by their manifests alone: these are reported elsewhere."""
        self._service = service
        self._checks = checks
        self._stopped = threading.Event()
        self._failed: dict[tuple[str, int], str] = {}

    def start(self) -> None:
        """Start the thread; nothing waits for it, and the process may end meanwhile."""
        threading.Thread(target=self.run, name="preload", daemon=True).start()

    def stop(self) -> None:
        """End before the next version."""
        self._stopped.set()

    def run(self) -> None:
        """Load versions one after the other. A failure is reported by `warnings`, and the others are still loaded."""
        try:
            for name, number in self._versions():
                if self._stopped.is_set() or self._service.is_full:
                    return
                self._load(name, number)
        except OSError as error:  # of the store, whose own check reports it
            logger.warning("versions could not be loaded ahead of requests: %s", error.strerror)

    def _load(self, name: str, number: int) -> None:
        try:
            self._service.fitted(name, number)
        except TrinityError as error:
            logger.warning("loading version %d of %s ahead of requests failed: %s", number, name, error.kind)
            self._failed[name, number] = error.detail
        except BaseException as error:  # noqa: BLE001  the model's code that restores a version may raise anything
            logger.warning("loading version %d of %s raised %s", number, name, type(error).__name__)
            self._failed[name, number] = f"it raised {type(error).__name__}"

    def warnings(self) -> list[str]:
        """Return the versions in use that could not be loaded, and were not loaded later; raise OSError."""
        return [
            f"{name}, version {number}: could not be loaded: {why}"
            for (name, number), why in list(self._failed.items())
            if number in self._used(name)
            and self._service.loaded(name, number) is None
            and not self._checks.problem(name, number)
        ]

    def _versions(self) -> Iterator[tuple[str, int]]:
        names = self._service.models.names()
        for name in sorted(names, key=lambda name: name != self._service.default_model):
            for number in sorted(self._used(name)):
                yield name, number

    def _used(self, name: str) -> set[int]:
        return {number for alias, number in self._service.store.aliases(name).items() if alias in ALIASES}
