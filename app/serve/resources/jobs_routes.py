"""The routes below /jobs: what each takes and may answer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from app.dispatch.dispatcher import Dispatcher
from app.serve.openapi import parameters, responses
from app.serve.openapi.envelopes import ANY_JOB, JOB_PAGE, ServerEvent
from app.serve.openapi.terms import JSON, ResponseSpec, problem_response
from app.serve.resources.jobs import JobEvents, JobFeedEvents, JobList, JobResource, JobResult, JobRetry
from app.serve.resources.route import Route

A_JOB = "job=$(curl -s -o /dev/null -w '%header{location}' -X POST {base}/fit)"
LONG = '{"data": {"source": "dummy", "params": {"number": 5000000}}}'
A_LONG_JOB = f"{A_JOB[:-1]} -H 'Content-Type: application/json' -d '{LONG}')"


def job_routes(dispatcher: Dispatcher, max_wait_s: int, pool: ThreadPoolExecutor) -> list[Route]:
    """Return the routes below /jobs, which are there in async mode only."""
    job, path = JobResource(dispatcher, max_wait_s), "/jobs/{job_id}"
    result, told, wait = JobResult(dispatcher, max_wait_s, pool), {JSON: ANY_JOB}, parameters.wait(max_wait_s)
    page = ResponseSpec("A page of jobs, without their results.", {JSON: JOB_PAGE})
    listed = Route(
        "GET",
        "/jobs",
        JobList(dispatcher),
        "The jobs, newest first; ?status=, ?verb=, ?model=, ?limit=, ?cursor=.",
        answers={200: page, 422: problem_response("A filter is not one that there is."), 503: responses.LEDGER_DOWN},
        parameters=parameters.JOB_FILTERS,
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
            answers={
                200: ResponseSpec("The job as it stands.", told),
                422: problem_response("wait is no whole number of seconds."),
            },
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
            answers=responses.result_responses(),
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
            answers={200: ResponseSpec("Events up to the job's end.", {"text/event-stream": ServerEvent})},
            parameters=(parameters.LAST_EVENT,),
            operation="watch_job",
            before=A_JOB,
        ),
        Route(
            "DELETE",
            path,
            job,
            "Cancels a job, whether it waits or runs; may be sent twice.",
            shown="$job",
            answers={
                200: ResponseSpec("The job is REVOKED.", told),
                409: problem_response("The job has ended by itself."),
            },
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
                202: responses.accepted("The job waits again.", ANY_JOB),
                409: problem_response("The job has neither failed nor been cancelled."),
                429: responses.QUEUE_FULL,
            },
            operation="retry_job",
            before=f'{A_LONG_JOB}; curl -s -o /dev/null -X DELETE "{{base}}$job"',
        ),
    ]
    board = Route("GET", "/jobs/events", JobFeedEvents(dispatcher), "The newest jobs, at each change.", public=False)
    return [listed, board] + [
        route._replace(
            answers={**responses.UNKNOWN_JOB, **route.answers},
            parameters=(parameters.JOB_ID, *route.parameters),
            queued=True,
        )
        for route in of_one
    ]
