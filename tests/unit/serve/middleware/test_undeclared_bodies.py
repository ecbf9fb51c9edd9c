"""Bodies of requests to routes that take none: found from what the routes declare."""

import pytest

from app.serve.asgi import HEADERS
from app.serve.middleware.body_limits import Refusal
from app.serve.middleware.route_templates import RouteMatcher
from app.serve.middleware.undeclared_bodies import UndeclaredBodies
from app.serve.openapi.parts import RequestBody
from app.serve.resources.route import Route

ROUTES = [
    Route("GET", "/jobs", "."),
    Route("POST", "/jobs/{job_id}/retry", "."),
    Route("PUT", "/models/{name}/aliases", "."),
    Route("POST", "/fit", ".", body=RequestBody({}, required=False)),
    Route("POST", "/upload", ".", takes_file=True),
]
LENGTH, PIECES = {b"content-length": b"3"}, {b"transfer-encoding": b"chunked"}


def refusal(method: str, path: str, headers: dict[bytes, bytes]) -> Refusal | None:
    bodies = UndeclaredBodies(ROUTES, RouteMatcher(route.path for route in ROUTES))
    return bodies.check({"method": method, "path": path, "headers": [*headers.items()], HEADERS: headers})


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/jobs", {}),
        ("GET", "/jobs", {b"content-length": b"0"}),
        ("GET", "/jobs", LENGTH),
        ("DELETE", "/jobs/1/retry", PIECES),
        ("POST", "/jobs/1/retry", {b"content-length": b"0"}),
        ("POST", "/jobs/1/retry", {b"content-length": b"2"}),
        ("POST", "/fit", LENGTH),
        ("POST", "/upload", PIECES),
        ("PUT", "/jobs", LENGTH),
        ("OPTIONS", "/jobs", LENGTH),
        ("GET", "/nothing", LENGTH),
    ],
)
def test_declared_bodies_and_those_without_a_meaning_pass(method: str, path: str, headers: dict[bytes, bytes]) -> None:
    """As do those of requests that get a 404 or a 405, and an empty object."""
    assert refusal(method, path, headers) is None


@pytest.mark.parametrize(("method", "path"), [("POST", "/jobs/1/retry"), ("PUT", "/models/m/aliases")])
@pytest.mark.parametrize("headers", [LENGTH, PIECES])
def test_others_are_refused(method: str, path: str, headers: dict[bytes, bytes]) -> None:
    """A small body of known length is read by the server, so that the connection stays open."""
    found = refusal(method, path, headers)
    assert found is not None
    assert (found.error.kind, found.error.pointers, found.keep) == ("invalid", [""], headers is LENGTH)
