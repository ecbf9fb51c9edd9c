"""Who gets the page and who the JSON list."""

import pytest

from app.serve.negotiation import prefers_html

CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


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
