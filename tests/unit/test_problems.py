"""Problem documents: every error of the domain has its status, and every answer to an error is one."""

from collections.abc import Iterator
from http import HTTPStatus

import pytest
from falcon import testing
from falcon.asgi import App, Request, Response

import app.ledger  # noqa: F401  its errors count, too
from app.envelopes import STATUSES, problem
from app.errors import Failure, Fault, Retriable, TrinityError
from app.serve import problems


def kinds(base: type[TrinityError] = TrinityError) -> Iterator[type[TrinityError]]:
    """Every error class below the base."""
    for kind in base.__subclasses__():
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
    problems.install(api)
    api.add_route("/", Raises(error))
    result = testing.simulate_request(api, method, path)
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


def test_an_unforeseen_error_says_nothing_of_the_data() -> None:
    """500, without the error's message."""
    result = answer(KeyError("secret"))
    assert result.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
    assert "secret" not in result.text


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
