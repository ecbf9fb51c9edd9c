"""What a client prefers (RFC 7240): to wait some seconds for a result, or an answer without it."""

from __future__ import annotations

import re
from typing import NamedTuple

from falcon.asgi import Request

from app.serve.asgi import has_header

_WAIT = re.compile(r"^wait\s*=\s*\"?(\d+)\"?$", re.IGNORECASE)


class Preference(NamedTuple):
    """`wait_s`: seconds to wait for the result, None without such a preference; `respond_async`: answer now."""

    wait_s: int | None = None
    respond_async: bool = False


NONE = Preference()


def preference(req: Request, max_wait_s: int) -> Preference:
    """Read the Prefer header; of several waits the first counts, up to `max_wait_s`. Ignore what isn't known (§2)."""
    if not has_header(req, b"prefer"):
        return NONE
    parts = [part.partition(";")[0].strip() for part in (req.get_header("Prefer") or "").split(",")]
    waits = [min(int(match[1][:9]), max_wait_s) for part in parts if (match := _WAIT.match(part))]
    return Preference(waits[0] if waits else None, any(part.lower() == "respond-async" for part in parts))
