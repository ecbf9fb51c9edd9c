"""The HTTP entrance: `create_app` shows the whole of it; each family of resources has a file of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeAlias

from falcon.asgi import App, Request, Response

from app.api_keys import parse
from app.dispatch.dispatcher import Dispatcher
from app.schemas.requests import VERBS
from app.serve import problems
from app.serve.api import Api
from app.serve.asgi import Asgi
from app.serve.bodies.reader import BodyReader
from app.serve.express import Express, Stop
from app.serve.health_checks import Check, HealthChecks, Probe
from app.serve.middleware.api_keys import ApiKeyAuth
from app.serve.middleware.body_limits import BodyLimits
from app.serve.middleware.request_id import RequestId
from app.serve.middleware.request_telemetry import RequestTelemetry, Telemetry
from app.serve.middleware.route_templates import RouteMatcher
from app.serve.oip.infer import Infer
from app.serve.oip.routes import v2_routes
from app.serve.openapi.bodies import BodySchemas
from app.serve.openapi.document import document, keyed
from app.serve.openapi.envelopes import RESULTS
from app.serve.page.assets import Assets
from app.serve.page.page import HomePage
from app.serve.resources.documents_routes import document_routes
from app.serve.resources.health_routes import health_routes
from app.serve.resources.index import Index
from app.serve.resources.jobs import JobEvents, JobFeedEvents
from app.serve.resources.jobs_routes import job_routes
from app.serve.resources.metrics import ScrapeTargets
from app.serve.resources.metrics_routes import metrics_routes
from app.serve.resources.models_routes import model_routes
from app.serve.resources.verbs import VerbResource
from app.serve.resources.verbs_routes import verb_routes
from app.service import Service
from app.settings import Mode, Settings
from app.telemetry.metrics import ServiceMetrics

Step: TypeAlias = Callable[[], Awaitable[None]]


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
    telemetry = telemetry or Telemetry(ServiceMetrics(service.models))
    bodies = BodyReader(settings.max_body, settings.max_held)
    verbs = {verb: VerbResource(verb, service, dispatcher, pool, bodies=bodies, settings=settings) for verb in VERBS}
    probes = HealthChecks(checks)
    schemas = BodySchemas(service.models, settings)
    infer = Infer(service, dispatcher, pool, bodies, settings.max_wait)
    assets = Assets()
    # the list and the document are among the routes that they tell of: they look when they are asked
    index = Index(settings.mode, lambda: routes)
    front = HomePage(index, service, dispatcher, probes, settings=settings, assets=assets)
    routes = [
        *document_routes(front, lambda: document(routes, settings, [*schemas.members, *RESULTS.values()]), assets),
        *verb_routes(verbs, schemas, settings),
        *model_routes(service, settings.default_model),
        *job_routes(dispatcher, settings.max_wait, pool),
        *health_routes(probes),
        *metrics_routes(telemetry.metrics, service, ScrapeTargets(probes, figures)),
        *v2_routes(service, infer, probes, settings.default_model),
    ]
    if settings.api_keys:
        routes = [keyed(route) for route in routes]
    resources = {route.path: route.resource for route in routes}
    closing = Closing(dispatcher.close, partial(asyncio.to_thread, pool.shutdown))
    api = _api(resources, closing)
    predict = verbs["predict"]
    stops = {"/predict": Stop(predict), **{f"/models/{name}/predict": Stop(predict, name) for name in service.models}}
    entrance = _in_front(BodyLimits(api, bodies, settings.body_timeout), stops, settings)
    entrance = observed = RequestTelemetry(entrance, telemetry, RouteMatcher(resources, often=stops))
    closing.then(observed.close)
    return Api(entrance, dispatcher) if settings.mode is Mode.ASYNC else entrance  # inline, nobody waits


def _api(resources: Mapping[str, object], closing: Closing) -> App[Request, Response]:
    """Return the resources at their paths, errors included."""
    api = App()
    api.add_middleware([RequestId(), closing])
    problems.add_error_handlers(api)
    for path, resource in resources.items():
        _answer_head(resource)
        api.add_route(path, resource)
    return api


def _in_front(limited: BodyLimits, stops: Mapping[str, Stop], settings: Settings) -> Asgi:
    """Return what sees a request before its resource does: the short way, and where there are keys these before it."""
    queued = settings.mode is Mode.ASYNC
    express = Express(limited, stops, settings.body_timeout, max_body_bytes=settings.max_body, queued=queued)
    return ApiKeyAuth(express, parse(settings.api_keys)) if settings.api_keys else express


def _answer_head(resource: Any) -> None:
    """Have HEAD answered where GET is (RFC 9110 §9.1), but for streams; the server leaves the body out."""
    if hasattr(resource, "on_get") and not isinstance(resource, (JobFeedEvents, JobEvents)):
        resource.on_head = resource.on_get


class Closing:
    """Releases what the process opened when the server stops it: one thing after the other."""

    def __init__(self, *steps: Step) -> None:
        self._steps = list(steps)

    def then(self, step: Step) -> None:
        """Add a step after the others."""
        self._steps.append(step)

    async def process_shutdown(self, scope: object, event: object) -> None:  # noqa: ARG002  Falcon's signature
        """Take the steps."""
        for step in self._steps:
            await step()
