"""What several routes have in common: parameters, refusals, links."""

from __future__ import annotations

from collections.abc import Container
from typing import Annotated, Any, Literal

from msgspec import Meta

from app.schemas import VERBS, Verb
from app.serve.jobs import MAX_PAGE_JOBS, PAGE_JOBS, STATUSES
from app.serve.openapi.bodies import VERSION_REF
from app.serve.openapi.envelopes import ANY_JOB, ENVELOPES, RESULTS
from app.serve.openapi.terms import BYTES, JSON, NPY, Answer, Answers, Parameter, refusal

JOB_ID = Parameter(
    "job_id", Annotated[str, Meta(pattern="^[0-9a-f]{32}$")], "The job's id, as its 202 names it.", "path"
)
IDEMPOTENCY = Parameter(
    "Idempotency-Key",
    Annotated[str, Meta(pattern=r'^("[\x20-\x21\x23-\x5b\x5d-\x7e]{1,255}"|[A-Za-z0-9._:~+/=-]{1,255})$')],
    "Names the request, so that sending it again has no second effect.",
    "header",
)
PREFER = Parameter(
    "Prefer",
    str,
    "`wait=S`: answer 202 only after S seconds without a result; `respond-async`: answer 202 (RFC 7240).",
    "header",
)
IF_NONE_MATCH = Parameter("If-None-Match", str, "The ETag of what is there already.", "header")

VERSION_IN_PATH = Parameter(
    "version", VERSION_REF, "A number from 1, or an alias such as `latest`.", "path", example="latest"
)
LAST_EVENT = Parameter("Last-Event-ID", str, "Tell only what came after this event.", "header")
JOB_FILTERS = (
    Parameter("status", Literal[STATUSES], "Only jobs in this state."),
    Parameter("verb", Literal[VERBS], "Only jobs of this verb."),
    Parameter("model", str, "Only jobs of this model."),
    Parameter("limit", Annotated[int, Meta(ge=1, le=MAX_PAGE_JOBS)], f"How many, {PAGE_JOBS} if not said."),
    Parameter(
        "cursor",
        Annotated[str, Meta(pattern=r"^[0-9]{1,12}(\.[0-9]{1,9})? [0-9a-f]{32}$")],
        "What `next` was in the page before.",
    ),
)

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


def name(models: Container[str], default_model: str) -> Parameter:
    """Return the name of a model in the path."""
    return Parameter("name", Literal[tuple(sorted(models))], "The model.", "path", example=default_model)  # type: ignore[call-overload]


def wait(max_wait_s: int) -> Parameter:
    """Return ?wait=S."""
    seconds = Annotated[int, Meta(ge=0, le=999_999_999)]
    return Parameter("wait", seconds, f"Seconds to wait for the end, {max_wait_s} at the most.", example=1)


def verb_answers(verb: Verb, *, queued: bool) -> Answers:
    """Return what may come of a fit, predict or score."""
    none = "There is no such model." if verb == "fit" else "There is no such model or version, or nothing is fitted."
    envelope = {JSON: ENVELOPES[verb], **({NPY: BYTES} if verb == "predict" else {})}
    answers = {
        **UNREADABLE,
        404: refusal(none),
        422: refusal("A value is wrong; `errors` points to it. Or the Idempotency-Key was used for another request."),
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
        409: refusal("The job was taken from its worker, and what it made counts no more."),
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
