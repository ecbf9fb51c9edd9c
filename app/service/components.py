"""The service with its settings and stores, as `build` puts them together."""

from __future__ import annotations

from dataclasses import dataclass

from app.service.service import Service
from app.settings import Settings, SettingsError
from app.storage.model_store import Store
from app.storage.payload_store import Payloads


@dataclass(frozen=True)
class Components:
    """What web processes, workers and the command line share: the settings and what is built from them, unconnected."""

    settings: Settings
    service: Service
    store: Store
    payloads: Payloads

    def check_store(self) -> None:
        """Remove what killed processes left in the store; raise SettingsError if it cannot be written."""
        try:
            self.store.check()
            self.store.sweep()
        except OSError as error:
            raise SettingsError(f"TRINITY_STORE: can't write to {self.settings.store!r}: {error.strerror}") from None
