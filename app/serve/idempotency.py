"""Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): the same request sent twice is one job."""

from __future__ import annotations

import hashlib
import re
from concurrent.futures import ThreadPoolExecutor

from falcon import parse_header
from falcon.asgi import Request

from app.dispatch.dispatcher import IdempotencyKey
from app.errors import Malformed
from app.serve.asgi import HEADERS
from app.serve.bodies.multipart import MULTIPART
from app.serve.bodies.reader import Body, run_in_pool_if_large

HEADER = "Idempotency-Key"
_KEY = re.compile(r'"([\x20-\x21\x23-\x5b\x5d-\x7e]{1,255})"|([A-Za-z0-9._:~+/=-]{1,255})')


def has_idempotency_key(req: Request) -> bool:
    """Return whether a request has a key."""
    return b"idempotency-key" in req.scope[HEADERS]


async def idempotency_key(req: Request, body: Body, pool: ThreadPoolExecutor) -> IdempotencyKey:
    """Return the digests of a request's key and of the request's content; raise Malformed.

    The draft requires a quoted string (RFC 8941 §3.3.3); a bare word, which many clients send, is accepted, too.
    """
    return await run_in_pool_if_large(lambda: _digests(req, body), pool, len(body))


def _digests(req: Request, body: Body) -> IdempotencyKey:
    key = _KEY.fullmatch((req.get_header(HEADER) or "").strip())
    if key is None:
        raise Malformed(f'{HEADER} is a string of 1 to 255 visible characters, such as "9b1deb4d-3b7d"')
    content_type, body = _without_boundary(req.content_type or "", body)
    digest = hashlib.sha256(f"{req.path}\n{req.query_string}\n{content_type}\n".encode())
    digest.update(body)
    caller = req.get_header("Authorization") or req.get_header("X-API-Key") or ""  # each caller has keys of their own
    named = hashlib.sha256(f"{caller}\n{key[1] or key[2]}".encode())
    return IdempotencyKey(named.hexdigest(), digest.hexdigest())


def _without_boundary(content_type: str, body: Body) -> tuple[str, Body]:
    """Return a form without its boundaries, which clients generate anew for each request."""
    media_type, options = parse_header(content_type)
    boundary = options.get("boundary")
    if media_type.lower() != MULTIPART or not boundary:
        return content_type, body
    return MULTIPART, bytes(body).replace(b"--" + boundary.encode("utf-8", "replace"), b"--")
