"""A server: the same commands by the client."""

from __future__ import annotations

from typing import Any

from app.cli.where import Done, Verb
from app.client import Client
from app.client.bodies import of_csv


class Remote:
    """Models of a Trinity somewhere else."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def models(self) -> list[dict[str, Any]]:
        """Return every model."""
        found: list[dict[str, Any]] = self._client.models()
        return found

    def model(self, name: str) -> dict[str, Any]:
        """Return one model; raise NotFound."""
        found: dict[str, Any] = self._client.models(name)
        return found

    def version(self, name: str, version: str) -> dict[str, Any]:
        """Return what is known of a version; raise NotFound."""
        return self._client.version(name, version)

    def work(self, verb: Verb, table: bytes, model: str | None, **query: Any) -> Done:
        """Do a verb on a CSV file; raise what refuses it or what it ended in."""
        named = {"target": query["target"] or None, "version": query.get("version")}
        given = {name: value for name, value in named.items() if value is not None}
        words = {**(query.get("params") or {}), **given}
        job = self._client.submit(verb, of_csv(table, **words), model)
        result = job.result()
        return Done(job.model, job.version or 0, result)
