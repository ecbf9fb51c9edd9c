"""Problem documents: every error of the domain has its status, and every answer to an error is one."""

import errno
import os
from collections.abc import Iterator
from http import HTTPStatus

import msgspec
import pytest
from falcon import testing
from falcon.asgi import App, Request, Response

import app.queue.ledger.scripts  # noqa: F401  its errors count, too
from app.errors import Failure, Fault, Invalid, Malformed, NotFound, NotInTime, Retriable, TrinityError
from app.schemas.problems import STATUSES, problem
from app.serve.app import problems
from app.serve.middleware.body_limits import BodyLimits
from app.serve.middleware.request_middleware import RequestMiddleware, Telemetry
from app.serve.middleware.route_templates import RouteMatcher
from app.telemetry.metrics import ServiceMetrics


def kinds(base: type[TrinityError] = TrinityError) -> Iterator[type[TrinityError]]:
    """Every error class of the service below the base; the client has classes of its own."""
    for kind in base.__subclasses__():
        if kind.__module__ == TrinityError.__module__:
            yield kind
            yield from kinds(kind)


class Raises:
    """A resource that raises what it was given."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def on_get(self, req: Request, resp: Response) -> None:
        raise self._error


def answer(error: Exception, method: str = "GET", path: str = "/") -> testing.Result:
    """What a client is told when a resource raises."""
    api = App()
    problems.add_error_handlers(api)
    api.add_route("/", Raises(error))
    middleware = RequestMiddleware(api, Telemetry(ServiceMetrics()), RouteMatcher([]), BodyLimits(1_000, 1.0))
    result = testing.simulate_request(middleware, method, path)
    assert result.headers["content-type"] == "application/problem+json"
    assert result.json["status"] == result.status_code
    assert {"type", "title", "status", "detail"} <= set(result.json)
    return result


@pytest.mark.parametrize("kind", sorted({kind.kind for kind in kinds() if kind is not Retriable}))
def test_every_kind_has_a_status(kind: str) -> None:
    """No error of the domain falls through the table."""
    assert kind in STATUSES


def test_no_status_without_a_kind() -> None:
    """The table holds nothing that no error has."""
    assert set(STATUSES) == {kind.kind for kind in kinds() if kind is not Retriable}


@pytest.mark.parametrize("kind", [kind for kind in kinds() if kind is not Retriable], ids=lambda kind: kind.__name__)
def test_a_domain_error_becomes_its_document(kind: type[TrinityError]) -> None:
    """Status of the table, words and pointers of the error; Retry-After when it may go away."""
    result = answer(kind("what is wrong", Fault("/data/X/0", "this")))
    assert result.status_code == STATUSES[kind.kind]
    assert result.json["type"] == f"urn:trinity:{kind.kind}"
    assert result.json["detail"] == "what is wrong"
    assert result.json["errors"] == [{"pointer": "/data/X/0", "detail": "this"}]
    assert ("retry-after" in result.headers) is issubclass(kind, Retriable)


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (Invalid.at("/inputs/0/shape", "wrong"), 400, "wrong (at /inputs/0/shape)"),
        (Invalid.at("/data/X/0", "wrong"), 400, "wrong"),
        (Malformed("no JSON"), 400, "no JSON"),
        (NotFound("not there"), 404, "not there"),
        (NotInTime("late"), 504, "late"),
    ],
)
@pytest.mark.parametrize("path", ["/v2", "/v2/models/any/infer"])
def test_errors_of_the_open_inference_protocol(error: TrinityError, status: int, text: str, path: str) -> None:
    """Its own form, without the pointers into a request of ours; only below /v2."""
    rendered, headers, body = problems.render(error, path)
    assert (rendered, body) == (status, msgspec.json.encode({"error": text}))
    assert headers["Content-Type"] == "application/json"
    _, headers, _ = problems.render(error, "/v2x")
    assert headers["Content-Type"] == "application/problem+json"


def test_an_unforeseen_error_says_nothing_of_the_data() -> None:
    """500, without the error's message."""
    result = answer(KeyError("secret"))
    assert result.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
    assert "secret" not in result.text


@pytest.mark.parametrize("number", sorted(problems.DISK_ERRORS))
def test_what_the_disk_does_may_go_away(number: int, caplog: pytest.LogCaptureFixture) -> None:
    """503 without the path, which is in no log either; where it was noticed is."""
    result = answer(OSError(number, os.strerror(number), "/srv/secret"))
    assert result.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert result.json["type"] == "urn:trinity:unavailable" and result.headers["retry-after"]
    assert "secret" not in result.text + caplog.text
    assert errno.errorcode[number] in caplog.text and "on_get" in caplog.text


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(errno.ENOENT, "no such file"),
        OSError(errno.EBADF, "bad file descriptor"),
        OSError(errno.EINVAL, "invalid argument"),
        ConnectionRefusedError(errno.ECONNREFUSED, "refused"),
        BrokenPipeError(errno.EPIPE, "broken pipe"),
        TimeoutError(),
        OSError("no number"),
    ],
)
def test_other_errors_of_the_system_are_faults_of_ours(error: OSError) -> None:
    """Nothing that was foreseen raises them."""
    assert answer(error).status_code == HTTPStatus.INTERNAL_SERVER_ERROR


def test_an_unknown_route() -> None:
    """404, and where to find those there are."""
    result = answer(KeyError(), path="/nope")
    assert result.status_code == HTTPStatus.NOT_FOUND
    assert "/nope" in result.json["detail"]


@pytest.mark.parametrize("method", ["POST", "DELETE", "PATCH"])
def test_a_wrong_method(method: str) -> None:
    """405 with Allow."""
    result = answer(KeyError(), method)
    assert result.status_code == HTTPStatus.METHOD_NOT_ALLOWED
    assert "GET" in result.headers["allow"]


def test_a_failure_of_an_unknown_kind_is_ours() -> None:
    """A job written by a newer version is a 500 and no crash."""
    assert problem(Failure("from-the-future", "?")).status == HTTPStatus.INTERNAL_SERVER_ERROR
