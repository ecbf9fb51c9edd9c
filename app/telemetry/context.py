"""The request that is being answered, or whose job is run: set by the middleware and by workers, read at the work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import msgspec


class RequestContext(msgspec.Struct, frozen=True, gc=False):
    """The id of a request, its trace (W3C traceparent, '' for none), and who asked."""

    request_id: str = ""
    trace: str = ""
    key_name: str = ""
    """The name of the API key, never the key; '' where none is needed."""


REQUEST: ContextVar[RequestContext] = ContextVar("request", default=RequestContext())  # noqa: B039  it can't be changed


@contextmanager
def on_behalf_of(context: RequestContext) -> Iterator[None]:
    """Do what follows as the work of this request."""
    token = REQUEST.set(context)
    try:
        yield
    finally:
        REQUEST.reset(token)
