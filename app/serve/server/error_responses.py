"""Responses to requests that cannot be read as HTTP. The application does not see these; the connection is closed."""

from __future__ import annotations

from http import HTTPStatus

from msgspec import json

from app.schemas.media_types import PROBLEM
from app.schemas.problems import Problem

MAX_TARGET_BYTES = 32 * 1024  # of a request: its path and query
MAX_HEAD_BYTES = 32 * 1024  # of its headers, or of its trailers


def refusal(status: HTTPStatus, kind: str, detail: str) -> bytes:
    """Return a response that closes its connection, with a problem document like the application's (RFC 9457)."""
    body = json.encode(Problem(f"urn:trinity:{kind}", status.phrase, status, detail))
    head = f"HTTP/1.1 {status:d} {status.phrase}\r\ncontent-type: {PROBLEM}\r\n"
    return f"{head}content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body


TARGET_TOO_LONG = refusal(
    HTTPStatus.REQUEST_URI_TOO_LONG,  # RFC 9112 §3
    "target-too-long",
    f"path and query are over {MAX_TARGET_BYTES:,} bytes; data belongs in the body",
)
HEAD_TOO_LARGE = refusal(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "head-too-large",
    f"the headers, or the trailers, are over {MAX_HEAD_BYTES:,} bytes",
)
NOT_HTTP = refusal(
    HTTPStatus.BAD_REQUEST,
    "malformed",
    "this is not an HTTP/1.1 request: its method, path, headers or a chunk cannot be read; "
    "percent-encode characters that are not ASCII",
)
