"""Errors as answers: problem documents (RFC 9457) and the headers that go with them."""

from __future__ import annotations

import traceback
from http import HTTPStatus
from logging import getLogger

import falcon
import msgspec
from falcon.asgi import App, Request, Response

from app.envelopes import problem
from app.errors import Retriable, TooLarge, TooSlow, TrinityError, UnsupportedEncoding
from app.schemas import Problem

logger = getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


def send(resp: Response, document: Problem) -> None:
    """Answer with a problem document."""
    resp.status = document.status
    resp.content_type = MEDIA_TYPE
    resp.data = msgspec.json.encode(document)


async def on_trinity_error(req: Request, resp: Response, error: TrinityError, params: object) -> None:  # noqa: ARG001
    """Answer what the domain refused."""
    send(resp, problem(error.failure()))
    if isinstance(error, Retriable):
        resp.set_header("Retry-After", str(error.retry_after_s))
    if isinstance(error, UnsupportedEncoding):
        resp.set_header("Accept-Encoding", "identity")  # RFC 9110 §15.5.16: so it wasn't the media type
    if isinstance(error, (TooLarge, TooSlow)):
        resp.set_header("Connection", "close")  # the rest of the body won't be read


async def on_http_error(req: Request, resp: Response, error: falcon.HTTPError, params: object) -> None:  # noqa: ARG001
    """Answer what Falcon refused: an unknown route, a method that a route doesn't have."""
    status = HTTPStatus(error.status_code)
    detail = error.description or {
        HTTPStatus.NOT_FOUND: f"there is nothing at {req.path[:200]}; GET / lists the routes",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{req.path[:200]} doesn't answer {req.method}",
    }.get(status, status.description)
    send(resp, Problem("about:blank", status.phrase, status, detail))
    for name, value in dict(error.headers or {}).items():
        resp.set_header(name, value)


async def on_exception(req: Request, resp: Response, error: Exception, params: object) -> None:  # noqa: ARG001
    """Answer what nobody foresaw."""
    send(resp, unforeseen(req.method, req.path, error))


def unforeseen(method: str, path: str, error: Exception) -> Problem:
    """Return the problem document of a fault of ours; log where it came from, without the message (may quote data)."""
    trace = "".join(traceback.format_tb(error.__traceback__))
    logger.error("%s %r raised %s\n%s", method, path[:200], type(error).__name__, trace)
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    detail = "this is a fault of the service, not of the request"
    return Problem("urn:trinity:internal-error", status.phrase, status, detail)


def install(api: App[Request, Response]) -> None:
    """Have the app answer every error with a problem document."""
    api.add_error_handler(Exception, on_exception)
    api.add_error_handler(falcon.HTTPError, on_http_error)
    api.add_error_handler(TrinityError, on_trinity_error)
