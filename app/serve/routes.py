"""Every route: method, path, resource, what it does, and an example that works; a list for each family."""

from __future__ import annotations

from collections.abc import Mapping

from app.dispatch.base import Dispatcher
from app.schemas import VERBS, Verb
from app.serve.health import Check, Live, Ping, Ready
from app.serve.index import Route
from app.serve.jobs import JobEvents, JobList, JobResource, JobResult, JobRetry
from app.serve.metrics import MetricsResource, Watched
from app.serve.models import ModelList, ModelResource, VersionResource
from app.serve.trinity import VerbResource
from app.service import Service
from app.telemetry.metrics import Metrics

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


def of_verbs(verbs: Mapping[Verb, VerbResource], default_model: str) -> list[Route]:
    """List the trinity, on the default model and on a named one."""
    plain = [Route("POST", f"/{verb}", verbs[verb], DESCRIPTIONS[verb], EXAMPLES[verb]) for verb in VERBS]
    named = [
        Route(
            method="POST",
            path=f"/models/{{name}}/{verb}",
            resource=verbs[verb],
            description=f"The same as /{verb}, on a named model.",
            data=EXAMPLES[verb],
            shown=f"/models/{default_model}/{verb}",
        )
        for verb in VERBS
    ]
    return plain + named


def of_models(service: Service, default_model: str) -> list[Route]:
    """List what there is to predict with."""
    model, version = ModelResource(service), VersionResource(service)
    known = "What is known of a version (a number or `latest`): parameters, columns, metrics, digests."
    return [
        Route("GET", "/models", ModelList(service), "All models with their parameters and versions."),
        _shown(Route("GET", "/models/{name}", model, "One model with its parameters and versions."), default_model),
        _shown(Route("GET", "/models/{name}/versions/{version}", version, known), default_model),
    ]


def of_jobs(dispatcher: Dispatcher, max_wait_s: int) -> list[Route]:
    """List what tells of queued work."""
    job, path = JobResource(dispatcher, max_wait_s), "/jobs/{job_id}"
    result, events, retry = JobResult(dispatcher, max_wait_s), JobEvents(dispatcher), JobRetry(dispatcher)
    listed = "The jobs, newest first; ?status=, ?verb=, ?model=, ?limit=, ?cursor=."
    return [
        Route("GET", "/jobs", JobList(dispatcher), listed),
        _shown(Route("GET", path, job, "A job's state; ?wait=S waits up to S seconds for its end.")),
        _shown(Route("GET", f"{path}/result", result, "A job's result alone, or the problem it ended in.")),
        _shown(Route("GET", f"{path}/events", events, "What happens to a job, as server-sent events.")),
        _shown(Route("DELETE", path, job, "Cancels a job, whether it waits or runs; may be sent twice.")),
        _shown(Route("POST", f"{path}/retry", retry, "Runs a failed or cancelled job again; may be sent twice.")),
    ]


def of_health(checks: Mapping[str, Check]) -> list[Route]:
    """List what tells whether the service is well."""
    return [
        Route("GET", "/ping", Ping(), "Answers pong and touches nothing."),
        Route("GET", "/health/live", Live(), "Whether the process answers."),
        Route(
            "GET", "/health/ready", Ready(checks), "Whether each part the service needs answers; 503 when one doesn't."
        ),
    ]


def of_metrics(metrics: Metrics, service: Service, watched: Watched) -> list[Route]:
    """List what Prometheus reads."""
    resource = MetricsResource(metrics, service, watched)
    return [Route("GET", "/metrics", resource, "Counts and times of all processes, for Prometheus.")]


def _shown(route: Route, model: str = "") -> Route:
    """Return the route with an example path in which something stands for each placeholder."""
    path = route.path.replace("{job_id}", "ID").replace("{name}", model).replace("{version}", "latest")
    return route._replace(shown=path)
