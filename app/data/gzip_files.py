"""Files compressed by gzip (RFC 1952): detected by their first bytes, and unpacked within a bound."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import TypeAlias

from app.errors import Malformed, TooLarge

Bytes: TypeAlias = bytes | bytearray | memoryview
MAGIC = b"\x1f\x8b"  # §2.3.1
STEP_BYTES = 262_144
MAX_MEMBERS = 10_000  # of one file: each may be empty
_WINDOW = 16 + zlib.MAX_WBITS  # accept only gzip


def is_gzip(content: Bytes) -> bool:
    """Whether a file begins with the signature of gzip."""
    return bytes(content[: len(MAGIC)]) == MAGIC


def gunzip(content: Bytes, max_bytes: int, hold: Callable[[int], None] = lambda _: None) -> bytearray:
    """Return the content of a gzip file; raise TooLarge beyond `max_bytes`, Malformed for a damaged file.

    `hold` is called with each additional number of bytes, and may raise.
    """
    unpacked = bytearray()
    members, view = 1, memoryview(content)
    member = zlib.decompressobj(_WINDOW)
    try:
        for start in range(0, len(view), STEP_BYTES):
            rest = bytes(view[start : start + STEP_BYTES])
            while rest:
                if member.eof:  # another member follows, or zeros that fill a block of a tape
                    if not (rest := rest.lstrip(b"\0")):
                        break
                    members, member = members + 1, zlib.decompressobj(_WINDOW)
                part = member.decompress(rest, STEP_BYTES)
                if len(unpacked) + len(part) > max_bytes:
                    raise TooLarge(f"the file unpacks to more than {max_bytes} bytes, the limit")
                hold(len(part))
                unpacked += part
                rest = member.unused_data if member.eof else member.unconsumed_tail
                if members > MAX_MEMBERS:
                    raise Malformed(f"the gzip file has more than {MAX_MEMBERS} members")
    except zlib.error as error:
        raise Malformed(f"the file is not gzip, or damaged: {error}") from None
    if not member.eof:
        raise Malformed("the gzip file ends early")
    return unpacked
