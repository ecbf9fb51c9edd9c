"""The registry of the local store as a part of the backend, with the methods of the client but without HTTP."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from app.errors import Conflict
from app.schemas.registry import version_before
from app.service import Service
from app.storage.registry import Author, Expected

if TYPE_CHECKING:
    from app.client.registry import IfVersion


class LocalRegistry:
    """Aliases, history and removals; jobs of a queue are not considered."""

    def __init__(self, service: Service) -> None:
        self._models = service
        self._registry = service.store.registry

    def set_alias(self, model: str, version: int, alias: str, if_version: IfVersion = "any") -> None:
        """Move an alias; raise as the client's method does."""
        self._models.model(model)
        self._registry.move(model, alias, version, Author("request"), _expected(if_version))

    def delete_alias(self, model: str, alias: str, if_version: int | Literal["any"] = "any") -> None:
        """Remove an alias; raise as the client's method does."""
        self._models.model(model)
        self._models.store.resolve(model, alias)
        self._registry.move(model, alias, None, Author("request"), _expected(if_version))

    def rollback(self, model: str, version: int | None, alias: str) -> int:
        """Move an alias back; raise as the client's method does."""
        self._models.model(model)
        store = self._models.store
        current = store.aliases(model).get(alias)
        if version is None:
            version = version_before(self._registry.history(model), alias, current, store.versions(model))
        if version is None:
            raise Conflict(f"model {model!r} has no version to go back to; name one")
        self._registry.move(model, alias, version, Author("rollback"), current)
        return version

    def history(self, model: str, alias: str | None = None, limit: int = 100) -> list[dict[str, Any]]:
        """Return the moves of a model's aliases, newest first."""
        self._models.model(model)
        moves = (move for move in self._registry.history(model) if alias in {None, move.alias})
        found: list[dict[str, Any]] = msgspec.to_builtins(list(islice(moves, limit)))
        return found

    def delete_version(self, model: str, version: int) -> None:
        """Remove a version; raise as the client's method does."""
        self._models.model(model)
        self._registry.remove_version(model, version)

    def delete_model(self, model: str) -> None:
        """Remove a model; raise as the client's method does."""
        self._models.check_removable(model)
        self._registry.remove_model(model)


def _expected(if_version: IfVersion) -> Expected:
    return msgspec.UNSET if if_version == "any" else if_version
