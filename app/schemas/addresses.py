"""URLs and origins in settings, and the reasons why one of them is not valid."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

URL_HINT = "cannot be parsed; in a name or password write / ? # @ : and spaces as %2F %3F %23 %40 %3A %20"
ANY_ORIGIN = "*"
ORIGIN = re.compile(r"https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?")


def url_problem(text: str | None) -> str | None:
    """Return the problem of a URL: it has no host, its port is not a number, or its password is not escaped."""
    if text is None:
        return None
    try:
        url = urlsplit(text)
        url.port  # noqa: B018  raises ValueError
    except ValueError:
        return URL_HINT
    if re.search(r"\s", text) or ("@" in text and "@" not in url.netloc):
        return URL_HINT
    return None if url.hostname else "has no host"


def origin_problems(text: str | None) -> list[str]:
    """Return the problems of a list of origins; browsers compare origins character by character (RFC 6454)."""
    if not text or text == ANY_ORIGIN:
        return []
    wrong = [origin for origin in map(str.strip, text.split(",")) if not ORIGIN.fullmatch(origin)]
    form = f"an origin is http(s)://host or http(s)://host:port without a path, and {ANY_ORIGIN} stands alone"
    return [f"{origin!r} is not an origin; {form}" for origin in wrong]
