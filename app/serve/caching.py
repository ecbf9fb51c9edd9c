"""Static responses: ETag, gzip, cache headers and security headers."""

from __future__ import annotations

import gzip
import hashlib
import re
from http import HTTPStatus

from falcon.asgi import Request, Response

_REFUSED = re.compile(r"q\s*=\s*0(\.0*)?")
REVALIDATE = "no-cache"  # browsers keep a copy, and revalidate it before each use
IMMUTABLE = "public, max-age=31536000, immutable"  # its path changes with its content
# Scripts and styles come from our files only; `data:` is for images inside stylesheets.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:{images}; connect-src 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; form-action {forms}"
)
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}


class StaticFile:
    """Bytes that do not change while the process runs: plain, compressed once, and with an ETag."""

    def __init__(self, plain: bytes, gzipped: bytes = b"") -> None:
        self.plain = plain
        self.gzipped = gzipped or gzip.compress(plain, 9, mtime=0)
        self.etag = hashlib.sha256(plain).hexdigest()[:32]


def send_cached(req: Request, resp: Response, file: StaticFile, content_type: str, cache_control: str) -> None:
    """Send a file, compressed if the client accepts gzip; send 304 to a client that has this version."""
    gzipped = _accepts_gzip(req.get_header("Accept-Encoding") or "")
    etag = f"{file.etag}-gzip" if gzipped else file.etag
    resp.set_header("ETag", f'"{etag}"')
    resp.set_header("Cache-Control", cache_control)
    resp.set_header("Vary", "Accept-Encoding")
    # compared weakly (RFC 9110 §13.1.2): a proxy may have weakened the tag
    if not {"*", etag}.isdisjoint(req.if_none_match or ()):
        resp.status = HTTPStatus.NOT_MODIFIED
        return
    resp.content_type = content_type
    if gzipped:
        resp.set_header("Content-Encoding", "gzip")
    resp.data = file.gzipped if gzipped else file.plain


def set_security_headers(resp: Response, forms: str = "'none'", *, blobs: bool = False) -> None:
    """Allow a browser our own files and types only, no referrer, and forms only to the origins in `forms`.

    With `blobs` a page may show pictures that its script made or that its user chose.
    """
    resp.set_header("Content-Security-Policy", _POLICY.format(forms=forms, images=" blob:" if blobs else ""))
    resp.set_header("X-Content-Type-Options", "nosniff")
    resp.set_header("Referrer-Policy", "no-referrer")


def _accepts_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding lists gzip, and not with q=0 (RFC 9110 §12.5.3)."""
    for item in accepted.split(","):
        coding, *parameters = (part.strip().lower() for part in item.split(";"))
        if coding == "gzip":
            return not any(_REFUSED.fullmatch(parameter) for parameter in parameters)
    return False
