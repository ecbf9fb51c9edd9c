"""What a client prefers (RFC 7240): to wait some seconds for a result, or to be answered at once."""

from __future__ import annotations

import re
from typing import NamedTuple

from falcon.asgi import Request

_WAIT = re.compile(r"^wait\s*=\s*\"?(\d+)\"?$", re.IGNORECASE)


class Preference(NamedTuple):
    """`wait_s` seconds to wait for the result (None: not asked), `respond_async`: the queue was asked for."""

    wait_s: int | None = None
    respond_async: bool = False

    def bounded(self, max_wait_s: int) -> Preference:
        """Return the preference with a wait that is granted: never more than `max_wait_s`."""
        return self if self.wait_s is None else self._replace(wait_s=min(self.wait_s, max_wait_s))


NONE = Preference()


def preference(req: Request) -> Preference:
    """Read the Prefer header; what isn't known is ignored (RFC 7240 §2), of several waits the first counts."""
    header = req.get_header("Prefer")
    if header is None:
        return NONE
    parts = [part.partition(";")[0].strip() for part in header.split(",")]
    waits = [int(match[1][:9]) for part in parts if (match := _WAIT.match(part))]
    return Preference(waits[0] if waits else None, any(part.lower() == "respond-async" for part in parts))
