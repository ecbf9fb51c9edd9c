"""Errors as responses: problem documents (RFC 9457) and their headers."""

from __future__ import annotations

import errno
import traceback
from http import HTTPStatus
from logging import getLogger

import falcon
import msgspec
from falcon.asgi import App, Request, Response

from app.errors import Busy, QueueFull, Retriable, TooLarge, TooSlow, TrinityError, Unavailable, UnsupportedEncoding
from app.schemas.media_types import JSON, PROBLEM
from app.schemas.problems import Problem, ProtocolError, problem

logger = getLogger(__name__)

V2_MEMBERS = ("/id", "/inputs", "/outputs", "/parameters")

DISK_ERRORS = {
    *(errno.EACCES, errno.EPERM, errno.EROFS),  # permissions were removed
    *(errno.EIO, errno.ENXIO, errno.ENODEV),  # a disk is not available
    *(errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTDOWN),  # a network share is not available
    *(errno.ENOSPC, errno.EDQUOT, errno.ENOMEM, errno.EMFILE, errno.ENFILE),  # disk, memory or a table of files is full
    *(errno.EISDIR, errno.ENOTDIR, errno.ELOOP),  # a file was replaced by something else
}
"""What a disk does, and no request or code of ours: not that a file isn't there, which the store foresees, nor what
sockets raise, nor a TimeoutError of asyncio's, which has no number."""

RETRY_AFTER_S = {f"urn:trinity:{each.kind}": each.retry_after_s for each in (Busy, QueueFull, Unavailable)}
"""By type of problem, which is all that a job stores. After the `timeout` of a job, a retry does not help."""


def render(error: TrinityError, path: str) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of the response to a request for `path` that failed."""
    status, media_type, body = _render(problem(error.failure()), path)
    headers = {"Content-Type": media_type}
    if isinstance(error, Retriable):
        headers["Retry-After"] = str(error.retry_after_s)
    if isinstance(error, UnsupportedEncoding):
        headers["Accept-Encoding"] = "gzip, identity"  # RFC 9110 §15.5.16: so it wasn't the media type
    return status, headers, body


def set_retry_after(resp: Response, seconds: int = Retriable.retry_after_s) -> None:
    """Set the header Retry-After."""
    resp.set_header("Retry-After", str(seconds))


def send_problem(resp: Response, document: Problem, path: str = "") -> None:
    """Respond to a request for `path` with a problem document, and Retry-After if a retry may help."""
    resp.status, resp.content_type, resp.data = _render(document, path)
    if (seconds := RETRY_AFTER_S.get(document.type)) is not None:
        set_retry_after(resp, seconds)


def below_v2(path: str) -> bool:
    """Whether errors at a path have the form of the Open Inference Protocol."""
    return path == "/v2" or path.startswith("/v2/")


def _render(document: Problem, path: str) -> tuple[int, str, bytes]:
    """Return status, media type and body: a problem document; below /v2 the Open Inference Protocol's error object."""
    if not below_v2(path):
        return document.status, PROBLEM, msgspec.json.encode(document)
    # pointers into a request of another form, which the service's own checks give, would mislead
    pointers = [fault.pointer for fault in document.errors if fault.pointer.startswith(V2_MEMBERS)]
    text = f"{document.detail} (at {', '.join(pointers)})" if pointers else document.detail
    status = HTTPStatus.BAD_REQUEST if document.status == HTTPStatus.UNPROCESSABLE_ENTITY else document.status
    return status, JSON, msgspec.json.encode(ProtocolError(text))


async def on_trinity_error(req: Request, resp: Response, error: TrinityError, params: object) -> None:  # noqa: ARG001
    """Respond to an error of the service; the middleware handles errors after which the body must be discarded."""
    if isinstance(error, (TooLarge, TooSlow)):
        raise error
    resp.status, headers, resp.data = render(error, req.path)
    resp.set_headers(headers)


async def on_http_error(req: Request, resp: Response, error: falcon.HTTPError, params: object) -> None:  # noqa: ARG001
    """Respond to an error of Falcon: an unknown route, or a method that a route doesn't have."""
    status = HTTPStatus(error.status_code)
    detail = error.description or {
        HTTPStatus.NOT_FOUND: f"there is nothing at {req.path[:200]}; GET / lists the routes",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{req.path[:200]} doesn't answer {req.method}",
    }.get(status, status.description)
    send_problem(resp, Problem("about:blank", status.phrase, status, detail), req.path)
    resp.set_headers(error.headers or {})


async def on_exception(req: Request, resp: Response, error: Exception, params: object) -> None:
    """Respond to an unexpected error, or to an unavailable store; log where it was raised."""
    answered = internal_error(req.method, req.path, error)
    if isinstance(error, OSError) and error.errno in DISK_ERRORS:
        answered = Unavailable("the store can't be read or written now; try again")
    await on_trinity_error(req, resp, answered, params)


def internal_error(method: str, path: str, error: Exception) -> TrinityError:
    """Return the error for an internal fault; log its location, without the message (may quote data)."""
    trace = "".join(traceback.format_tb(error.__traceback__))
    name = type(error).__name__
    if isinstance(error, OSError) and error.errno is not None:
        name = f"{name} ({errno.errorcode.get(error.errno, error.errno)})"
    logger.error("%s %r raised %s\n%s", method, path[:200], name, trace)
    return TrinityError("this is a fault of the service, not of the request")


def add_error_handlers(api: App[Request, Response]) -> None:
    """Have the app answer every error with a problem document."""
    api.add_error_handler(Exception, on_exception)
    api.add_error_handler(falcon.HTTPError, on_http_error)
    api.add_error_handler(TrinityError, on_trinity_error)
