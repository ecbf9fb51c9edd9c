"""The answers that routes give: refusals, results, and where a job's envelope leads."""

from __future__ import annotations

from typing import Any

from app.schemas import Verb
from app.serve.openapi.envelopes import ANY_JOB, ENVELOPES, RESULTS
from app.serve.openapi.terms import BYTES, JSON, NPY, Answer, Answers, refusal

AGAIN = {"Retry-After": "Seconds after which to try again."}
ANY_RESULT: Any = {"anyOf": [{"$ref": f"#/components/schemas/{kind.__name__}"} for kind in RESULTS.values()]}
UNREADABLE: Answers = {
    400: refusal(
        "The body can't be read: it is not what its type says, or not whole; or the Idempotency-Key can't be."
    ),
    408: refusal("The body stopped coming."),
    413: refusal("The body is over TRINITY_MAX_BODY bytes."),
    415: refusal("The body is of a type that nobody here reads, or it is compressed."),
}
FULL = refusal("As many jobs wait as may.", AGAIN)
AWAY = refusal("The ledger doesn't answer.", AGAIN)
STORE_AWAY = "The store can't be read now."
NO_JOB: Answers = {
    404: refusal("There is no such job."),
    410: refusal("The job was there, and is kept no longer."),
    503: AWAY,
}
ENDED: Answers = {
    409: refusal("The job was taken from its worker, and what it made counts no more."),
    500: refusal("The model failed, or its worker was lost each time it was tried."),
    504: refusal("The job took longer than it was given."),
}


def verb_answers(verb: Verb, *, queued: bool) -> Answers:
    """Return what may come of a fit, predict or score."""
    none = "There is no such model." if verb == "fit" else "There is no such model or version, or nothing is fitted."
    envelope = {JSON: ENVELOPES[verb], **({NPY: BYTES} if verb == "predict" else {})}
    used = " Or the Idempotency-Key was used for another request." if queued else ""
    answers = {
        **UNREADABLE,
        404: refusal(none),
        422: refusal(f"A value is wrong; `errors` points to it.{used}"),
        500: ENDED[500],
    }
    if not queued:
        busy = refusal("As much goes on as this process allows.", AGAIN)
        return {200: Answer("It is done; `result` holds what came of it.", envelope), **answers, 503: busy}
    at_once = Answer("It was done within `Prefer: wait=S`.", envelope, {}, _links())
    return {
        200: at_once,
        202: accepted("The job is accepted, and will end.", ENVELOPES[verb]),
        **answers,
        409: ENDED[409],
        410: refusal("The job was cancelled while this request waited for it."),
        429: FULL,
        503: refusal("The ledger or the store doesn't take the job; or more is held than this process allows.", AGAIN),
        504: ENDED[504],
    }


def result_answers() -> Answers:
    """Return what a job's result may be."""
    return {
        200: Answer("The result.", {JSON: ANY_RESULT, NPY: BYTES}),
        202: Answer("There is none yet.", {JSON: ANY_JOB}, AGAIN),
        410: refusal("The job was cancelled, or is kept no longer."),
        422: refusal("The model refused the data; or wait is not a whole number of seconds."),
        **ENDED,
    }


def accepted(description: str, kind: Any) -> Answer:
    """Return the answer that a job waits, and where to look."""
    return Answer(description, {JSON: kind}, {"Location": "The job.", **AGAIN}, _links())


def _links() -> dict[str, Any]:
    """Return where an answer with a job's envelope leads."""
    operations = ("get_job", "get_job_result", "watch_job", "cancel_job")
    return {name: {"operationId": name, "parameters": {"job_id": "$response.body#/id"}} for name in operations}
