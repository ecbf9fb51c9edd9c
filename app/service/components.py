"""The service with its settings and stores, as built by `build`."""

from __future__ import annotations

from dataclasses import dataclass

from app.service.service import Service
from app.settings import Settings, SettingsError
from app.storage.model_store import Store
from app.storage.payload_store import Payloads


@dataclass(frozen=True)
class Components:
    """The common objects of web processes, workers and the command line, built from the settings and not connected."""

    settings: Settings
    service: Service
    store: Store
    payloads: Payloads

    def check_store(self) -> None:
        """Remove the remains of killed processes from the store; raise SettingsError if it is not writable."""
        try:
            self.store.check()
            self.store.sweep()
        except OSError as error:
            raise SettingsError(f"TRINITY_STORE: can't write to {self.settings.store!r}: {error.strerror}") from None
