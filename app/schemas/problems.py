"""Problem details (RFC 9457), and the table from kinds of error to HTTP statuses."""

from __future__ import annotations

from http import HTTPStatus

import msgspec

from app.errors import Failure, Fault


class Problem(msgspec.Struct, omit_defaults=True):
    """Problem details (RFC 9457), with a JSON pointer (RFC 6901) to each bad value."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[Fault] = []


class ProtocolError(msgspec.Struct):
    """An error in the form of the Open Inference Protocol."""

    error: str


STATUSES: dict[str, HTTPStatus] = {
    "malformed": HTTPStatus.BAD_REQUEST,
    "unauthenticated": HTTPStatus.UNAUTHORIZED,
    "forbidden": HTTPStatus.FORBIDDEN,
    "not-found": HTTPStatus.NOT_FOUND,
    "not-fitted": HTTPStatus.NOT_FOUND,
    "not-acceptable": HTTPStatus.NOT_ACCEPTABLE,
    "too-slow": HTTPStatus.REQUEST_TIMEOUT,
    "conflict": HTTPStatus.CONFLICT,
    "superseded": HTTPStatus.CONFLICT,
    "gone": HTTPStatus.GONE,
    "cancelled": HTTPStatus.GONE,
    "too-large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "unsupported-media-type": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "invalid": HTTPStatus.UNPROCESSABLE_ENTITY,
    "queue-full": HTTPStatus.TOO_MANY_REQUESTS,
    "model-failed": HTTPStatus.INTERNAL_SERVER_ERROR,
    "damaged": HTTPStatus.INTERNAL_SERVER_ERROR,
    "worker-lost": HTTPStatus.INTERNAL_SERVER_ERROR,
    "busy": HTTPStatus.SERVICE_UNAVAILABLE,
    "unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "timeout": HTTPStatus.GATEWAY_TIMEOUT,
}


def problem(failure: Failure) -> Problem:
    """Return the problem document of a failure."""
    status = STATUSES.get(failure.kind, HTTPStatus.INTERNAL_SERVER_ERROR)
    return Problem(f"urn:trinity:{failure.kind}", status.phrase, status, failure.detail, failure.errors)
