"""Keys in front of the service, on fakes: who passes, who is refused how, and that no body is asked for."""

import asyncio
from base64 import b64encode
from typing import Any

import msgspec
import pytest

from app.api_keys import Key, digest_of
from app.serve.asgi import Message, Receive, Send
from app.serve.middleware.api_keys import ApiKeyAuth, required_scopes
from app.serve.middleware.body_limits import BodyLimits
from app.serve.middleware.request_middleware import RequestMiddleware, Telemetry
from app.serve.middleware.route_templates import RouteMatcher
from app.settings import Settings
from app.telemetry.context import REQUEST
from app.telemetry.log_records import RequestLog
from app.telemetry.logs import line_sink
from app.telemetry.metrics import ServiceMetrics

SECRETS = {"reader": b"trk_r", "caller": b"trk_p", "fitter": b"trk_f", "importer": b"trk_i", "both": b"trk_b"}
SCOPES = {"reader": "read", "caller": "predict", "fitter": "fit", "importer": "import", "both": "read predict"}
KEYS = [Key(name, frozenset(SCOPES[name].split()), digest_of(secret)) for name, secret in SECRETS.items()]


async def behind(scope: Message, receive: Receive, send: Send) -> None:
    """An app that is glad of every request, and tells whose it is."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"who", REQUEST.get().key_name.encode())]})


async def guarded(scope: Message, receive: Receive, send: Send, log: RequestLog | None = None) -> None:
    """The app behind the middleware."""
    auth, telemetry = ApiKeyAuth(KEYS), Telemetry(ServiceMetrics(), log)
    middleware = RequestMiddleware(behind, telemetry, RouteMatcher([]), BodyLimits(10**6, 1.0), auth)
    await middleware(scope, receive, send)
    await middleware.close()


def ask(
    method: str, path: str, *headers: tuple[bytes, bytes], log: RequestLog | None = None
) -> tuple[int, dict[bytes, bytes], Any]:
    """Status, headers and document of the answer to a head whose body never comes."""
    sent: list[Message] = []

    async def receive() -> Message:
        assert sent, "the body was asked for before the answer"
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": list(headers)}
    asyncio.run(guarded(scope, receive, send, log))
    document = msgspec.json.decode(sent[1]["body"]) if len(sent) > 1 else None
    return sent[0]["status"], dict(sent[0]["headers"]), document


def bearer(name: str) -> tuple[bytes, bytes]:
    return b"authorization", b"Bearer " + SECRETS[name]


@pytest.mark.parametrize("path", ["/ping", "/health/live", "/health/ready"])
def test_probes_need_no_key(path: str) -> None:
    assert ask("GET", path)[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "scopes"),
    [
        ("GET", "/", "read"),
        ("HEAD", "/models", "read"),
        ("OPTIONS", "/fit", "read"),
        ("GET", "/jobs", "read"),
        ("GET", "/jobs/1", "read predict fit import"),
        ("GET", "/jobs/1/result", "read predict fit import"),
        ("POST", "/models/any/versions", "import"),
        ("POST", "/models/any/versions/1", "fit"),
        ("DELETE", "/models/any/versions", "fit"),
        ("GET", "/jobs/events", "read"),
        ("POST", "/predict", "predict"),
        ("POST", "/models/any/score", "predict"),
        ("POST", "/v2/models/any/infer", "predict"),
        ("POST", "/v2/models/any/versions/1/infer", "predict"),
        ("GET", "/v2", "read"),
        ("GET", "/v2/models/any/ready", "read"),
        ("POST", "/v2/models/any/versions/1/2/infer", "fit"),
        ("POST", "/v2/repository/models/any/load", "fit"),
        ("POST", "/fit", "fit"),
        ("POST", "/models/predict/fit", "fit"),
        ("POST", "/models/a/aliases/predict", "fit"),
        ("POST", "/predict/", "fit"),
        ("PUT", "/predict", "fit"),
        ("DELETE", "/jobs/1", "fit"),
        ("POST", "/jobs/1/retry", "fit"),
        ("BREW", "/ping/pot", "fit"),
    ],
)
def test_each_request_needs_its_scope(method: str, path: str, scopes: str) -> None:
    assert required_scopes(method, path) == set(scopes.split())
    for key in KEYS:
        expected = 200 if key.scopes & set(scopes.split()) else 403
        assert ask(method, path, bearer(key.name))[0] == expected, key.name


@pytest.mark.parametrize(
    "headers",
    [
        [(b"authorization", b"Bearer trk_r")],
        [(b"authorization", b"bearer  trk_r")],
        [(b"x-api-key", b"trk_r")],
        [(b"authorization", b"Basic dXNlcjpwYXNz"), (b"x-api-key", b"trk_r")],
        [(b"authorization", b"Bearer trk_r"), (b"x-api-key", b"trk_r")],
    ],
)
def test_a_key_may_come_in_either_header(headers: list[tuple[bytes, bytes]]) -> None:
    assert ask("GET", "/models", *headers)[0] == 200


@pytest.mark.parametrize(
    ("headers", "challenge"),
    [
        ([], b'Bearer realm="trinity"'),
        ([(b"authorization", b"Basic dHJrX3I=")], b'Bearer realm="trinity"'),
        ([(b"authorization", b"trk_r")], b'Bearer realm="trinity"'),
        ([(b"authorization", b"Bearer trk_r"), (b"x-api-key", b"trk_p")], b'Bearer realm="trinity"'),
        ([(b"authorization", b"Bearer ")], b'Bearer realm="trinity", error="invalid_token"'),
        ([(b"x-api-key", b"trk_x")], b'Bearer realm="trinity", error="invalid_token"'),
        ([(b"x-api-key", b"\xff\x00")], b'Bearer realm="trinity", error="invalid_token"'),
        ([(b"x-api-key", digest_of(b"trk_r").encode())], b'Bearer realm="trinity", error="invalid_token"'),
    ],
)
def test_without_a_known_key_a_request_is_refused(headers: list[tuple[bytes, bytes]], challenge: bytes) -> None:
    """401, with what is wanted; its hash isn't a key."""
    status, answered, document = ask("POST", "/predict", *headers)
    assert (status, answered[b"www-authenticate"]) == (401, challenge)
    assert document["type"] == "urn:trinity:unauthenticated"
    assert len(answered[b"x-request-id"]) == 32


def test_a_missing_scope_is_named() -> None:
    """403, with the request's own id."""
    status, answered, document = ask("POST", "/fit", bearer("both"), (b"x-request-id", b"mine-1"))
    assert (status, answered[b"x-request-id"]) == (403, b"mine-1")
    assert answered[b"www-authenticate"] == b'Bearer realm="trinity", error="insufficient_scope", scope="fit"'
    assert document["type"] == "urn:trinity:forbidden"
    assert document["detail"] == "this needs a key with the scope fit; 'both' has predict and read"


@pytest.mark.parametrize(
    ("header", "kept"),
    [
        ((b"content-length", b"10"), True),
        ((b"accept", b"*/*"), True),
        ((b"content-length", b"65537"), False),
        ((b"content-length", b"-1"), False),
        ((b"transfer-encoding", b"chunked"), False),
        ((b"expect", b"100-continue"), False),
    ],
)
def test_the_connection_stays_open_where_little_of_a_body_can_come(header: tuple[bytes, bytes], *, kept: bool) -> None:
    assert (b"connection" in ask("POST", "/fit", header)[1]) is not kept


BROWSER = (b"accept", b"text/html,application/xhtml+xml,*/*;q=0.8")


def basic(password: bytes, user: bytes = b"") -> tuple[bytes, bytes]:
    return b"authorization", b"Basic " + b64encode(user + b":" + password)


@pytest.mark.parametrize("user", [b"", b"me"])
def test_a_browser_reads_with_the_key_as_its_password(user: bytes) -> None:
    """Whatever name is typed; what the key may not do, it may not do so."""
    for method in ("GET", "HEAD"):
        assert ask(method, "/", basic(SECRETS["reader"], user))[0] == 200
    assert ask("GET", "/", basic(SECRETS["caller"], user))[0] == 403
    assert ask("GET", "/", basic(b"unknown", user))[0] == 401


@pytest.mark.parametrize(("method", "path"), [("POST", "/fit"), ("POST", "/predict"), ("DELETE", "/jobs/1")])
def test_a_browser_changes_nothing_by_its_password(method: str, path: str) -> None:
    """It would send that along for any other site's page; the header of a script stands beside it."""
    for name in KEYS:
        assert ask(method, path, basic(SECRETS[name.name]))[0] == 401
    assert ask("POST", "/fit", basic(SECRETS["reader"]), (b"x-api-key", SECRETS["fitter"]))[0] == 200


@pytest.mark.parametrize("credentials", [b"", b"%", b"Og==", b"bm9jb2xvbg=="])
def test_basic_credentials_that_hold_no_key(credentials: bytes) -> None:
    assert ask("GET", "/", (b"authorization", b"Basic " + credentials))[0] == 401


def test_only_a_browser_is_asked_for_a_password() -> None:
    """The dialog is for people: a script's request gets the challenge of bearer tokens alone."""
    assert challenges("GET", BROWSER) == ['Bearer realm="trinity"', 'Basic realm="trinity", charset="UTF-8"']
    assert challenges("GET", (b"accept", b"*/*")) == challenges("POST", BROWSER) == ['Bearer realm="trinity"']


def challenges(method: str, *headers: tuple[bytes, bytes]) -> list[str]:
    """All WWW-Authenticate headers of a refusal."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    scope = {"type": "http", "method": method, "path": "/", "headers": list(headers)}
    asyncio.run(guarded(scope, receive, send))
    return [value.decode() for name, value in sent[0]["headers"] if name == b"www-authenticate"]


@pytest.mark.parametrize(
    ("path", "headers", "status", "who"),
    [
        ("/models", [(b"x-api-key", b"trk_r")], 200, "reader"),
        ("/models", [(b"x-api-key", b"trk_f")], 403, "fitter"),
        ("/models", [(b"x-api-key", b"trk_x")], 401, None),
        ("/models", [(b"x-api-key", b"trk_r"), (b"authorization", b"Bearer trk_p")], 401, None),
        ("/ping", [(b"x-api-key", b"trk_r")], 200, None),
    ],
)
def test_the_log_line_names_the_key_and_never_holds_it(
    path: str, headers: list[tuple[bytes, bytes]], status: int, who: str | None
) -> None:
    """What a request does is done in the name of its key; a refusal of a known key names it too."""
    written: list[bytes] = []
    log = RequestLog(line_sink(Settings(log_format="json"), written.append))
    answered = ask("GET", path, *headers, log=log)
    assert answered[0] == status
    assert status != 200 or answered[1][b"who"].decode() == (who or "")
    (line,) = map(msgspec.json.decode, b"".join(written).splitlines())
    assert (line["status"], line.get("key_name")) == (status, who)
    assert b"trk_" not in b"".join(written)
