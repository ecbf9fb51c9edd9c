"""A client's preferences: a page or JSON (RFC 9110 §12.5.1); to wait for a result or not (RFC 7240)."""

from __future__ import annotations

import asyncio
import re
from typing import NamedTuple

from falcon.asgi import Request
from falcon.util.mediatypes import quality

from app.schemas.media_types import JSON
from app.serve.asgi import HEADERS

HTML = "text/html"
WAIT_SLACK_S = 0.1  # a wait that ended earlier than this before its time was cut short
_WAIT = re.compile(r"^wait\s*=\s*\"?(\d+)\"?$", re.IGNORECASE)


class Preference(NamedTuple):
    """`wait_s`: seconds to wait for the result, None without this preference; `respond_async`: do not wait."""

    wait_s: int | None = None
    respond_async: bool = False


NONE = Preference()


def preference(req: Request, max_wait_s: int) -> Preference:
    """Read the Prefer header; of several waits the first counts, up to `max_wait_s`. Ignore what isn't known (§2)."""
    if b"prefer" not in req.scope[HEADERS]:
        return NONE
    parts = [part.partition(";")[0].strip() for part in (req.get_header("Prefer") or "").split(",")]
    waits = [min(int(match[1][:9]), max_wait_s) for part in parts if (match := _WAIT.match(part))]
    return Preference(waits[0] if waits else None, any(part.lower() == "respond-async" for part in parts))


def prefers_html(accept: str | None) -> bool:
    """Whether HTML has a higher weight than JSON, as in browsers but not in curl's `*/*`."""
    if not accept:
        return False
    try:
        return quality(HTML, accept) > quality(JSON, accept)
    except ValueError:  # Falcon's error for a malformed header is a ValueError
        return False


def prefers(req: Request, media_type: str) -> bool:
    """Whether a type is accepted explicitly, and JSON is not preferred to it (RFC 9110 §12.5.1)."""
    accepted = req.accept.lower()
    if media_type not in accepted:
        return False
    try:
        weight = quality(media_type, accepted)
        return weight > 0 and weight >= quality(JSON, accepted)
    except ValueError:  # ignore a malformed header
        return False


def was_cut_short(started_s: float, wait_s: float) -> bool:
    """Return whether a wait that began at this time of the event loop ends now before its own time."""
    return asyncio.get_running_loop().time() - started_s < wait_s - WAIT_SLACK_S
