"""Who gets the page and who the JSON list; the Prefer header (RFC 7240): what is known is read, all else ignored."""

import pytest
from falcon import testing
from falcon.asgi import Request

from app.serve.asgi import HEADERS
from app.serve.preferences import Preference, preference, prefers_html

CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


def prefer(*headers: str) -> Preference:
    """What a request with these Prefer headers asks for."""
    request = testing.create_asgi_req(headers=[("Prefer", header) for header in headers])
    assert isinstance(request, Request)
    request.scope[HEADERS] = {b"prefer": b""} if headers else {}
    return preference(request, max_wait_s=60)


@pytest.mark.parametrize(
    ("header", "asked"),
    [
        ("wait=5", Preference(5)),
        ("Wait=5", Preference(5)),
        ('wait="5"', Preference(5)),
        ("wait = 5", Preference(5)),
        ("wait=0", Preference(0)),
        ("wait=5; strictly", Preference(5)),
        ("respond-async", Preference(None, respond_async=True)),
        ("Respond-Async", Preference(None, respond_async=True)),
        ("respond-async, wait=10", Preference(10, respond_async=True)),
        ("wait=10,respond-async", Preference(10, respond_async=True)),
        ("wait=5, wait=9", Preference(5)),
        ("return=minimal, wait=5, handling=lenient", Preference(5)),
    ],
)
def test_known_preferences(header: str, asked: Preference) -> None:
    """In any order, case and company; of several waits the first counts."""
    assert prefer(header) == asked


@pytest.mark.parametrize(
    "header",
    [
        "",
        ",",
        ";",
        "wait",
        "wait=",
        "wait=-1",
        "wait=1.5",
        "wait=soon",
        "await=5",
        "wait=1e3",
        "foo",
        "\x00",
    ],
)
def test_anything_else_is_ignored(header: str) -> None:
    """A preference that isn't understood is none."""
    assert prefer(header) == Preference()


def test_an_enormous_wait_is_a_long_one() -> None:
    """Its size is bounded, as any wait is."""
    assert prefer(f"wait={'9' * 30}") == Preference(60)


def test_no_header() -> None:
    """Nothing is preferred."""
    assert prefer() == Preference()


def test_two_headers_are_one_list() -> None:
    """RFC 7240 §2: several Prefer headers count as one."""
    assert prefer("respond-async", "wait=5") == Preference(5, respond_async=True)


@pytest.mark.parametrize(
    "accept", [CHROME, "text/html", "text/html;q=0.9, application/json;q=0.1", "text/*", "application/json;q=0, */*"]
)
def test_a_browser_is_answered_with_a_page(accept: str) -> None:
    assert prefers_html(accept)


@pytest.mark.parametrize(
    "accept",
    [
        *(None, "", "*/*", "application/json", "application/*", "image/png", "application/json, text/html"),
        *("text/html;q=0.5, application/json", "text/html;q=0", "nonsense", "text/html;q=x", "/,", "text/html;q=2"),
    ],
)
def test_all_others_are_answered_with_json(accept: str | None) -> None:
    """Also those who like both as much, and those whose wish can't be read."""
    assert not prefers_html(accept)
