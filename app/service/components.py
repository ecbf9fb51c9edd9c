"""The objects that the web process, the workers and the command line share, in both modes."""

from __future__ import annotations

from dataclasses import dataclass

from app.service.service import Service
from app.settings import Settings, SettingsError
from app.storage.model_store import Store
from app.storage.payload_store import Payloads


@dataclass(frozen=True)
class Components:
    """The settings and the objects built from them. None of them is connected to a broker or a ledger."""

    settings: Settings
    service: Service
    store: Store
    payloads: Payloads

    def check_store(self) -> None:
        """Raise SettingsError if the store cannot be written."""
        try:
            self.store.check()
        except OSError as error:
            raise SettingsError(f"TRINITY_STORE: can't write to {self.settings.store!r}: {error.strerror}") from None
