"""The end of a zip file; it gives the size of the directory before the directory is read into memory."""

from __future__ import annotations

import struct
from typing import BinaryIO, NamedTuple

MAX_ENTRIES = 50_000
MAX_DIRECTORY_BYTES = MAX_ENTRIES * 256
_END = struct.Struct("<4s4H2LH")
_END_MARK = b"PK\x05\x06"
_MAX_COMMENT_BYTES = 0xFFFF


class EndRecord(NamedTuple):
    """The end record of a zip file, about its directory."""

    entries: int
    directory_bytes: int
    start: int
    """Where the directory begins."""
    place: int
    """Where this record is."""
    is_sound: bool
    """Whether the archive is one file, and ends with this record."""


def end_record(file: BinaryIO, size: int) -> EndRecord | None:
    """Return the end record of a zip file of that size (PKWARE's APPNOTE.TXT, §4.3.16); None if it has none.

    A zip64 directory, which no file within the bounds needs, shows 65,535 entries here.
    """
    tail_bytes = min(size, _END.size + _MAX_COMMENT_BYTES)
    file.seek(size - tail_bytes)
    tail = file.read(tail_bytes)
    at = tail.rfind(_END_MARK)
    if at < 0 or len(tail) - at < _END.size:
        return None
    _, disk, first_disk, on_disk, entries, directory_bytes, start, comment = _END.unpack_from(tail, at)
    is_sound = not disk and not first_disk and on_disk == entries and at + _END.size + comment == len(tail)
    return EndRecord(entries, directory_bytes, start, size - tail_bytes + at, is_sound)
