"""Publish a version from any origin: a fit, a file of another library, or another store."""

from __future__ import annotations

from app.errors import Unavailable
from app.storage.array_files import Arrays
from app.storage.durable_files import Permit, always_permit
from app.storage.manifest import Manifest
from app.storage.model_store import Files, Store


def publish(
    store: Store, manifest: Manifest, files: Files, permit: Permit = always_permit, sample: Arrays | None = None
) -> Manifest:
    """Publish as `Store.publish` does; raise Unavailable if the store is not writable."""
    try:
        return store.publish(manifest, files, permit, sample)
    except OSError as error:  # a full disk, a folder of another user
        raise Unavailable(f"the version could not be written to the store ({error.strerror}); try again") from error
