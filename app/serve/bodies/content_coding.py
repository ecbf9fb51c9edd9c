"""The content codings of bodies (RFC 9110 §8.4): gzip is decoded, others are refused."""

from __future__ import annotations

from falcon.asgi import Request as HttpRequest

from app.errors import UnsupportedEncoding
from app.serve.asgi import HEADERS

GZIP = ("gzip", "x-gzip")


def is_coded(req: HttpRequest) -> bool:
    """Whether a body is compressed by gzip; raise UnsupportedEncoding for other codings, and for several."""
    if b"content-encoding" not in req.scope[HEADERS]:
        return False
    codings = [each.strip().lower() for each in (req.get_header("Content-Encoding") or "").split(",")]
    coded = [coding for coding in codings if coding not in {"", "identity"}]  # identity changes nothing
    if any(coding not in GZIP for coding in coded) or len(coded) > 1:
        raise UnsupportedEncoding(f"the content coding {', '.join(coded)[:64]} isn't decoded; send gzip, or none")
    return bool(coded)
