"""X-Request-ID: taken from the client (or nginx) when it is sane, made up otherwise, and always sent back."""

from __future__ import annotations

import re

from falcon.asgi import Request, Response

from app.schemas.ids import new_id

HEADER = "X-Request-ID"
_SANE = re.compile(r"[A-Za-z0-9._-]{1,128}")


def request_id(given: str | None) -> str:
    """Return the id that a request came with, or a new one."""
    return given if given and _SANE.fullmatch(given) else new_id()


class RequestId:
    """Falcon middleware."""

    async def process_response(self, req: Request, resp: Response, resource: object, req_succeeded: bool) -> None:  # noqa: ARG002, FBT001  Falcon's signature
        """Name the request in its answer."""
        resp.set_header(HEADER, request_id(req.get_header(HEADER)))
