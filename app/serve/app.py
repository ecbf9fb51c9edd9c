"""The HTTP application: `create_app` builds all of it; each family of resources has a separate file."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from falcon.asgi import App, Request, Response

from app.api_keys import parse
from app.dispatch.dispatcher import Dispatcher
from app.dispatch.turns import Turns
from app.schemas.verbs import VERBS, Verb
from app.serve import problems
from app.serve.application import Application
from app.serve.asgi import STOP_WAITING, Asgi, Message
from app.serve.bodies.answers import PredictionFormats
from app.serve.bodies.loads import Loads
from app.serve.bodies.reader import BodyReader
from app.serve.bodies.uploads import UploadReader
from app.serve.health_checks import Check, HealthChecks, Probe
from app.serve.middleware.api_keys import ApiKeyAuth
from app.serve.middleware.body_limits import BodyLimits
from app.serve.middleware.cors import Cors
from app.serve.middleware.query_names import QueryNames
from app.serve.middleware.request_middleware import Network, RequestMiddleware, Telemetry
from app.serve.middleware.route_scopes import RouteScopes
from app.serve.middleware.route_templates import RouteMatcher
from app.serve.middleware.undeclared_bodies import UndeclaredBodies
from app.serve.oip.infer import Infer
from app.serve.oip.metadata import MetadataResource
from app.serve.openapi.document import complete_routes, document
from app.serve.openapi.schemas import BodySchemas
from app.serve.page.page import HomePage
from app.serve.resources.aliases import AliasResource
from app.serve.resources.application_routes import application_routes
from app.serve.resources.documents import DocumentResource
from app.serve.resources.file_requests import file_limits
from app.serve.resources.health import HealthResource
from app.serve.resources.imports import ImportResource, import_route
from app.serve.resources.job_events import JobEvents
from app.serve.resources.jobs import JobResource
from app.serve.resources.metrics import Measure, MetricsResource
from app.serve.resources.models import ModelResource
from app.serve.resources.result_files import ResultFileResource
from app.serve.resources.route import Route, query_names_of, routes_of
from app.serve.resources.upload_jobs import UploadJobs
from app.serve.resources.verbs import VerbResource, verb_routes
from app.serve.root_path import RootPath
from app.service import Service, find_routes
from app.service.preloading import Preload
from app.service.result_files import result_files
from app.service.served_versions import ServedVersions
from app.service.version_checks import VersionChecks, stand_in_warnings
from app.settings import Settings
from app.storage.payload_store import Payloads
from app.telemetry.metrics import ServiceMetrics


def create_app(
    settings: Settings,
    service: Service,
    dispatcher: Dispatcher,
    pool: ThreadPoolExecutor,
    checks: Mapping[str, Check],
    *,
    queue_stats: Probe | None = None,
    telemetry: Telemetry | None = None,
) -> Asgi:
    """Build every resource, and serve their routes behind the middleware; raise SettingsError for an application's."""
    telemetry = telemetry or Telemetry(ServiceMetrics(service.models.estimators))
    shared = _shared(settings, service, dispatcher, pool)
    versions = VersionChecks(service.models, service.store)
    preload = Preload(service, versions)
    health = _health(checks, service, versions, preload)
    schemas = BodySchemas(service.models.estimators, service.sources, settings)
    served = ServedVersions(service.models, service.store)
    # the list and the document hold their own routes too, so they take the routes later
    page = HomePage(service, dispatcher, health, settings, telemetry.metrics.traffic, lambda: routes)
    routes = [
        *routes_of(page, DocumentResource(lambda: document(routes, settings, schemas.members), served)),
        *verb_routes(shared.verbs, schemas, settings),
        import_route(ImportResource(service, dispatcher, shared.uploads, settings), settings),
        *routes_of(
            AliasResource(service, shared.bodies),
            ModelResource(service, dispatcher),
            JobResource(dispatcher, settings.max_wait, shared.formats),
            JobEvents(dispatcher),
            HealthResource(health),
            MetricsResource(telemetry.metrics, service, health, queue_stats, shared.measures),
            MetadataResource(service, health),
            Infer(service, dispatcher, pool, shared.bodies, shared.loads, settings.max_wait),
        ),
    ]
    routes += shared.downloads.routes(listed=service.models.any_files)
    application = _application(settings, service, dispatcher, pool, shared, lambda: routes)
    routes += application_routes(find_routes(settings.routes.split(",")), application, routes)
    routes = complete_routes(routes, settings)
    api = _api(routes)
    middleware = _middleware(api, routes, settings, service, telemetry, dispatcher.turns)
    lifespan = Lifespan(dispatcher, middleware.close, partial(asyncio.to_thread, pool.shutdown))
    api.add_middleware([lifespan, Preloading(preload)] if settings.preload else lifespan)
    return middleware


class Shared(NamedTuple):
    """The objects that several resources share."""

    bodies: BodyReader
    uploads: UploadJobs
    downloads: ResultFileResource
    formats: PredictionFormats
    loads: Loads
    verbs: Mapping[Verb, VerbResource]
    measures: dict[str, Measure]
    """The metrics of applications, which add them."""


def _shared(settings: Settings, service: Service, dispatcher: Dispatcher, pool: ThreadPoolExecutor) -> Shared:
    payloads = Payloads(Path(settings.store))
    bodies = BodyReader(settings.max_body, settings.max_held)
    uploads = UploadJobs(dispatcher, UploadReader(payloads, pool, settings.max_uploads), pool)
    formats = PredictionFormats(service, pool)
    loads = Loads(service)
    verbs = {
        verb: VerbResource(
            verb,
            service,
            dispatcher,
            pool,
            bodies=bodies,
            formats=formats,
            loads=loads,
            settings=settings,
            uploads=uploads,
        )
        for verb in VERBS
    }
    results = result_files(settings, payloads)
    downloads = ResultFileResource(dispatcher, results, payloads, pool, settings.accel_redirect)
    return Shared(bodies, uploads, downloads, formats, loads, verbs, measures={})


def _health(checks: Mapping[str, Check], service: Service, versions: VersionChecks, preload: Preload) -> HealthChecks:
    """Return the checks of the service's dependencies, with warnings about its versions."""
    warnings = versions.aliases, preload.warnings, partial(stand_in_warnings, service)
    return HealthChecks(checks, warnings=lambda: [text for found in warnings for text in found()])


def _application(
    settings: Settings,
    service: Service,
    dispatcher: Dispatcher,
    pool: ThreadPoolExecutor,
    shared: Shared,
    routes: Callable[[], Sequence[Route]],
) -> Application:
    return Application(
        settings,
        service,
        dispatcher,
        pool,
        bodies=shared.bodies,
        verbs=shared.verbs,
        uploads=shared.uploads,
        downloads=shared.downloads,
        fields=lambda req: query_names_of(routes(), req.method, req.uri_template),
        measures=shared.measures,
    )


def _middleware(
    api: Asgi,
    routes: Sequence[Route],
    settings: Settings,
    service: Service,
    telemetry: Telemetry,
    turns: Turns | None,
) -> RequestMiddleware:
    """Return the middleware for the settings, which handles every request before its resource."""
    often = ["/predict", *(f"/models/{name}/predict" for name in service.models.estimators)]
    matcher = RouteMatcher((route.path for route in routes), often)
    file_limit = file_limits(routes, service, settings)
    limits = BodyLimits(settings.max_body, settings.body_timeout, settings.max_import, file_limit)
    scopes = RouteScopes(routes).required
    auth = ApiKeyAuth(parse(settings.api_keys), scopes) if settings.api_keys else None
    network = Network(RootPath(settings.root_path), Cors(settings.cors_origins) if settings.cors_origins else None)
    checks = QueryNames(routes, matcher).check, UndeclaredBodies(routes, matcher).check
    return RequestMiddleware(api, telemetry, matcher, limits, auth, checks=checks, network=network, turns=turns)


def _api(routes: Iterable[Route]) -> App[Request, Response]:
    """Return the Falcon app with all routes and error handlers; every GET route also has HEAD, except streams."""
    api = App()
    problems.add_error_handlers(api)
    work_first = sorted(routes, key=lambda route: route.method != "POST")  # Falcon compares paths one after the other
    responders: dict[str, dict[str, Any]] = {}
    for route in work_first:
        answered = responders.setdefault(route.path, {})
        answered[f"on_{route.method.lower()}"] = route.responder
        if route.method == "GET" and not route.streams:
            answered["on_head"] = route.responder  # RFC 9110 §9.1; the server leaves the body out
    for path, answered in responders.items():
        api.add_route(path, SimpleNamespace(**answered))
    return api


class Preloading:
    """Falcon middleware: versions are loaded from the start of the process on."""

    def __init__(self, preload: Preload) -> None:
        self._preload = preload

    async def process_startup(self, scope: object, event: object) -> None:  # noqa: ARG002  Falcon's signature
        """Start loading versions."""
        self._preload.start()

    async def process_shutdown(self, scope: object, event: object) -> None:  # noqa: ARG002  Falcon's signature
        """Stop loading versions."""
        self._preload.stop()


class Lifespan:
    """Falcon middleware for the start and the end of the process."""

    def __init__(self, dispatcher: Dispatcher, *closing: Callable[[], Awaitable[object]]) -> None:
        """Take the functions that close other objects of the process; the first one is called last."""
        self._dispatcher = dispatcher
        self._closing = closing

    async def process_startup(self, scope: Message, event: object) -> None:  # noqa: ARG002  Falcon's signature
        """Give the server the function to call when it begins to stop; ASGI has an event only for the end."""
        scope.setdefault("state", {})[STOP_WAITING] = self._dispatcher.stop_waiting

    async def process_shutdown(self, scope: object, event: object) -> None:  # noqa: ARG002  Falcon's signature
        """Close the objects of the process; an error in one does not keep the others open."""
        async with AsyncExitStack() as stack:
            for close in (*self._closing, self._dispatcher.close):
                stack.push_async_callback(close)
