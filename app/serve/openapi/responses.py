"""The answers that routes give: refusals, results, and where a job's envelope leads."""

from __future__ import annotations

from typing import Any

from app.schemas.verbs import VERBS, Verb
from app.serve.openapi.envelopes import ANY_JOB, ENVELOPES, RESULTS
from app.serve.openapi.terms import BYTES, JSON, NPY, ResponseSpec, ResponseSpecs, problem_response

RETRY_AFTER = {"Retry-After": "Seconds after which to try again."}
ANY_RESULT: Any = {"anyOf": [{"$ref": f"#/components/schemas/{kind.__name__}"} for kind in RESULTS.values()]}
UNREADABLE: ResponseSpecs = {
    400: problem_response(
        "The body can't be read: it is not what its type says, or not whole; or the Idempotency-Key can't be."
    ),
    408: problem_response("The body stopped coming."),
    413: problem_response("The body is over TRINITY_MAX_BODY bytes."),
    415: problem_response("The body is of a type that nobody here reads, or it is compressed."),
}
QUEUE_FULL = problem_response("As many jobs wait as may.", RETRY_AFTER)
LEDGER_DOWN = problem_response("The ledger doesn't answer.", RETRY_AFTER)
STORE_DOWN = "The store can't be read now."
UNKNOWN_JOB: ResponseSpecs = {
    404: problem_response("There is no such job."),
    410: problem_response("The job was there, and is kept no longer."),
    503: LEDGER_DOWN,
}
ENDED: ResponseSpecs = {
    409: problem_response("The job was taken from its worker, and what it made counts no more."),
    500: problem_response("The model failed, or its worker was lost each time it was tried."),
    504: problem_response("The job took longer than it was given."),
}


def verb_responses(verb: Verb, *, queued: bool) -> ResponseSpecs:
    """Return what may come of a fit, predict or score."""
    spec = VERBS[verb]
    none = "There is no such model." if spec.publishes else "There is no such model or version, or nothing is fitted."
    envelope = {JSON: ENVELOPES[verb], **({} if spec.needs_y else {NPY: BYTES})}
    used = " Or the Idempotency-Key was used for another request." if queued else ""
    answers = {
        **UNREADABLE,
        404: problem_response(none),
        422: problem_response(f"A value is wrong; `errors` points to it.{used}"),
        500: ENDED[500],
    }
    if not queued:
        busy = problem_response("As much goes on as this process allows.", RETRY_AFTER)
        return {200: ResponseSpec("It is done; `result` holds what came of it.", envelope), **answers, 503: busy}
    at_once = ResponseSpec("It was done within `Prefer: wait=S`.", envelope, {}, _links())
    return {
        200: at_once,
        202: accepted("The job is accepted, and will end.", ENVELOPES[verb]),
        **answers,
        409: ENDED[409],
        410: problem_response("The job was cancelled while this request waited for it."),
        429: QUEUE_FULL,
        503: problem_response(
            "The ledger or the store doesn't take the job; or more is held than this process allows.", RETRY_AFTER
        ),
        504: ENDED[504],
    }


def result_responses() -> ResponseSpecs:
    """Return what a job's result may be."""
    return {
        200: ResponseSpec("The result.", {JSON: ANY_RESULT, NPY: BYTES}),
        202: ResponseSpec("There is none yet.", {JSON: ANY_JOB}, RETRY_AFTER),
        410: problem_response("The job was cancelled, or is kept no longer."),
        422: problem_response("The model refused the data; or wait is not a whole number of seconds."),
        **ENDED,
    }


def accepted(description: str, kind: Any) -> ResponseSpec:
    """Return the answer that a job waits, and where to look."""
    return ResponseSpec(description, {JSON: kind}, {"Location": "The job.", **RETRY_AFTER}, _links())


def _links() -> dict[str, Any]:
    """Return where an answer with a job's envelope leads."""
    operations = ("get_job", "get_job_result", "watch_job", "cancel_job")
    return {name: {"operationId": name, "parameters": {"job_id": "$response.body#/id"}} for name in operations}
