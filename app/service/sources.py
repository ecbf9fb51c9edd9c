"""Sources of data that requests name instead of sending numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import msgspec

from app.errors import Invalid
from app.schemas.pointers import located
from app.schemas.requests import Matrix, Source


class Connector(Protocol):
    """A source of data: its shape is known before anything is read."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and inputs."""

    def read(self) -> tuple[Matrix, Matrix]:
        """Return X of `shape` and y."""


class SourceKind(NamedTuple):
    """How requests name a connector's parameters, and what makes the connector."""

    params: type[msgspec.Struct]
    connector: Any


class Sources:
    """The kinds of source, by name."""

    def __init__(self, kinds: Mapping[str, SourceKind]) -> None:
        self._kinds = kinds

    def check(self, source: Source) -> Source:
        """Return the source with all of its parameters; raise Invalid for a name or a parameter that isn't one."""
        if source.name not in self._kinds:
            known = ", ".join(sorted(self._kinds))
            raise Invalid.at("/data/source", f"no source {source.name[:64]!r}; there are {known}")
        params = check_params(self._kinds[source.name].params, source.params, "/data/params")
        return Source(source.name, params)

    def connector(self, source: Source) -> Connector:
        """Return what gives the numbers of a source that was checked."""
        connector: Connector = self._kinds[source.name].connector(**source.params)
        return connector


def check_params(schema: type[msgspec.Struct], params: Mapping[str, Any], pointer: str) -> dict[str, Any]:
    """Return parameters with the defaults filled in; raise Invalid for one that doesn't fit the schema."""
    try:
        return msgspec.structs.asdict(msgspec.convert(params, schema))
    except msgspec.ValidationError as error:
        raise located(error, msgspec.json.encode(params), pointer) from None
