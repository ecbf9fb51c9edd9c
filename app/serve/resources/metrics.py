"""GET /metrics: what Prometheus scrapes. It answers however the parts are, soon, and never from the event loop."""

from __future__ import annotations

import asyncio
from functools import partial
from itertools import chain
from typing import NamedTuple

from falcon.asgi import Request, Response

from app.serve.health_checks import OK, HealthChecks, Probe, in_own_thread
from app.serve.resources.figures import component_families, no_queue_families, queue_families
from app.service import Service
from app.telemetry.metrics import ServiceMetrics

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class ScrapeTargets(NamedTuple):
    """What is asked at a scrape: of the parts whether they answer, and the ledger how the queue is."""

    parts: HealthChecks
    figures: Probe | None = None
    """Returns the Figures of the ledger; None where there is no queue."""


class MetricsResource:
    """GET /metrics."""

    def __init__(self, metrics: ServiceMetrics, service: Service, watched: ScrapeTargets) -> None:
        self._metrics = metrics
        self._service = service
        self._queued = watched.figures is not None
        self._parts = watched.parts
        figures: dict[str, Probe] = {} if watched.figures is None else {"ledger": watched.figures}
        self._numbers = HealthChecks({"store": self._versions, **figures}, watched.parts.patience_s)
        self._scrape: asyncio.Task[bytes] | None = None

    async def on_get(self, req: Request, resp: Response) -> None:  # noqa: ARG002
        """Tell the numbers; who comes while others are told gets the same."""
        if self._scrape is None or self._scrape.done():
            self._scrape = asyncio.create_task(self._told())
        resp.content_type = MEDIA_TYPE
        resp.data = await asyncio.shield(self._scrape)

    async def _told(self) -> bytes:
        self._metrics.settle()
        states, numbers = await asyncio.gather(self._parts.states(), self._numbers.ask())
        silent = {part for part, answer in numbers.items() if answer.state != OK}
        up = {part: states.get(part, OK) == OK and part not in silent for part in states | numbers}
        parts = component_families(up, {} if "store" in silent else numbers["store"].value)
        queue = no_queue_families()
        if self._queued:
            queue = iter(()) if "ledger" in silent else queue_families(numbers["ledger"].value, self._service.models)
        return await in_own_thread(partial(self._metrics.exposition, chain(queue, parts)), "exposition")

    def _versions(self) -> dict[str, int]:
        """Return the latest version of each model that was fitted."""
        store = self._service.store
        found = {model: store.versions(model) for model in sorted(self._service.models)}
        return {model: versions[-1] for model, versions in found.items() if versions}
