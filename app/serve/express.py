"""The short way for small JSON predictions, whose cost Falcon's request and response would double.

The work is the same (the resource's check, the dispatcher, the envelope); whatever is unusual about a request or goes
wrong in it takes the long way through Falcon, which knows how to answer it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import NamedTuple

from app.errors import TooSlow, TrinityError
from app.ids import new_id
from app.schemas import Job
from app.serve.answer import RETRY_AFTER_S, encoded, retry_after
from app.serve.asgi import Asgi, Header, Message, Receive, Send
from app.serve.body import JSON
from app.serve.limits import at_hand, in_time, refuse
from app.serve.request_id import request_id
from app.serve.trinity import SMALL_BODY_BYTES, VerbResource

_JSON = JSON.encode()
_TYPE = b"content-type", _JSON
_NO_MORE: tuple[Header, ...] = ()
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
        max_body_bytes: int = SMALL_BODY_BYTES,
        queued: bool = False,
    ) -> None:
        self._api = api
        self._stops = stops
        self._body_timeout_s = body_timeout_s
        self._small_bytes = min(SMALL_BODY_BYTES, max_body_bytes)
        self._queued = queued

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a plain POST to one of the stops; hand everything else on."""
        stop = self._stops.get(scope.get("path", ""))
        headers = None if stop is None else _plain(scope, self._small_bytes)
        if stop is None or headers is None:
            await self._api(scope, receive, send)
            return
        try:
            event = at_hand(receive) or await in_time(receive, self._body_timeout_s)
        except TooSlow as error:
            await refuse(scope, receive, send, error)
            return
        body = None if event.get("more_body") else event.get("body")
        answer = self._begin(stop, body) if body else None
        if answer is None:
            await self._api(scope, _replaying(event, receive), send)
            return
        given = headers.get(b"x-request-id")
        named = new_id() if given is None else request_id(given.decode("latin-1"))
        status, more = 200, _NO_MORE
        if not isinstance(answer, bytes):
            try:
                job = await answer
            except TrinityError as error:
                await refuse(scope, receive, send, error, *retry_after(error), keep=True)
                return
            answer, status = encoded(job, queued=True), 202
            more = (b"location", f"/jobs/{job.id}".encode()), (b"retry-after", RETRY_AFTER_S.encode())
        length = b"content-length", b"%d" % len(answer)
        told = [_TYPE, length, (b"x-request-id", named.encode()), *more]
        await send({"type": "http.response.start", "status": status, "headers": told})
        await send({"type": "http.response.body", "body": answer})

    def _begin(self, stop: Stop, body: bytes) -> bytes | Awaitable[Job] | None:
        """Return the envelope of the finished job as JSON, or a job to wait for; None when there is more to say."""
        try:
            if self._queued:
                return stop.resource.accept(body, stop.model)
            job = stop.resource.at_once(body, stop.model)
        except TrinityError:
            return None
        return None if job is None or job.failure is not None else encoded(job)


def _plain(scope: Message, small_bytes: int) -> dict[bytes, bytes] | None:
    """Return the headers of a POST that says no more than that it has a small JSON body; None of any other request."""
    headers: dict[bytes, bytes] = dict(scope["headers"])
    length = headers.get(b"content-length", b"")
    if (
        scope["method"] == "POST"
        and not scope["query_string"]
        and headers.get(b"content-type") == _JSON
        and length.isdigit()
        and int(length) <= small_bytes
        and _UNUSUAL.isdisjoint(headers)
    ):
        return headers
    return None


def _replaying(event: Message, receive: Receive) -> Receive:
    """Return a `receive` that gives the event once more, then what comes after it."""
    events = [event]

    async def replayed() -> Message:
        return events.pop() if events else await receive()

    return replayed
