"""The answers to scripts of other origins, on a fake application behind the middleware."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.api_keys import new_key
from app.bootstrap import build_api
from app.errors import Unavailable
from app.serve.asgi import Message, Receive, Send
from app.serve.middleware.api_keys import ApiKeyAuth
from app.serve.middleware.body_limits import BodyLimits
from app.serve.middleware.cors import METHODS, REQUEST_HEADERS, RESPONSE_HEADERS, Cors
from app.serve.middleware.request_middleware import Network, RequestMiddleware, Telemetry
from app.serve.middleware.route_templates import RouteMatcher
from app.settings import Mode, Settings
from app.telemetry.metrics import ServiceMetrics

DASHBOARD, OTHER = "https://dashboard.example", "https://other.example"
PREFLIGHT = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}


async def behind(scope: Message, receive: Receive, send: Send) -> None:
    if scope["path"] == "/broken":
        raise Unavailable("away")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"vary", b"Accept")]})
    await send({"type": "http.response.body", "body": b"{}"})


def ask(
    origins: str | None, method: str = "GET", path: str = "/ping", *, auth: ApiKeyAuth | None = None, **headers: str
) -> tuple[int, list[tuple[str, str]]]:
    """The status and the headers of an answer; underscores of the names of headers are hyphens."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    network = Network(cors=Cors(origins) if origins else None)
    telemetry = Telemetry(ServiceMetrics())
    app = RequestMiddleware(behind, telemetry, RouteMatcher([]), BodyLimits(100, 1.0), auth, network=network)
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": raw}
    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], [(name.decode().lower(), value.decode()) for name, value in sent[0]["headers"]]


def cors_of(headers: list[tuple[str, str]]) -> dict[str, str]:
    return {name: value for name, value in headers if name.startswith("access-control-")}


@pytest.mark.parametrize("origins", [DASHBOARD, f"{OTHER} , {DASHBOARD}", DASHBOARD.upper()])
def test_a_listed_origin_may_read_answers_with_credentials(origins: str) -> None:
    status, headers = ask(origins, origin=DASHBOARD)
    allowed = cors_of(headers)
    assert status == 200
    assert allowed["access-control-allow-origin"] == DASHBOARD
    assert allowed["access-control-allow-credentials"] == "true"
    assert "Location" in allowed["access-control-expose-headers"]
    assert [value for name, value in headers if name == "vary"] == ["Accept", "Origin"]


def test_any_origin_may_read_answers_without_credentials() -> None:
    _, headers = ask("*", origin=DASHBOARD)
    assert cors_of(headers)["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in cors_of(headers)
    assert ("vary", "Origin") not in headers


@pytest.mark.parametrize(
    "origin", [OTHER, "null", f"{DASHBOARD}:444", f"{DASHBOARD}.evil.example", "http://dashboard.example"]
)
def test_another_origin_may_read_nothing(origin: str) -> None:
    """A cache is told that the answer to a listed origin is another one."""
    _, headers = ask(DASHBOARD, origin=origin)
    assert cors_of(headers) == {}
    assert ("vary", "Origin") in headers


def test_requests_without_an_origin_are_as_ever() -> None:
    assert cors_of(ask("*")[1]) == cors_of(ask(DASHBOARD)[1]) == {}
    assert ("vary", "Origin") in ask(DASHBOARD)[1]


@pytest.mark.parametrize("path", ["/predict", "/jobs/1/retry", "/nothing", "/broken"])
@pytest.mark.parametrize("origins", ["*", DASHBOARD])
def test_a_preflight_is_answered_for_every_path(origins: str, path: str) -> None:
    status, headers = ask(origins, "OPTIONS", path, origin=DASHBOARD, **PREFLIGHT)
    allowed = cors_of(headers)
    assert status == 204
    assert allowed["access-control-allow-methods"] == METHODS.decode()
    assert "Content-Type" in allowed["access-control-allow-headers"]
    assert int(allowed["access-control-max-age"]) > 0
    assert dict(headers)["x-request-id"]


def test_a_preflight_needs_no_key_and_the_request_does() -> None:
    """Also the refusal can be read."""
    auth = ApiKeyAuth([new_key("dashboard", "read")[1]])
    status, _ = ask(DASHBOARD, "OPTIONS", origin=DASHBOARD, path="/models", auth=auth, **PREFLIGHT)
    assert status == 204
    status, headers = ask(DASHBOARD, "GET", path="/models", auth=auth, origin=DASHBOARD)
    assert (status, cors_of(headers)["access-control-allow-origin"]) == (401, DASHBOARD)


@pytest.mark.parametrize("origins", [None, DASHBOARD])
def test_a_preflight_of_another_origin_needs_a_key(origins: str | None) -> None:
    auth = ApiKeyAuth([new_key("dashboard", "read")[1]])
    status, headers = ask(origins, "OPTIONS", "/models", auth=auth, origin=OTHER, **PREFLIGHT)
    assert (status, cors_of(headers)) == (401, {})


def test_an_options_that_is_no_preflight_goes_to_the_application() -> None:
    status, headers = ask(DASHBOARD, "OPTIONS", origin=DASHBOARD)
    assert (status, cors_of(headers)["access-control-allow-origin"]) == (200, DASHBOARD)


def test_errors_can_be_read() -> None:
    for path, content_length, expected in (("/broken", "0", 503), ("/ping", "1000", 413)):
        status, headers = ask("*", "POST", path, origin=DASHBOARD, content_length=content_length)
        assert (status, cors_of(headers)["access-control-allow-origin"]) == (expected, "*")


def test_nothing_is_allowed_by_default() -> None:
    _, headers = ask(None, origin=DASHBOARD)
    assert cors_of(headers) == {}
    assert ("vary", "Origin") not in headers


def names(listed: bytes) -> set[str]:
    return set(listed.decode().lower().split(", "))


def test_what_routes_declare_may_be_sent_and_read(tmp_path: Path) -> None:
    """Each header of a request, and each of an answer."""
    nowhere: Any = "redis://127.0.0.1:1"  # nothing connects while an app is built
    api: Any = build_api(Settings(mode=Mode.ASYNC, broker_url=nowhere, ledger_url=nowhere, store=str(tmp_path)))
    operations = [
        (method, operation)
        for path in asyncio.run(document_of(api))["paths"].values()
        for method, operation in path.items()
    ]
    parameters = [each for _, operation in operations for each in operation.get("parameters", [])]
    answers = [answer for _, operation in operations for answer in operation["responses"].values()]
    assert {each["name"].lower() for each in parameters if each["in"] == "header"} <= names(REQUEST_HEADERS)
    assert {name.lower() for answer in answers for name in answer.get("headers", {})} <= names(RESPONSE_HEADERS)
    assert {method for method, _ in operations} <= names(METHODS)


async def document_of(api: Any) -> Any:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://t") as client:
        return (await client.get("/openapi.json")).json()
