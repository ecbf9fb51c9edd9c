"""The current request, or the request of the current job: set by the middleware and by workers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import msgspec


class RequestContext(msgspec.Struct, frozen=True, gc=False):
    """The id of a request, its trace (W3C traceparent, '' for none), and the name of its API key."""

    request_id: str = ""
    trace: str = ""
    key_name: str = ""
    """The name of the API key, never the key itself; '' if no keys are required."""


REQUEST: ContextVar[RequestContext] = ContextVar("request", default=RequestContext())  # noqa: B039  it can't be changed


@contextmanager
def on_behalf_of(context: RequestContext) -> Iterator[None]:
    """Run the body of the `with` statement as work for this request."""
    token = REQUEST.set(context)
    try:
        yield
    finally:
        REQUEST.reset(token)
