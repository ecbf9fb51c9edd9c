"""A route: what create_app serves, what GET / lists and what /openapi.json describes are all made of these."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from app.serve.openapi.terms import NOTHING, Parameter, RequestBody, ResponseSpecs
from app.settings import Mode


class Route(NamedTuple):
    """One path of the service with the resource behind it: what it does, and how curl asks for it.

    `data` is a body to send as JSON, `shown` the path that the example asks for where `path` has placeholders.
    The rest, in the words of openapi/terms.py, makes /openapi.json; a test misses `answers` where there are none.
    """

    method: str
    path: str
    resource: object
    description: str
    data: str = ""
    shown: str = ""
    answers: ResponseSpecs = NOTHING
    """What may come of it, by status; refusals for want of a key are added where there are keys."""
    parameters: tuple[Parameter, ...] = ()
    body: RequestBody | None = None
    operation: str = ""
    """The name of the method in generated clients, such as get_job."""
    queued: bool = False
    """Whether it is there in async mode only."""
    public: bool = True
    """False for what only our own pages fetch: neither listed nor documented."""
    before: str = ""
    """What a shell has to do before the example, where {base} stands for the service."""


def public(routes: Iterable[Route], mode: Mode) -> list[Route]:
    """Return the routes that callers are told of in a mode."""
    return [route for route in routes if route.public and (mode is Mode.ASYNC or not route.queued)]
