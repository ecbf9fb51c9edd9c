"""Proxies, certificates, own headers and redirects between the client and a service."""

import json
import pickle
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest

from app import client as trinity
from app.client.network import proxy_of
from tests.support.cli import run
from tests.support.receiver import CERTIFICATE
from tests.support.scripted_server import Answer, scripted

PROXIES = ["http_proxy", "https_proxy", "all_proxy", "no_proxy"]
HEALTH = Answer(200, json.dumps({"status": "ready", "parts": {}}), {"Content-Type": "application/json"})
NO_MODELS = Answer(200, json.dumps({"models": []}), {"Content-Type": "application/json"})


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without proxies, to set them in."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_requests_go_through_the_proxy_of_the_environment(environment: pytest.MonkeyPatch, variable: str) -> None:
    """It is asked for the whole URL."""
    with scripted(HEALTH) as proxy:
        environment.setenv(variable, proxy.url.replace("http://", "http://me:PASSW@"))
        with trinity.Client("http://trinity.example", "secret") as client:
            assert client.health()["status"] == "ready"
    assert proxy.lines == ["GET http://trinity.example/health/ready"]
    assert proxy.asked[0]["proxy-authorization"].startswith("Basic ")


def test_a_service_with_tls_is_reached_by_a_tunnel(environment: pytest.MonkeyPatch) -> None:
    """A proxy that refuses is named, without its password."""
    with scripted(Answer(403)) as proxy:
        environment.setenv("https_proxy", proxy.url.replace("http://", "me:PASSW@"))
        with trinity.Client("https://trinity.example") as client, pytest.raises(trinity.Unreachable) as refused:
            client.health()
    assert proxy.lines == ["CONNECT trinity.example:443"]
    assert f"by way of the proxy {proxy.url}" in str(refused.value)
    assert "PASSW" not in str(refused.value)


@pytest.mark.parametrize(
    ("no_proxy", "url", "direct"),
    [
        ("trinity.example", "http://trinity.example:5000", True),
        (".example", "https://trinity.example", True),
        ("example", "http://trinity.example", True),
        ("other, trinity.example:5000", "http://trinity.example:5000", True),
        ("trinity.example:5001", "http://trinity.example:5000", False),
        ("trinity.example:443", "https://trinity.example", True),
        ("y.example", "http://trinity.example", False),
        ("*", "http://trinity.example", True),
        ("10.0.0.0/8", "http://10.1.2.3:5000", True),
        ("10.0.0.0/8", "http://11.1.2.3:5000", False),
        ("127.0.0.1,::1", "http://[::1]:5000", True),
        ("", "http://localhost", False),
    ],
)
def test_no_proxy_is_honoured(environment: pytest.MonkeyPatch, no_proxy: str, url: str, *, direct: bool) -> None:
    """Hosts, domains, ports, addresses and networks."""
    environment.setenv("http_proxy", "http://proxy.example:3128")
    environment.setenv("https_proxy", "http://proxy.example:3128")
    environment.setenv("no_proxy", no_proxy)
    assert (proxy_of(httpx.URL(url)) is None) == direct


def test_a_proxy_that_is_not_valid_is_refused_at_once(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("http_proxy", "ftp://me:PASSW@proxy.example")
    with pytest.raises(ValueError, match=r"^the environment's proxy for http") as refused:
        trinity.Client("http://trinity.example")
    assert "PASSW" not in str(refused.value)


VERIFY: dict[str, Any] = {
    "no verification": False,
    "the file of an authority": str(CERTIFICATE),
    "a path": CERTIFICATE,
    "a context": ssl.create_default_context(cafile=CERTIFICATE),
}


@pytest.mark.parametrize("case", VERIFY)
def test_certificates_are_trusted_as_the_caller_says(environment: pytest.MonkeyPatch, case: str) -> None:
    """Also by a copy in another process, where its pickle can say it."""
    verify = VERIFY[case]
    with scripted(HEALTH, certificate=CERTIFICATE) as server, trinity.Client(server.url, verify=verify) as client:
        assert client.health()["status"] == "ready"
        assert (b"localhost.pem" in pickle.dumps(client)) == isinstance(verify, str | Path)


def test_a_certificate_that_is_not_trusted_is_an_error_at_once(environment: pytest.MonkeyPatch) -> None:
    """No second try can help."""
    with (
        scripted(certificate=CERTIFICATE) as server,
        trinity.Client(server.url) as client,
        pytest.raises(trinity.Unreachable, match=r"has a certificate that is not trusted .*self-signed certificate"),
    ):
        client.models()


def test_authorities_that_cannot_be_read_are_refused_at_once(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.pem", Path(__file__)):
        with pytest.raises(ValueError, match=f"^verify: no certificates can be read from {path}"):
            trinity.Client("https://localhost", verify=path)


def test_own_headers_go_with_every_request(environment: pytest.MonkeyPatch) -> None:
    """Beside the client's own, which they do not change; they are not in a pickle."""
    own = {"X-Gateway": "SECRET", "User-Agent": "mine", "accept": "text/html"}
    with scripted(HEALTH, NO_MODELS) as server, trinity.Client(server.url, "key", headers=own) as client:
        client.health()
        client.models()
        assert b"SECRET" not in pickle.dumps(client)
    for asked in server.asked:
        found = [asked[name] for name in ("x-gateway", "user-agent", "accept", "authorization")]
        assert found == ["SECRET", "mine", "application/json", "Bearer key"]
    with scripted(HEALTH) as server, trinity.Client(server.url, headers={"Authorization": "Basic eA=="}) as client:
        client.health()
    assert server.asked[0]["authorization"] == "Basic eA=="


@pytest.mark.parametrize(
    "headers", [{"X-A": "SECRET\r\nX-B: 1"}, {"X A": "SECRET"}, {"X-A": "SECRETé"}, {"": "SECRET"}, {"X-A": None}]
)
def test_headers_that_are_not_valid_are_refused_at_once(headers: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^headers: ") as refused:
        trinity.Client("http://localhost", headers=headers)
    assert "SECRET" not in str(refused.value)


def test_a_key_and_the_header_that_it_is_sent_in_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="headers: Authorization is given, and a key"):
        trinity.Client("http://localhost", "key", headers={"authorization": "Basic eA=="})


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://trinity.example/models/polynomial", "https://trinity.example (308)"),
        ("https://me:PASSW@trinity.example:8443/models/polynomial", "https://trinity.example:8443 (308)"),
        ("/trinity/models/polynomial", "{url}/trinity (308)"),
        ("https://login.example/start?next=PASSW", "https://login.example/start (308)"),
    ],
)
def test_a_redirect_says_where_it_leads(environment: pytest.MonkeyPatch, location: str, shown: str) -> None:
    """To the URL that the client can be given, where it is the same path at another place."""
    with scripted(Answer(308, "", {"Location": location})) as server, trinity.Client(server.url) as client:
        with pytest.raises(trinity.TrinityError) as moved:
            client.model("polynomial")
        expected = f"the service is not at this URL: it redirects to {shown.format(url=server.url)}"
    assert (str(moved.value), moved.value.status) == (expected, 308)


def test_a_submission_is_not_sent_on_by_a_redirect(environment: pytest.MonkeyPatch) -> None:
    moved = Answer(301, "", {"Location": "https://trinity.example/fit"})
    with (
        scripted(moved) as server,
        trinity.Client(server.url) as client,
        pytest.raises(trinity.TrinityError, match=r"redirects to https://trinity.example \(301\)"),
    ):
        client.submit("fit")
    assert server.lines == ["POST /fit"]


def test_the_command_line_has_options_for_them(tmp_path: Path) -> None:
    """The file of an authority, no verification, and headers, from a file too."""
    (tmp_path / "headers").write_text("X-One: 1\n\nX-Two: 2\n")
    with scripted(NO_MODELS, NO_MODELS, certificate=CERTIFICATE) as server:
        trusting = run("models", "--server", server.url, "--header", "X-Gateway: abc", TRINITY_CA_FILE=str(CERTIFICATE))
        careless = run("models", "--server", server.url, "--no-verify", "--header", f"@{tmp_path / 'headers'}")
        strict = run("models", "--server", server.url)
    assert (trusting.code, careless.code, strict.code) == (0, 0, 3)
    assert "certificate that is not trusted" in strict.err
    assert (server.asked[0]["x-gateway"], server.asked[1]["x-one"], server.asked[1]["x-two"]) == ("abc", "1", "2")


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--ca-file", "missing.pem", "no certificates can be read from missing.pem"),
        ("--header", "nothing", "expected 'NAME: VALUE'"),
        ("--header", "@missing", "cannot read missing"),
    ],
)
def test_a_wrong_option_is_wrong_usage(option: str, value: str, words: str) -> None:
    ran = run("models", "--server", "https://localhost", option, value)
    assert (ran.code, words in ran.err) == (2, True)
