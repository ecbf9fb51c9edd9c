"""The path below which a proxy serves the service: from whom it is believed, and what it may look like."""

import pytest

from app.serve.asgi import HEADERS, TRUSTED_PEER, Message
from app.serve.root_path import RootPath


def applied(
    configured: str = "", path: str = "/models", *, forwarded: str | None = None, trusted: bool = True
) -> Message:
    """The scope of a request, and the headers for its answer at `answer`."""
    headers = {} if forwarded is None else {b"x-forwarded-prefix": forwarded.encode()}
    scope: Message = {"path": path, "root_path": "", HEADERS: headers, TRUSTED_PEER: trusted}
    scope["answer"] = RootPath(configured).apply(scope)
    return scope


@pytest.mark.parametrize("prefix", ["/trinity", "/trinity/", "/team-1/ml_2/v1.0~"])
def test_a_trusted_proxy_says_it(prefix: str) -> None:
    """A cache is told what the answer depends on."""
    scope = applied(forwarded=prefix)
    assert (scope["root_path"], scope["path"]) == (prefix.rstrip("/"), "/models")
    assert scope["answer"] == [(b"vary", b"X-Forwarded-Prefix")]


def test_nobody_else_says_it() -> None:
    scope = applied(forwarded="/evil", trusted=False)
    assert (scope["root_path"], scope["answer"]) == ("", None)


@pytest.mark.parametrize(
    "prefix",
    [
        *("//evil.example", "/\\evil.example", "https://evil.example", "evil", "/a//b", "/a/../b", "/..", "/./a", ""),
        *('/"><script>', "/a b", "/a?b", "/a#b", "/%2f", "/ä", "/a\n", "/a, /b", "/" + "a" * 300),
    ],
)
def test_what_is_no_plain_path_is_ignored(prefix: str) -> None:
    """It could lead to another host, or out of an attribute of the page."""
    assert applied(forwarded=prefix)["root_path"] == ""


@pytest.mark.parametrize(
    ("path", "rest"),
    [
        ("/trinity/models", "/models"),
        ("/trinity/", "/"),
        ("/trinity", "/"),
        ("/models", "/models"),
        ("/trinityx/models", "/trinityx/models"),
        ("/trinity/trinity", "/trinity"),
    ],
)
@pytest.mark.parametrize("configured", ["/trinity", "/trinity/"])
def test_the_configured_path_may_come_or_be_cut_before(configured: str, path: str, rest: str) -> None:
    scope = applied(configured, path)
    assert (scope["root_path"], scope["path"]) == ("/trinity", rest)


def test_the_configured_path_wins() -> None:
    """The answer does not depend on the header then."""
    scope = applied("/trinity", forwarded="/other")
    assert (scope["root_path"], scope["answer"]) == ("/trinity", None)
