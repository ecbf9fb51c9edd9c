"""Every route: method, path, resource, what it does, what it takes and may answer; a list for each family."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from app.dispatch.base import Dispatcher
from app.schemas import VERBS, Verb
from app.serve.docs import Docs, DocsFile
from app.serve.health import Check, Live, Liveness, Ping, Pong, Readiness, Ready
from app.serve.index import Index, Listing, Route
from app.serve.jobs import JobEvents, JobList, JobResource, JobResult, JobRetry
from app.serve.models import Model, ModelList, ModelResource, Models, VersionResource
from app.serve.openapi import common
from app.serve.openapi.bodies import Bodies
from app.serve.openapi.envelopes import ANY_JOB, JOB_PAGE, VERSION_INFO, ServerEvent
from app.serve.openapi.resource import OpenApi
from app.serve.openapi.words import JSON, Answer, refusal
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

A_JOB = "job=$(curl -s -o /dev/null -w '%header{location}' -X POST {base}/fit)"
LONG = '{"data": {"source": "dummy", "params": {"number": 5000000}}}'
A_LONG_JOB = f"{A_JOB[:-1]} -H 'Content-Type: application/json' -d '{LONG}')"


def of_verbs(verbs: Mapping[Verb, VerbResource], bodies: Bodies, settings: Settings) -> list[Route]:
    """List the trinity, on the default model and on a named one."""
    queued = settings.mode is Mode.ASYNC
    head = (common.PREFER, common.IDEMPOTENCY) if queued else (common.IDEMPOTENCY,)
    plain = [
        Route(
            "POST",
            f"/{verb}",
            verbs[verb],
            DESCRIPTIONS[verb],
            EXAMPLES[verb],
            answers=common.verb_answers(verb, queued=queued),
            parameters=(*bodies.query(verb), *head),
            body=bodies.body(verb),
            operation=verb,
        )
        for verb in VERBS
    ]
    name = common.name(bodies.params, settings.default_model)
    named = [
        route._replace(
            path=f"/models/{{name}}{route.path}",
            description=f"The same as {route.path}, on a named model.",
            shown=f"/models/{settings.default_model}{route.path}",
            parameters=(name, *route.parameters),
            operation=f"{route.operation}_model",
        )
        for route in plain
    ]
    return plain + named


def of_models(service: Service, default_model: str) -> list[Route]:
    """List what there is to predict with."""
    name = common.name(service.models, default_model)
    return [
        Route(
            "GET",
            "/models",
            ModelList(service),
            "All models with their parameters and versions.",
            answers={200: Answer("The models.", {JSON: Models})},
            operation="list_models",
        ),
        Route(
            "GET",
            "/models/{name}",
            ModelResource(service),
            "One model with its parameters and versions.",
            shown=f"/models/{default_model}",
            answers={200: Answer("The model.", {JSON: Model}), 404: refusal("There is no such model.")},
            parameters=(name,),
            operation="get_model",
        ),
        Route(
            "GET",
            "/models/{name}/versions/{version}",
            VersionResource(service),
            "What is known of a version (a number or `latest`): parameters, columns, metrics, digests.",
            shown=f"/models/{default_model}/versions/latest",
            answers={
                200: Answer("The version.", {JSON: VERSION_INFO}),
                404: refusal("There is no such model or version."),
                500: refusal("The version is damaged on disk."),
            },
            parameters=(name, common.VERSION_IN_PATH),
            operation="get_version",
        ),
    ]


def of_jobs(dispatcher: Dispatcher, max_wait_s: int) -> list[Route]:
    """List what tells of queued work."""
    job, path = JobResource(dispatcher, max_wait_s), "/jobs/{job_id}"
    result, told, wait = JobResult(dispatcher, max_wait_s), {JSON: ANY_JOB}, common.wait(max_wait_s)
    page = Answer("A page of jobs, without their results.", {JSON: JOB_PAGE})
    listed = Route(
        "GET",
        "/jobs",
        JobList(dispatcher),
        "The jobs, newest first; ?status=, ?verb=, ?model=, ?limit=, ?cursor=.",
        answers={200: page, 422: refusal("A filter is not one that there is."), 503: common.AWAY},
        parameters=common.JOB_FILTERS,
        operation="list_jobs",
        queued=True,
    )
    of_one = [
        Route(
            "GET",
            path,
            job,
            "A job's state; ?wait=S waits up to S seconds for its end.",
            shown="$job?wait=10",
            answers={200: Answer("The job as it stands.", told), 422: refusal("wait is no whole number of seconds.")},
            parameters=(wait,),
            operation="get_job",
            before=A_JOB,
        ),
        Route(
            "GET",
            f"{path}/result",
            result,
            "A job's result alone, or the problem it ended in.",
            shown="$job/result?wait=10",
            answers=common.result_answers(),
            parameters=(wait,),
            operation="get_job_result",
            before=A_JOB,
        ),
        Route(
            "GET",
            f"{path}/events",
            JobEvents(dispatcher),
            "What happens to a job, as server-sent events.",
            shown="$job/events",
            answers={200: Answer("Events up to the job's end.", {"text/event-stream": ServerEvent})},
            parameters=(common.LAST_EVENT,),
            operation="watch_job",
            before=A_JOB,
        ),
        Route(
            "DELETE",
            path,
            job,
            "Cancels a job, whether it waits or runs; may be sent twice.",
            shown="$job",
            answers={200: Answer("The job is REVOKED.", told), 409: refusal("The job has ended by itself.")},
            operation="cancel_job",
            before=A_LONG_JOB,
        ),
        Route(
            "POST",
            f"{path}/retry",
            JobRetry(dispatcher),
            "Runs a failed or cancelled job again; may be sent twice.",
            shown="$job/retry",
            answers={
                202: common.accepted("The job waits again.", ANY_JOB),
                409: refusal("The job has neither failed nor been cancelled."),
                429: common.FULL,
            },
            operation="retry_job",
            before=f'{A_LONG_JOB}; curl -s -o /dev/null -X DELETE "{{base}}$job"',
        ),
    ]
    return [listed] + [
        route._replace(
            answers={**common.NO_JOB, **route.answers}, parameters=(common.JOB_ID, *route.parameters), queued=True
        )
        for route in of_one
    ]


def of_health(checks: Mapping[str, Check]) -> list[Route]:
    """List what tells whether the service is well."""
    return [
        Route(
            "GET",
            "/ping",
            Ping(),
            "Answers pong and touches nothing.",
            answers={200: Answer("pong", {JSON: Pong})},
            operation="ping",
        ),
        Route(
            "GET",
            "/health/live",
            Live(),
            "Whether the process answers.",
            answers={200: Answer("It does.", {JSON: Liveness})},
            operation="live",
        ),
        Route(
            "GET",
            "/health/ready",
            Ready(checks),
            "Whether each part the service needs answers; 503 when one doesn't.",
            answers={
                200: Answer("Each part answers.", {JSON: Readiness}),
                503: Answer("A part doesn't answer.", {JSON: Readiness}, common.AGAIN),
            },
            operation="ready",
        ),
    ]


def of_documents(mode: Mode, routes: list[Route], make: Callable[[], dict[str, Any]]) -> list[Route]:
    """List what describes the service."""
    etag = {"ETag": "Changes with the document."}
    same = Answer("The caller has it already.", {}, etag)
    return [
        Route(
            "GET",
            "/",
            Index(mode, routes),
            "This list.",
            answers={200: Answer("The routes.", {JSON: Listing})},
            operation="index",
        ),
        Route(
            "GET",
            "/openapi.json",
            OpenApi(make),
            "This service as an OpenAPI 3.1 document.",
            answers={200: Answer("The document.", {JSON: {"type": "object"}}, etag), 304: same},
            parameters=(common.IF_NONE_MATCH,),
            operation="openapi",
        ),
        Route(
            "GET",
            "/docs",
            Docs(),
            "The document as a page to try it, Swagger UI.",
            answers={200: Answer("The page.", {"text/html": {"type": "string"}}, etag), 304: same},
            parameters=(common.IF_NONE_MATCH,),
            operation="docs",
        ),
        Route("GET", "/docs/{release}/{name}", DocsFile(), "A file of that page.", public=False),
    ]
