"""A server: the same commands by the client."""

from __future__ import annotations

from typing import Any

from app.cli.backend import VerbResult, outputs_of
from app.client import Client, Forbidden
from app.client.encoding import encode_csv
from app.schemas.verbs import Verb


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

    def outputs(self, done: VerbResult) -> list[str]:
        """Return the names of the predictions' columns; y where the key may predict but not read."""
        try:
            return outputs_of(self.version(done.model, str(done.version)))
        except Forbidden:
            first = done.result["y"][0]
            return [f"y{i}" for i in range(1, len(first) + 1)] if isinstance(first, list) and len(first) > 1 else ["y"]

    def work(self, verb: Verb, table: bytes, model: str | None, **query: Any) -> VerbResult:
        """Do a verb on a CSV file; raise what refuses it or what it ended in."""
        named = {"target": query["target"] or None, "version": query.get("version")}
        given = {name: value for name, value in named.items() if value is not None}
        words = {**(query.get("params") or {}), **given}
        job = self._client.submit(verb, encode_csv(table, **words), model)
        result = job.result()
        return VerbResult(job.model, job.version or 0, result)
