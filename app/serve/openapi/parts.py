"""The parts of an OpenAPI operation: parameters, request bodies, responses, and those that several routes share.

A schema is a type (a msgspec Struct, or another type for which msgspec has a schema), or a JSON Schema if no type
is equivalent.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias

from msgspec import Meta

from app.schemas.media_types import JSON
from app.schemas.registry import MODEL_NAME

Schema: TypeAlias = Any
Contents: TypeAlias = Mapping[str, Schema]
BYTES: Schema = {"type": "string", "format": "binary"}
TEXT: Schema = {"type": "string"}
NOTHING: Mapping[Any, Any] = MappingProxyType({})


class Parameter(NamedTuple):
    """A value in the query, the path or a header; those in the path are always required."""

    name: str
    schema: Schema
    description: str
    where: Literal["query", "path", "header"] = "query"
    example: Any = None
    examples: Mapping[str, Any] = NOTHING
    """Several examples by name; the one named csv goes with a body in CSV."""


class RequestBody(NamedTuple):
    """The schema of a body for each media type, and examples that are valid requests."""

    contents: Contents
    examples: Mapping[str, Any] = NOTHING
    """By media type."""
    required: bool = True


class ResponseSpec(NamedTuple):
    """One possible response: its condition, the schema for each media type, and its headers.

    `Route.complete` adds the missing schemas of errors.
    """

    description: str
    contents: Contents = NOTHING
    headers: Mapping[str, str] = NOTHING


ResponseSpecs: TypeAlias = Mapping[int, ResponseSpec]


def accepted_response(description: str, kind: Schema) -> ResponseSpec:
    """Return the response for a queued job, with the headers for its URL and the next try."""
    return ResponseSpec(description, {JSON: kind}, {"Location": "The job.", **RETRY_AFTER})


RETRY_AFTER = {"Retry-After": "Seconds to wait before the next try."}
QUEUE_FULL = ResponseSpec("TRINITY_MAX_PENDING jobs are already waiting.", headers=RETRY_AFTER)
LEDGER_DOWN = ResponseSpec("The ledger does not respond.", headers=RETRY_AFTER)
STORE_DOWN = ResponseSpec("The store currently cannot be read.", headers=RETRY_AFTER)
CLASS_CHANGED = ResponseSpec("The parameters of the model's class have changed since the fit of the version.")
OTHER_ESTIMATOR = ResponseSpec("The model has another estimator, or was removed in the meantime.")
JOB_ERRORS: ResponseSpecs = {
    409: ResponseSpec("Another worker has taken the job, or the parameters of the model's class have changed."),
    500: ResponseSpec("The model failed, or the worker was lost at every attempt."),
    504: ResponseSpec("The job took longer than its timeout."),
}

QUEUED_ERRORS: ResponseSpecs = {
    **JOB_ERRORS,
    410: ResponseSpec("The job was cancelled while the request waited for it."),
    429: QUEUE_FULL,
    503: ResponseSpec("The ledger or the store does not respond, or the process has no capacity.", headers=RETRY_AFTER),
}
BODY_ERRORS: ResponseSpecs = {
    400: ResponseSpec("The body or the Idempotency-Key is malformed."),
    408: ResponseSpec("The body did not arrive in time."),
    413: ResponseSpec("The body is larger than TRINITY_MAX_BODY bytes."),
}

VERSION_REF = Annotated[int, Meta(ge=1)] | Annotated[str, Meta(pattern="^[a-z][a-z0-9_-]{0,63}$")]
MODEL_REF = Annotated[str, Meta(pattern=f"^{MODEL_NAME.pattern}$")]
ALIAS = Annotated[str, Meta(pattern="^[a-z][a-z0-9_-]{0,63}$")]
IDEMPOTENCY_KEY = Parameter(
    "Idempotency-Key",
    Annotated[str, Meta(pattern=r'^("[\x20-\x21\x23-\x5b\x5d-\x7e]{1,255}"|[A-Za-z0-9._:~+/=-]{1,255})$')],
    "Identifies the request: if it is sent again with the same key, it has no second effect.",
    "header",
)
IF_NONE_MATCH = Parameter("If-None-Match", str, "The ETag of the client's copy.", "header")
WAIT = Parameter(
    "wait",
    Annotated[int, Meta(ge=0, le=999_999_999)],
    "Seconds to wait for the end of the job, at most TRINITY_MAX_WAIT.",
    example=1,
)


def path_parameters(default_model: str) -> dict[str, Parameter]:
    """Return the parameters in paths, by placeholder."""
    job_id = Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
    version = "A number from 1, or an alias such as `latest`."
    return {
        "name": Parameter("name", MODEL_REF, "The model.", "path", example=default_model),
        "version": Parameter("version", VERSION_REF, version, "path", example="latest"),
        "alias": Parameter("alias", ALIAS, "An alias, such as `champion`.", "path", example="champion"),
        "job_id": Parameter("job_id", job_id, "The job's id.", "path"),
    }
