"""The request that is being answered: set by the middleware, read where a job is made of it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import NamedTuple


class RequestContext(NamedTuple):
    """The id of a request, and the trace that it is part of (W3C traceparent, '' for none)."""

    request_id: str = ""
    trace: str = ""


REQUEST: ContextVar[RequestContext] = ContextVar("request", default=RequestContext())  # noqa: B039  it can't be changed
