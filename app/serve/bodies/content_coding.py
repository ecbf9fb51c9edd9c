"""Compressed bodies: which codings are decoded (RFC 9110 §8.4), and gzip within a bound on what it unpacks to."""

from __future__ import annotations

import zlib

from falcon.asgi import Request as HttpRequest

from app.errors import Malformed, UnsupportedEncoding
from app.serve.asgi import HEADERS
from app.serve.bodies.reader import Body, check_size

MAGIC = b"\x1f\x8b"  # the first bytes of a gzip file (RFC 1952 §2.3.1)
GZIP = ("gzip", "x-gzip")
STEP_BYTES = 262_144
MAX_MEMBERS = 10_000  # of one file: each may hold nothing
_WINDOW = 16 + zlib.MAX_WBITS  # gzip and nothing else


def is_coded(req: HttpRequest) -> bool:
    """Whether a body is compressed by gzip; raise UnsupportedEncoding for other codings, and for several."""
    if b"content-encoding" not in req.scope[HEADERS]:
        return False
    codings = [each.strip().lower() for each in (req.get_header("Content-Encoding") or "").split(",")]
    coded = [coding for coding in codings if coding not in {"", "identity"}]  # the latter changes nothing
    if any(coding not in GZIP for coding in coded) or len(coded) > 1:
        raise UnsupportedEncoding(f"the content coding {', '.join(coded)[:64]} isn't decoded; send gzip, or none")
    return bool(coded)


def is_gzip(body: Body) -> bool:
    """Whether a body begins as gzip files do."""
    return body[: len(MAGIC)] == MAGIC


def gunzip(body: Body, max_bytes: int) -> bytearray:
    """Return what a gzip file holds; raise TooLarge beyond `max_bytes`, Malformed for a file that is damaged."""
    unpacked = bytearray()
    members, view = 1, memoryview(body)
    member = zlib.decompressobj(_WINDOW)
    try:
        for start in range(0, len(view), STEP_BYTES):
            rest = bytes(view[start : start + STEP_BYTES])
            while rest:
                if member.eof:  # another member follows, or zeros that fill a block of a tape
                    if not (rest := rest.lstrip(b"\0")):
                        break
                    members, member = members + 1, zlib.decompressobj(_WINDOW)
                unpacked += member.decompress(rest, STEP_BYTES)
                check_size(len(unpacked), max_bytes)
                rest = member.unused_data if member.eof else member.unconsumed_tail
                if members > MAX_MEMBERS:
                    raise Malformed(f"the gzip body has more than {MAX_MEMBERS} members")
    except zlib.error as error:
        raise Malformed(f"the body is not gzip, or damaged: {error}") from None
    if not member.eof:
        raise Malformed("the gzip body ends early")
    return unpacked
