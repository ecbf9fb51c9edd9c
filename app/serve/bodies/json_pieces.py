"""Decodes JSON arrays, long ones piece by piece; errors have pointers into the whole array."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import msgspec

from app.errors import Malformed
from app.serve.bodies.json_errors import not_json, wrong
from app.serve.bodies.json_outline import Piece

T = TypeVar("T")


def decoded(
    decode: Callable[[bytes], T], text: bytes, pointer: str, first: int = 0, position: Callable[[int], int] = int
) -> T:
    """Decode an array, or a part of one with `first` items before it; raise Invalid, or Malformed.

    `position` turns a position in the text into that in the body.
    """
    try:
        return decode(text)
    except msgspec.ValidationError as error:
        raise wrong(text, error, position, pointer, first) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise not_json(text, error, position, pointer, first) from None


def decoded_pieces(
    decode: Callable[[bytes], Sequence[T]], pieces: Sequence[Piece], pointer: str
) -> Iterator[tuple[int, Sequence[T]]]:
    """Yield the items of each piece of a long array, and how many are before them; raise Invalid, or Malformed."""
    first = 0
    for piece in pieces:
        text = b"".join((b"[", piece.text, b"]"))
        items = decoded(decode, text, pointer, first, (piece.start - 1).__add__)
        if not items and len(pieces) > 1:
            raise Malformed(f"the body is not JSON: a value is missing (byte {piece.start + len(piece.text)})")
        yield first, items
        first += len(items)
