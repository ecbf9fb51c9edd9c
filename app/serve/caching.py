"""What doesn't change while the process runs: compressed once, sent only to who doesn't have it, and guarded."""

from __future__ import annotations

import gzip
import hashlib
import re
from http import HTTPStatus

from falcon.asgi import Request, Response

REFUSED = re.compile(r"q\s*=\s*0(\.0*)?")
REVALIDATE = "no-cache"  # kept, but asked about: a new version may say other things
IMMUTABLE = "public, max-age=31536000, immutable"  # its path changes when it does
# No script or style but our files; `data:` for the pictures inside stylesheets.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; form-action {forms}"
)
KINDS = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".png": "image/png"}


class StaticFile:
    """Bytes that don't change, with their ETags, plain and compressed."""

    def __init__(self, plain: bytes, gzipped: bytes = b"") -> None:
        self.plain = plain
        self.gzipped = gzipped or gzip.compress(plain, 9, mtime=0)
        self.etag = hashlib.sha256(plain).hexdigest()[:32]


def send_cached(req: Request, resp: Response, text: StaticFile, content_type: str, cache_control: str) -> None:
    """Answer with a text that callers may keep: compressed for those who can take it, 304 to those who have it."""
    gzipped = takes_gzip(req.get_header("Accept-Encoding") or "")
    etag = f'"{text.etag}-gzip"' if gzipped else f'"{text.etag}"'
    resp.set_header("ETag", etag)
    resp.set_header("Cache-Control", cache_control)
    resp.set_header("Vary", "Accept-Encoding")
    if _matches(req.get_header("If-None-Match") or "", etag):
        resp.status = HTTPStatus.NOT_MODIFIED
        return
    resp.content_type = content_type
    if gzipped:
        resp.set_header("Content-Encoding", "gzip")
    resp.data = text.gzipped if gzipped else text.plain


def set_security_headers(resp: Response, forms: str = "'none'") -> None:
    """Hold a browser to our files and their types; it tells nobody where it was, and forms go where `forms` says."""
    resp.set_header("Content-Security-Policy", POLICY.format(forms=forms))
    resp.set_header("X-Content-Type-Options", "nosniff")
    resp.set_header("Referrer-Policy", "no-referrer")


def takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding names gzip and doesn't refuse it (RFC 9110 §12.5.3)."""
    for each in accepted.split(","):
        coding, *parameters = (part.strip().lower() for part in each.split(";"))
        if coding == "gzip":
            return not any(REFUSED.fullmatch(parameter) for parameter in parameters)
    return False


def _matches(header: str, etag: str) -> bool:
    """Compare weakly (RFC 9110 §13.1.2): a proxy may have weakened the tag."""
    return header.strip() == "*" or etag in [tag.strip().removeprefix("W/") for tag in header.split(",")]
