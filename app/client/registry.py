"""The registry in the client: which version serves, its history, and the removal of versions and models."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias
from urllib.parse import quote

import msgspec

from app.client.encoding import encode_request
from app.client.file_calls import FileCalls
from app.client.transport import OutgoingRequest, require_members
from app.errors import Conflict, NotFound
from app.schemas.decoding import convert
from app.schemas.registry import Moves, version_before

CHAMPION = "champion"
MOST_MOVES = 1000
IfVersion: TypeAlias = int | Literal["any"] | None


class RegistryCalls(FileCalls):
    """The part of Client for aliases, history and removals. These calls need a key with the scope `fit`, or `read`."""

    def estimators(self) -> list[dict[str, Any]]:
        """Return the estimators that models can use: name, description, params as JSON Schema."""
        found: list[dict[str, Any]] = self._get("/estimators", members=["estimators"])["estimators"]
        return found

    def alias(self, model: str, alias: str = CHAMPION) -> int:
        """Return the version that an alias names; raise NotFound."""
        return int(self._get(_path(model, "aliases", alias), members=["alias", "version"])["version"])

    def set_alias(
        self,
        model: str,
        version: int,
        alias: str = CHAMPION,
        if_version: IfVersion = "any",
        *,
        why: Literal["request", "rollback"] = "request",
    ) -> None:
        """Move an alias to a version. Requests without a version use the alias `champion` if it exists.

        With `if_version` it moves only from that version; None: it must not exist. Otherwise raise Conflict, whose
        message has its version. Raise NotFound for an unknown version, Invalid for an alias that is not valid.
        """
        expected = {} if if_version == "any" else {"if_version": if_version}
        body = msgspec.json.encode({"version": version, "why": why, **expected})
        request = OutgoingRequest("PUT", _path(model, "aliases", alias), body=encode_request()._replace(content=body))
        self._once(request)

    def delete_alias(self, model: str, alias: str = CHAMPION, if_version: int | Literal["any"] = "any") -> None:
        """Remove an alias; raise NotFound, or Conflict as `set_alias` does."""
        query = {} if if_version == "any" else {"if_version": if_version}
        self._once(OutgoingRequest("DELETE", _path(model, "aliases", alias), query))

    def rollback(self, model: str, version: int | None = None, alias: str = CHAMPION) -> int:
        """Move an alias back to its previous version, or to `version`; return that version.

        Without a `champion` the version before the latest becomes the champion. Raise Conflict if there is none, or if
        the alias was moved by another client meanwhile.
        """
        try:
            current: int | None = self.alias(model, alias)
        except NotFound:
            current = None
        if version is None:
            moves = convert({"history": self.history(model, alias, MOST_MOVES)}, Moves, strict=False)
            version = version_before(moves.history, alias, current, self.models(model)["versions"])
        if version is None:
            raise Conflict(f"model {model!r} has no version to go back to; name one")
        self.set_alias(model, version, alias, current, why="rollback")
        return version

    def history(self, model: str, alias: str | None = None, limit: int = 100) -> list[dict[str, Any]]:
        """Return the moves of a model's aliases, newest first: alias, from, to, at, why, by; raise NotFound."""
        query = {"limit": limit} | ({} if alias is None else {"alias": alias})
        found: list[dict[str, Any]] = self._get(_path(model, "history"), query, ["history"])["history"]
        return found

    def delete_version(self, model: str, version: int) -> None:
        """Remove a version; raise NotFound, or Conflict if an alias names it."""
        self._once(OutgoingRequest("DELETE", _path(model, "versions", str(version))))

    def delete_model(self, model: str) -> None:
        """Remove a model with all its versions.

        Raise NotFound, or Conflict if the model has its estimator's name, or has jobs that wait or run.
        """
        self._once(OutgoingRequest("DELETE", _path(model)))

    def _once(self, request: OutgoingRequest) -> None:
        """Send a request that is not idempotent: if its response is lost, raise Unreachable."""
        require_members(self._transport.json(request._replace(retries=False), self._deadline()))


def _path(model: str, *more: str) -> str:
    return "/".join(["/models", *(quote(part, safe="") for part in (model, *more))])
