"""The parameters that routes take, in the path, the query and the head."""

from __future__ import annotations

from collections.abc import Container
from typing import Annotated, Literal

from msgspec import Meta

from app.schemas.verbs import VERBS
from app.serve.openapi.bodies import VERSION_REF
from app.serve.openapi.terms import Parameter
from app.serve.resources.jobs import MAX_PAGE_JOBS, PAGE_JOBS, STATUSES

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
    Parameter("verb", Literal[tuple(VERBS)], "Only jobs of this verb."),
    Parameter("model", str, "Only jobs of this model."),
    Parameter("limit", Annotated[int, Meta(ge=1, le=MAX_PAGE_JOBS)], f"How many, {PAGE_JOBS} if not said."),
    Parameter(
        "cursor",
        Annotated[str, Meta(pattern=r"^[0-9]{1,12}(\.[0-9]{1,9})?_[0-9a-f]{32}$")],
        "What `next` was in the page before.",
    ),
)


def name(models: Container[str], default_model: str) -> Parameter:
    """Return the name of a model in the path."""
    return Parameter("name", Literal[tuple(sorted(models))], "The model.", "path", example=default_model)  # type: ignore[call-overload]


def wait(max_wait_s: int) -> Parameter:
    """Return ?wait=S."""
    seconds = Annotated[int, Meta(ge=0, le=999_999_999)]
    return Parameter("wait", seconds, f"Seconds to wait for the end, {max_wait_s} at the most.", example=1)
