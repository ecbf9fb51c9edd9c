"""Unknown names in the query of a request: found from what the routes declare."""

from typing import Any

import pytest

from app.serve.middleware.query_names import QueryNames
from app.serve.middleware.route_templates import RouteMatcher
from app.serve.openapi.parts import WAIT, Parameter, RequestBody
from app.serve.resources.route import Route

ROUTES = [
    Route("GET", "/ping", "."),
    Route("GET", "/jobs", ".", parameters=(Parameter("status", str, "."), Parameter("verb", str, "."))),
    Route("GET", "/jobs/{job_id}", ".", parameters=(WAIT, Parameter("job_id", str, ".", "path"))),
    Route("DELETE", "/jobs/{job_id}", "."),
    Route("GET", "/jobs/events", ".", parameters=(Parameter("Last-Event-ID", str, ".", "header"),)),
    Route("POST", "/fit", ".", body=RequestBody({}), reads_query=True),
    Route("PUT", "/models/{name}/aliases/{alias}", ".", body=RequestBody({})),
]


def refused(method: str, path: str, query: str) -> Any:
    """The error of a request; None where it passes."""
    names = QueryNames(ROUTES, RouteMatcher(route.path for route in ROUTES))
    scope = {"method": method, "path": path, "query_string": query.encode(), "headers": []}
    refusal = names.check(scope)
    return None if refusal is None else refusal.error


@pytest.mark.parametrize(
    ("method", "path", "query"),
    [
        ("GET", "/jobs", "status=SUCCESS&verb=fit"),
        ("HEAD", "/jobs", "status="),
        ("GET", "/jobs/1", "wait=3"),
        ("GET", "/jobs", "&&"),
        ("POST", "/fit", "degree=3&target=y"),
        ("PUT", "/jobs", "x=1"),
        ("GET", "/nothing", "x=1"),
    ],
)
def test_what_is_declared_or_no_route_passes(method: str, path: str, query: str) -> None:
    """As does the query of a route whose readers take it."""
    assert refused(method, path, query) is None


@pytest.mark.parametrize(
    ("method", "path", "query", "pointers"),
    [
        ("GET", "/ping", "x=1", ["/x"]),
        ("GET", "/ping", "x", ["/x"]),
        ("HEAD", "/ping", "x=", ["/x"]),
        ("GET", "/jobs", "state=SUCCESS&verb=fit&Limit=3", ["/state", "/Limit"]),
        ("GET", "/jobs", "a%2Fb=1", ["/a~1b"]),
        ("GET", "/jobs/1", "job_id=2", ["/job_id"]),
        ("GET", "/jobs/events", "Last-Event-ID=2", ["/Last-Event-ID"]),
        ("DELETE", "/jobs/1", "wait=3", ["/wait"]),
        ("PUT", "/models/line/aliases/champion", "if_version=3", ["/if_version"]),
        ("GET", "/ping", "access_token=secret", ["/access_token"]),
    ],
)
def test_an_unknown_name_is_refused(method: str, path: str, query: str, pointers: list[str]) -> None:
    """Its value appears nowhere."""
    error = refused(method, path, query)
    assert (error.kind, error.pointers) == ("invalid", pointers)
    assert "secret" not in str(error.failure())


def test_the_error_lists_what_the_route_takes() -> None:
    assert "this takes status, verb" in refused("GET", "/jobs", "state=x").detail
    assert "this takes none" in refused("GET", "/ping", "x=1").detail


def test_the_error_is_bounded() -> None:
    query = "&".join(f"{'n' * 500}{number}=1" for number in range(1000))
    assert len(str(refused("GET", "/ping", query).failure())) < 10_000
