"""The HTTP entrance: `create_app` shows the whole of it; each family of resources has a file of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from falcon.asgi import App, Request, Response

from app.dispatch.base import Dispatcher
from app.keys import parse
from app.schemas import VERBS
from app.serve import problems
from app.serve.api import Api
from app.serve.asgi import Asgi
from app.serve.body import Bodies
from app.serve.express import Express, Stop
from app.serve.index import Index
from app.serve.jobs import BoardEvents, JobEvents
from app.serve.keys import Keys
from app.serve.limits import Limits
from app.serve.metrics import Watched
from app.serve.observed import Observed, Telemetry
from app.serve.openapi.bodies import Bodies as Described
from app.serve.openapi.document import document, keyed
from app.serve.openapi.envelopes import RESULTS
from app.serve.page.assets import Assets
from app.serve.page.front import Front
from app.serve.probes import Check, Probe, Probes
from app.serve.request_id import RequestId
from app.serve.routes.documents import of_documents
from app.serve.routes.health import of_health
from app.serve.routes.jobs import of_jobs
from app.serve.routes.metrics import of_metrics
from app.serve.routes.models import of_models
from app.serve.routes.v2 import of_v2
from app.serve.routes.verbs import of_verbs
from app.serve.templates import Templates
from app.serve.trinity import VerbResource
from app.serve.v2.infer import Infer
from app.service import Service
from app.settings import Mode, Settings
from app.telemetry.metrics import Metrics


def create_app(
    settings: Settings,
    service: Service,
    dispatcher: Dispatcher,
    pool: ThreadPoolExecutor,
    checks: Mapping[str, Check],
    *,
    figures: Probe | None = None,
    telemetry: Telemetry | None = None,
) -> Asgi:
    """Wire the resources to their routes, and put in front of them what must see a request first."""
    telemetry = telemetry or Telemetry(Metrics(service.models))
    bodies = Bodies(settings.max_body, settings.max_held)
    verbs = {verb: VerbResource(verb, service, dispatcher, pool, bodies=bodies, settings=settings) for verb in VERBS}
    probes = Probes(checks)
    described = Described(service.models, settings)
    listed = [
        *of_verbs(verbs, described, settings),
        *of_models(service, settings.default_model),
        *of_jobs(dispatcher, settings.max_wait, pool),
        *of_health(probes),
        *of_metrics(telemetry.metrics, service, Watched(probes, figures)),
        *of_v2(service, Infer(service, dispatcher, pool, bodies, settings.max_wait), probes, settings.default_model),
    ]
    assets = Assets()
    front = Front(Index(settings.mode, listed), listed, service, dispatcher, probes, settings=settings, assets=assets)
    listed[:0] = of_documents(front, lambda: document(listed, settings, [*described.members, *RESULTS.values()]))
    if settings.api_keys:
        listed[:] = map(keyed, listed)
    resources: dict[str, object] = {route.path: route.resource for route in listed} | {assets.path: assets}
    closing = Closing(dispatcher, pool)
    api = _api(resources, closing)
    predict = verbs["predict"]
    stops = {"/predict": Stop(predict), **{f"/models/{name}/predict": Stop(predict, name) for name in service.models}}
    entrance = _in_front(Limits(api, bodies, settings.body_timeout), stops, settings)
    entrance = closing.observed = Observed(entrance, telemetry, Templates(resources, often=stops))
    return Api(entrance, dispatcher) if settings.mode is Mode.ASYNC else entrance  # inline, nobody waits


def _api(resources: Mapping[str, object], closing: Closing) -> App[Request, Response]:
    """Return the resources at their paths, errors included."""
    api = App()
    api.add_middleware([RequestId(), closing])
    problems.install(api)
    for path, resource in resources.items():
        _answer_head(resource)
        api.add_route(path, resource)
    return api


def _in_front(limited: Limits, stops: Mapping[str, Stop], settings: Settings) -> Asgi:
    """Return what sees a request before its resource does: the short way, and where there are keys these before it."""
    queued = settings.mode is Mode.ASYNC
    express = Express(limited, stops, settings.body_timeout, max_body_bytes=settings.max_body, queued=queued)
    return Keys(express, parse(settings.api_keys)) if settings.api_keys else express


def _answer_head(resource: Any) -> None:
    """Have HEAD answered where GET is (RFC 9110 §9.1), but for streams; the server leaves the body out."""
    if hasattr(resource, "on_get") and not isinstance(resource, (BoardEvents, JobEvents)):
        resource.on_head = resource.on_get


class Closing:
    """Releases what the process opened when the server stops it."""

    def __init__(self, dispatcher: Dispatcher, pool: ThreadPoolExecutor) -> None:
        self._dispatcher = dispatcher
        self._pool = pool
        self.observed: Observed | None = None

    async def process_shutdown(self, scope: object, event: object) -> None:  # noqa: ARG002  Falcon's signature
        """Close the dispatcher, then the threads it used."""
        await self._dispatcher.close()
        await asyncio.to_thread(self._pool.shutdown)
        if self.observed is not None:
            await self.observed.close()
