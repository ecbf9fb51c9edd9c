"""Errors for JSON texts that the decoder refused, with a pointer if possible."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from app.errors import Invalid, Malformed
from app.schemas.decoding import decode_json
from app.schemas.pointers import Place, located

POINTER_BYTES = 1_000_000  # how far into a malformed text a pointer is computed


def wrong(
    text: bytes,
    error: msgspec.ValidationError,
    position: Callable[[int], int] = int,
    root: str = "",
    first: int = 0,
    *,
    kind: Any = Any,
) -> Invalid | Malformed:
    """Return the error with its pointer, unless a later part of the text isn't JSON, which the decoder did not reach.

    `position` turns a position in the text into that in the body, and `root` leads to the text, which may be a part of
    an array with `first` items before it. `kind` is the type that it should have been of.
    """
    try:
        decode_json(text, msgspec.Raw)
        return located(error, text, root, first, kind=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as malformed:
        return not_json(text, malformed, position, root, first)


def not_json(
    text: bytes, error: Exception, position: Callable[[int], int] = int, root: str = "", first: int = 0
) -> Malformed:
    """Return the error for a body that is not JSON, with a pointer to a NaN or an Infinity; see `wrong`."""
    at = re.search(r"\(byte (\d+)\)", str(error))
    if at and int(at[1]) < POINTER_BYTES and (word := re.match(rb"NaN|Infinity", text[int(at[1]) :])):
        detail = f"{word[0].decode()} is not JSON (RFC 8259 §6); every number must be finite"
        place = Place()
        try:
            place.advance(text[: int(at[1])])
            return Malformed.at(root + place.pointer(first), detail)
        except (msgspec.DecodeError, UnicodeDecodeError) as spoilt:  # an unknown member's name, which nobody read
            error = spoilt
    if isinstance(error, RecursionError):
        return Malformed("the JSON is nested too deeply")
    if isinstance(error, UnicodeDecodeError):
        return Malformed("the body is not UTF-8")
    detail = re.sub(r"\(byte (\d+)\)", lambda found: f"(byte {position(int(found[1]))})", str(error))
    return Malformed(f"the body is not JSON: {detail}")
