"""Finds the long arrays of a large JSON document, and where to cut them, so that each piece is decoded by itself.

A decoder holds the interpreter's lock while it decodes, so a large document in one piece would stop all other threads
of the process. numpy scans a large document block by block, and finds exactly which of its brackets and commas are in
strings, and how deep the others are. The decoder then checks the text between them piece by piece.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from app.errors import Invalid, Malformed
from app.schemas.pointers import Place
from app.serve.bodies.reader import Body

LARGE_BYTES = 256 * 1024  # up to this size a document is decoded in one piece, which takes some milliseconds
BLOCK_BYTES = 64 * 1024  # about the size of a piece; an array within one block is not long
MAX_ITEM_BYTES = 4 * 1024 * 1024  # of one item, such as a row: it is decoded in one piece
MAX_REST_BYTES = 1024 * 1024  # of everything outside of long arrays
MAX_DEPTH = 1000  # that of the decoder is about the same
MAX_LOOKS = 64  # for a comma, from the end of a block
EMPTY = b"[]"  # placeholder of a long array
_WHOLE = re.compile("")
Numbers: TypeAlias = np.ndarray[Any, np.dtype[Any]]


class Piece(NamedTuple):
    """A part of the text between the brackets of an array, cut at commas, and where in the document it starts."""

    start: int
    text: memoryview


Arrays: TypeAlias = Mapping[str, Sequence[Piece]]
"""Long arrays by their pointers."""
NO_ARRAYS: Arrays = MappingProxyType({})


class Outline(NamedTuple):
    """A document with `[]` instead of each long array."""

    text: bytes
    arrays: Arrays
    position: Callable[[int], int]
    """Turns a position in the text into that in the document."""


def outline(body: Body, array_depth: int, data: re.Pattern[str], block_bytes: int = BLOCK_BYTES) -> Outline:
    """Return the outline of a document; raise Malformed, or Invalid when a part that is not cut is too large.

    Arrays are cut whose pointers match `data`. They are at `array_depth` or deeper, and in no other such array; members
    of the whole document are at 2.
    """
    if bytes(body[:BLOCK_BYTES]).lstrip().startswith(b"["):
        array_depth, data = 1, _WHOLE
    return _Scan(body, array_depth, data, block_bytes).outline()


class _Events(NamedTuple):
    """The quotes and brackets of a block by their positions in it; the rest describes the text behind each."""

    at: Numbers
    depths: Numbers
    in_string: Numbers
    opens_array: Numbers


class _Lexer:
    """Finds the brackets that are not in strings, block after block."""

    def __init__(self) -> None:
        self.depth = 0
        self.in_string = False
        self._escaped = False  # whether the next character follows a backslash

    def events(self, block: Numbers) -> _Events:
        if self._escaped:
            block = block.copy()
            block[0] = ord(" ")
        folded = block | 0x20  # [ and ] become { and }
        at = np.flatnonzero((folded == ord("{")) | (folded == ord("}")) | (block == ord('"')))
        at = self._unescaped(block, at)
        characters = block[at]
        quotes = characters == ord('"')
        in_string = ((np.cumsum(quotes) + self.in_string) & 1).astype(bool)
        brackets = ~quotes & ~in_string
        depths = self.depth + np.cumsum(np.where(brackets, ord("|") - folded[at].astype(np.int64), 0))
        if at.size:
            self.depth, self.in_string = int(depths[-1]), bool(in_string[-1])
            if int(depths.max()) > MAX_DEPTH:
                raise Malformed("the JSON is nested too deeply")
        return _Events(at, depths, in_string, brackets & (characters == ord("[")))

    def _unescaped(self, block: Numbers, at: Numbers) -> Numbers:
        """Leave out the characters that a backslash precedes which is not itself escaped."""
        slashes = np.flatnonzero(block == ord("\\"))
        if not slashes.size:
            self._escaped = False
            return at
        order = np.arange(slashes.size)
        begins = np.concatenate(([True], np.diff(slashes) > 1))
        run = order - np.maximum.accumulate(np.where(begins, order, 0))  # the position in a run of backslashes
        is_escaped = np.zeros(block.size + 1, bool)
        is_escaped[slashes[run % 2 == 0] + 1] = True
        self._escaped = bool(is_escaped[-1])
        return at[~is_escaped[at]]


class _Array:
    """A long array, as far as it was scanned."""

    def __init__(self, start: int, depth: int) -> None:
        self.start = start
        self.depth = depth
        self.cuts = [start]
        """The positions of the opening bracket and of the commas at which it is cut."""


class _Scan:
    """One walk over a document."""

    def __init__(self, body: Body, array_depth: int, data: re.Pattern[str], block_bytes: int) -> None:
        self._view = memoryview(body)
        self._array_depth = array_depth
        self._data = data
        self._block_bytes = block_bytes
        self._lexer = _Lexer()
        self._array: _Array | None = None
        self._arrays: dict[str, list[Piece]] = {}
        self._marks: list[tuple[int, int]] = []  # for each `[]` where it ends in the text, and where in the document
        self._rest = bytearray()
        self._taken = 0  # how much of the document is in `rest` or in arrays
        self._place = Place()
        self._placed = 0  # how much of `rest` is behind the place

    def outline(self) -> Outline:
        for start in range(0, len(self._view), self._block_bytes):
            self._pass(start, np.frombuffer(self._view[start : start + self._block_bytes], np.uint8))
        if self._array is not None:
            raise Malformed("the body is not JSON: Input data was truncated")
        self._take(len(self._view))
        return Outline(bytes(self._rest), self._arrays, self._position)

    def _position(self, at: int) -> int:
        in_text, in_document = max((mark for mark in self._marks if mark[0] <= at), default=(0, 0))
        return in_document + at - in_text

    def _pass(self, start: int, block: Numbers) -> None:
        depth, in_string = self._lexer.depth, self._lexer.in_string
        events = self._lexer.events(block)
        at = 0
        if self._array is not None:
            closing = np.flatnonzero(events.depths < self._array.depth)[:1]
            if not closing.size:
                self._cut(self._array, start, block, events, at_level=depth == self._array.depth and not in_string)
                return
            self._close(self._array, start + int(events.at[closing[0]]))
            at = int(closing[0]) + 1
        self._open(start, events, at)
        if self._array is None:
            self._take(start + block.size)
            return
        self._take(self._array.start)
        self._cut(self._array, start, block, events, at_level=False)

    def _open(self, start: int, events: _Events, at: int) -> None:
        """Find the outermost array that the block does not close."""
        lowest_after = np.minimum.accumulate(events.depths[::-1])[::-1]
        stays = events.opens_array & (events.depths >= self._array_depth) & (events.depths <= lowest_after)
        found = np.flatnonzero(stays[at:])[:1]
        self._array = None
        if found.size:
            event = at + int(found[0])
            self._array = _Array(start + int(events.at[event]), int(events.depths[event]))

    def _cut(self, array: _Array, start: int, block: Numbers, events: _Events, *, at_level: bool) -> None:
        """Cut the array at its last comma in the block; `at_level` says that its items are at the block's begin."""
        text = block.tobytes()
        level = np.flatnonzero((events.depths == array.depth) & ~events.in_string)[: -MAX_LOOKS - 1 : -1]
        spans = [(int(events.at[i]), int(events.at[i + 1]) if i + 1 < events.at.size else block.size) for i in level]
        if at_level:
            spans.append((0, int(events.at[0]) if events.at.size else block.size))
        begin = max(array.start - start, 0)
        comma = next((found for low, high in spans if (found := text.rfind(b",", max(low, begin), high)) >= 0), -1)
        if comma >= 0:
            array.cuts.append(start + comma)
        self._check_item(array, start + block.size)

    def _check_item(self, array: _Array, end: int) -> None:
        if end - array.cuts[-1] > MAX_ITEM_BYTES:
            limit = f"{MAX_ITEM_BYTES} bytes of JSON, the limit of one value"
            raise Invalid.at(self._pointer(), f"a row or value in this array is over {limit}")

    def _close(self, array: _Array, end: int) -> None:
        """Take an array out of the text, unless it is short or not data."""
        if self._view[end] != ord("]"):
            raise Malformed(f"the body is not JSON: an array ends in another bracket (byte {end})")
        if end - array.start <= self._block_bytes or not self._data.fullmatch(pointer := self._pointer()):
            return
        bounds = pairwise([*array.cuts, end])
        self._arrays[pointer] = [Piece(before + 1, self._view[before + 1 : after]) for before, after in bounds]
        self._rest += EMPTY
        self._taken = end + 1
        self._marks.append((len(self._rest), self._taken))

    def _take(self, end: int) -> None:
        """Add the document up to here to the rest."""
        left_bytes = MAX_REST_BYTES - len(self._rest)
        self._rest += self._view[self._taken : min(end, self._taken + left_bytes)]
        if end - self._taken > left_bytes:
            member = self._pointer().split("/")[1:2]
            detail = f"this is over {MAX_REST_BYTES} bytes of JSON, the limit of what is not data"
            raise Invalid.at("".join(map("/{}".format, member)), detail)
        self._taken = end

    def _pointer(self) -> str:
        """Return the pointer to the value behind the rest."""
        try:
            self._place.advance(bytes(self._rest[self._placed :]))
        except (LookupError, ValueError) as error:
            raise Malformed("the body is not JSON: a bracket or a quote is out of place") from error
        self._placed = len(self._rest)
        return self._place.pointer()
