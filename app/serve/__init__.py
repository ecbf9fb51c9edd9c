"""The HTTP entrance: `create_app` shows the whole of it; each family of resources has a file of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from falcon.asgi import App

from app.dispatch.base import Dispatcher
from app.keys import parse
from app.schemas import VERBS, Verb
from app.serve import problems
from app.serve.api import Api
from app.serve.asgi import Asgi
from app.serve.body import Bodies
from app.serve.express import Express, Stop
from app.serve.health import Check, Live, Ping, Ready
from app.serve.index import Index, Route
from app.serve.jobs import JobEvents, JobList, JobResource, JobResult, JobRetry
from app.serve.keys import Keys
from app.serve.limits import Limits
from app.serve.models import ModelList, ModelResource, VersionResource
from app.serve.request_id import RequestId
from app.serve.trinity import VerbResource
from app.service import Service
from app.settings import Mode, Settings

DESCRIPTIONS: dict[Verb, str] = {
    "fit": "Fits the model on data (JSON, CSV or a source) and publishes a new version.",
    "predict": "Predicts y for X with the latest version, or with the one named.",
    "score": "Measures how well a version predicts y from X: R², RMSE, MAE.",
}
EXAMPLES: dict[Verb, str] = {
    "fit": '{"params": {"degree": 3}, "data": {"source": "dummy", "params": {"number": 100}}}',
    "predict": '{"data": {"X": [[-0.5], [0.5]]}}',
    "score": '{"data": {"X": [[-0.5], [0.5]], "y": [1.8, 2.7]}}',
}


def create_app(
    settings: Settings, service: Service, dispatcher: Dispatcher, pool: ThreadPoolExecutor, checks: Mapping[str, Check]
) -> Asgi:
    """Wire the resources to their routes."""
    queued = settings.mode is Mode.ASYNC
    bodies = Bodies(settings.max_body, settings.max_held)
    verbs = {verb: VerbResource(verb, service, dispatcher, pool, bodies=bodies, settings=settings) for verb in VERBS}
    job, result = JobResource(dispatcher, settings.max_wait), JobResult(dispatcher, settings.max_wait)
    model = f"/models/{settings.default_model}"
    routes = [
        Route("GET", "/ping", Ping(), "Answers pong and touches nothing."),
        *(Route("POST", f"/{verb}", verbs[verb], DESCRIPTIONS[verb], EXAMPLES[verb]) for verb in VERBS),
        *(
            Route(
                "POST",
                f"/models/{{name}}/{verb}",
                verbs[verb],
                f"The same as /{verb}, on a named model.",
                EXAMPLES[verb],
                f"{model}/{verb}",
            )
            for verb in VERBS
        ),
        Route("GET", "/models", ModelList(service), "All models with their parameters and versions."),
        Route(
            "GET", "/models/{name}", ModelResource(service), "One model with its parameters and versions.", shown=model
        ),
        Route(
            "GET",
            "/models/{name}/versions/{version}",
            VersionResource(service),
            "What is known of a version (a number or `latest`): parameters, columns, metrics, digests.",
            shown=f"{model}/versions/latest",
        ),
        Route(
            "GET", "/jobs/{job_id}", job, "A job's state; ?wait=S waits up to S seconds for its end.", shown="/jobs/ID"
        ),
        Route(
            "GET",
            "/jobs/{job_id}/result",
            result,
            "A job's result alone, or the problem it ended in.",
            shown="/jobs/ID/result",
        ),
        Route(
            "GET", "/jobs", JobList(dispatcher), "The jobs, newest first; ?status=, ?verb=, ?model=, ?limit=, ?cursor=."
        ),
        Route("DELETE", "/jobs/{job_id}", job, "Cancels a job, whether it waits or runs.", shown="/jobs/ID"),
        Route("POST", "/jobs/{job_id}/retry", JobRetry(dispatcher), "Runs a failed job again.", shown="/jobs/ID/retry"),
        Route(
            "GET",
            "/jobs/{job_id}/events",
            JobEvents(dispatcher),
            "What happens to a job, as server-sent events.",
            shown="/jobs/ID/events",
        ),
        Route("GET", "/health/live", Live(), "Whether the process answers."),
        Route(
            "GET", "/health/ready", Ready(checks), "Whether each part the service needs answers; 503 when one doesn't."
        ),
    ]
    api = App()
    api.add_middleware(RequestId())
    api.add_middleware(Closing(dispatcher, pool))
    problems.install(api)
    routes.insert(0, Route("GET", "/", Index(settings.mode, routes), "This list."))
    for path, resource in {route.path: route.resource for route in routes}.items():
        _answer_head(resource)
        api.add_route(path, resource)
    limited: Asgi = Limits(api, bodies, settings.body_timeout)
    entrance = limited if queued else _express(limited, verbs["predict"], service, settings.body_timeout)
    entrance = Keys(entrance, parse(settings.api_keys)) if settings.api_keys else entrance
    return Api(entrance, dispatcher) if queued else entrance  # inline, nobody waits


def _answer_head(resource: Any) -> None:
    """Have HEAD answered where GET is (RFC 9110 §9.1), but for streams; the server leaves the body out."""
    if hasattr(resource, "on_get") and not isinstance(resource, JobEvents):
        resource.on_head = resource.on_get


def _express(api: Asgi, predict: VerbResource, service: Service, body_timeout_s: float) -> Asgi:
    named = {f"/models/{name}/predict": Stop(predict, name) for name in service.models}
    return Express(api, {"/predict": Stop(predict), **named}, body_timeout_s)


class Closing:
    """Releases what the process opened when the server stops it."""

    def __init__(self, dispatcher: Dispatcher, pool: ThreadPoolExecutor) -> None:
        self._dispatcher = dispatcher
        self._pool = pool

    async def process_shutdown(self, scope: object, event: object) -> None:  # noqa: ARG002  Falcon's signature
        """Close the dispatcher, then the threads it used."""
        await self._dispatcher.close()
        await asyncio.to_thread(self._pool.shutdown)
