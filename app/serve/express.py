"""The short way for small JSON predictions, whose cost Falcon's request and response would double.

The work is the same (the resource's check, the dispatcher, the envelope, the problem document); whatever is unusual
about a request takes the long way through Falcon.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple, TypeAlias

import msgspec

from app.errors import Failure, TooSlow, TrinityError
from app.schemas.ids import new_id
from app.schemas.problems import Problem, problem
from app.serve.asgi import Asgi, Header, Message, RawResponse, Receive, Send, length_of
from app.serve.bodies.hop import SMALL_BYTES
from app.serve.bodies.reader import JSON
from app.serve.middleware.body_limits import receive_nowait, receive_within, refuse, refuse_stopped
from app.serve.middleware.request_id import request_id
from app.serve.problems import MEDIA_TYPE, internal_error
from app.serve.resources.verbs import VerbResource
from app.serve.responses import RETRY_AFTER_S, envelope_json, retry_after

Headers: TypeAlias = Mapping[bytes, bytes]

_JSON = JSON.encode()
_UNUSUAL = {b"prefer", b"idempotency-key", b"transfer-encoding", b"expect", b"content-encoding"}


class Stop(NamedTuple):
    """Where a path leads: the verb's resource, and the model that the path names."""

    resource: VerbResource
    model: str | None = None


class Express:
    """An ASGI app in front of another."""

    def __init__(
        self,
        api: Asgi,
        stops: Mapping[str, Stop],
        body_timeout_s: float,
        *,
        max_body_bytes: int = SMALL_BYTES,
        queued: bool = False,
    ) -> None:
        self._api = api
        self._stops = stops
        self._body_timeout_s = body_timeout_s
        self._small_bytes = min(SMALL_BYTES, max_body_bytes)
        self._queued = queued

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a plain POST to one of the stops; hand everything else on."""
        stop = self._stops.get(scope.get("path", ""))
        headers = None if stop is None else _plain(scope, self._small_bytes)
        if stop is None or headers is None:
            await self._api(scope, receive, send)
            return
        try:
            event = receive_nowait(receive) or await receive_within(receive, self._body_timeout_s)
            reply = await self._replied(stop, headers, event)
        except TooSlow as error:
            await refuse(scope, receive, send, error)
            return
        except asyncio.CancelledError:
            await refuse_stopped(scope, receive, send)
            return
        except Exception as error:  # noqa: BLE001  nobody foresaw it; it isn't known whether the job was accepted
            reply = _told(internal_error(scope["method"], scope["path"], error), headers)
        if reply is None:
            await self._api(scope, _replaying(event, receive), send)
            return
        await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
        await send({"type": "http.response.body", "body": reply.body})

    def at_once(self, scope: Message, body: bytes) -> RawResponse | None:
        """Return the answer to a POST that has come whole; None when it needs another way."""
        stop = self._stops.get(scope["path"])
        headers = None if stop is None else _plain(scope, self._small_bytes)
        if stop is None or headers is None or not body:
            return None
        stop.resource.hold()
        return _finished(stop, headers, body)

    async def _replied(self, stop: Stop, headers: Headers, event: Message) -> RawResponse | None:
        body = None if event.get("more_body") else event.get("body")
        if not body:
            return None
        return await self._accepted(stop, headers, body) if self._queued else _finished(stop, headers, body)

    async def _accepted(self, stop: Stop, headers: Headers, body: bytes) -> RawResponse | None:
        try:
            accepted = stop.resource.accept(body, stop.model)
        except TrinityError as error:
            return _refused(headers, error.failure(), *retry_after(error))
        except Exception:  # noqa: BLE001  nothing is accepted yet: the long way says what there is to say
            return None
        if accepted is None:
            return None
        try:
            job = await accepted
        except TrinityError as error:
            return _refused(headers, error.failure(), *retry_after(error))
        where = (b"location", f"/jobs/{job.id}".encode()), (b"retry-after", RETRY_AFTER_S.encode())
        return _reply(HTTPStatus.ACCEPTED, _JSON, headers, envelope_json(job, queued=True), *where)


def _finished(stop: Stop, headers: Headers, body: bytes) -> RawResponse | None:
    try:
        job = stop.resource.at_once(body, stop.model)
    except TrinityError as error:
        return _refused(headers, error.failure(), *retry_after(error))
    except Exception:  # noqa: BLE001  nobody foresaw it: the long way says so, to the caller and in the log
        return None
    if job is None:
        return None
    if job.failure is not None:
        return _refused(headers, job.failure)
    return _reply(HTTPStatus.OK, _JSON, headers, envelope_json(job))


def _refused(headers: Headers, failure: Failure, *more: Header) -> RawResponse:
    return _told(problem(failure), headers, *more)


def _told(document: Problem, headers: Headers, *more: Header) -> RawResponse:
    return _reply(document.status, MEDIA_TYPE.encode(), headers, msgspec.json.encode(document), *more)


def _reply(status: int, kind: bytes, headers: Headers, body: bytes, *more: Header) -> RawResponse:
    """Return an answer to a request that had these headers."""
    given = headers.get(b"x-request-id")
    named = (new_id() if given is None else request_id(given.decode("latin-1"))).encode()
    length = b"content-length", b"%d" % len(body)
    return RawResponse(status, [(b"content-type", kind), length, (b"x-request-id", named), *more], body, named)


def _plain(scope: Message, small_bytes: int) -> Headers | None:
    """Return the headers of a POST that says no more than that it has a small JSON body; None of any other request."""
    headers: Headers = dict(scope["headers"])
    length = length_of(headers.get(b"content-length", b""))
    if (
        scope["method"] == "POST"
        and not scope["query_string"]
        and headers.get(b"content-type") == _JSON
        and length is not None
        and length <= small_bytes
        and _UNUSUAL.isdisjoint(headers)
        and b"x-npy" not in headers.get(b"accept", b"").lower()
    ):
        return headers
    return None


def _replaying(event: Message, receive: Receive) -> Receive:
    """Return a `receive` that gives the event once more, then what comes after it."""
    events = [event]

    async def replayed() -> Message:
        return events.pop() if events else await receive()

    return replayed
