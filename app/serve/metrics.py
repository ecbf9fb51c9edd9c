"""GET /metrics: what Prometheus scrapes. It answers however the parts are, soon, and never from the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any, NamedTuple

from falcon.asgi import Request, Response

from app.serve.figures import of_no_queue, of_parts, of_queue
from app.service import Service
from app.telemetry.metrics import Metrics

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PATIENCE_S = 3.0  # Prometheus gives up after 10 s
Probe = Callable[[], Any]


class Watched(NamedTuple):
    """What is asked at a scrape, each in a thread: parts of which only counts that they answer, and the queue."""

    checks: Mapping[str, Probe]
    figures: Probe | None = None
    """Returns the Figures of the ledger; None where there is no queue."""


class MetricsResource:
    """GET /metrics."""

    def __init__(self, metrics: Metrics, service: Service, watched: Watched) -> None:
        self._metrics = metrics
        self._service = service
        self._queued = watched.figures is not None
        probes = {**watched.checks, "store": self._versions}
        if watched.figures is not None:
            probes["ledger"] = watched.figures
        self._probes = Probes(probes)
        self._scrape: asyncio.Task[bytes] | None = None

    async def on_get(self, req: Request, resp: Response) -> None:  # noqa: ARG002
        """Tell the numbers; who comes while others are told gets the same."""
        if self._scrape is None or self._scrape.done():
            self._scrape = asyncio.create_task(self._told())
        resp.content_type = MEDIA_TYPE
        resp.data = await asyncio.shield(self._scrape)

    async def _told(self) -> bytes:
        self._metrics.settle()
        found = await self._probes.ask(PATIENCE_S)
        parts = of_parts({part: part in found for part in self._probes.parts}, found.get("store", {}))
        queue = of_no_queue()
        if self._queued:
            queue = of_queue(found["ledger"], self._service.models) if "ledger" in found else iter(())
        return await asyncio.to_thread(self._metrics.exposition, chain(queue, parts))

    def _versions(self) -> dict[str, int]:
        """Return the latest version of each model that was fitted; raise OSError when the store doesn't answer."""
        store = self._service.store
        store.check()
        found = {model: store.versions(model) for model in sorted(self._service.models)}
        return {model: versions[-1] for model, versions in found.items() if versions}


class Probes:
    """Asks parts in threads of its own; one that hangs is not asked again until it has answered."""

    def __init__(self, probes: Mapping[str, Probe]) -> None:
        self.parts = list(probes)
        self._probes = probes
        self._threads = ThreadPoolExecutor(len(probes), thread_name_prefix="probe")
        self._asked: dict[str, asyncio.Future[Any]] = {}

    async def ask(self, patience_s: float) -> dict[str, Any]:
        """Return the answers of the parts that have one by then."""
        loop = asyncio.get_running_loop()
        for part, probe in self._probes.items():
            if part not in self._asked:
                self._asked[part] = loop.run_in_executor(self._threads, probe)
        await asyncio.wait(self._asked.values(), timeout=patience_s)
        ended = {part: self._asked.pop(part) for part in self.parts if self._asked[part].done()}
        return {part: future.result() for part, future in ended.items() if future.exception() is None}
