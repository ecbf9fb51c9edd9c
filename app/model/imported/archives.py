"""Bounds on archives, checked from their directory before any entry is read (APPNOTE.TXT of PKWARE, §4.3)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, NoReturn

from app.errors import Invalid
from app.storage.zip_directory import MAX_DIRECTORY_BYTES, MAX_ENTRIES, end_record

MAX_UNPACKED_BYTES = 1024**3
MAX_SCHEMA_BYTES = 64 * 1000**2
SCHEMA = "schema.json"
MAX_NAME_BYTES = 256
_ENTRY = struct.Struct("<4s4B4HL2L5H2L")
_ENTRY_MARK = b"PK\x01\x02"
_LOCAL_BYTES = 30
_ZIP64 = 0xFFFFFFFF
_STORED_OR_DEFLATED = {0, 8}
_ENCRYPTED = 0x1 | 0x40 | 0x2000


class Entry(NamedTuple):
    """A file in an archive, as the directory describes it."""

    name: str
    packed_bytes: int
    bytes: int
    offset: int


def check_archive(path: Path) -> frozenset[str]:
    """Return the names of an archive's entries; raise Invalid for an archive that is damaged or beyond the bounds.

    An archive whose directory contradicts its content is refused, too: entries that overlap or lead out of the archive,
    and bytes before the first entry.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        raw, start, count = _directory(file, size)
    entries = list(_entries(raw))
    if len(entries) != count:
        _refuse("the directory of the archive is damaged: it counts its entries otherwise than it lists them")
    names = frozenset(entry.name for entry in entries)
    if len(names) < len(entries):
        _refuse("two entries of the archive have the same name")
    unpacked = sum(entry.bytes for entry in entries)
    if unpacked > MAX_UNPACKED_BYTES:
        _refuse(f"the archive has {unpacked} bytes when it is unpacked, the limit is {MAX_UNPACKED_BYTES}")
    _check_places(entries, start)
    schema = next((entry for entry in entries if entry.name == SCHEMA), None)
    if schema is not None and schema.bytes > MAX_SCHEMA_BYTES:
        _refuse(f"{SCHEMA} has {schema.bytes} bytes, the limit is {MAX_SCHEMA_BYTES}")
    return names


def _directory(file: BinaryIO, size: int) -> tuple[bytes, int, int]:
    """Return the directory, its position, and its number of entries."""
    found = end_record(file, size)
    if found is None:
        _refuse("the archive is cut off: it has no directory")
    if not found.is_sound:
        _refuse("the directory of the archive is damaged")
    if found.entries > MAX_ENTRIES or found.directory_bytes > MAX_DIRECTORY_BYTES:
        _refuse(f"the archive has more than {MAX_ENTRIES} entries")
    if found.start + found.directory_bytes != found.place:
        _refuse("the directory of the archive is damaged: it is not where the archive says")
    file.seek(found.start)
    return file.read(found.directory_bytes), found.start, found.entries


def _entries(raw: bytes) -> Iterator[Entry]:
    at = 0
    while at < len(raw):
        if len(raw) - at < _ENTRY.size or not raw.startswith(_ENTRY_MARK, at):
            _refuse("the directory of the archive is damaged")
        fields = _ENTRY.unpack_from(raw, at)
        flags, method, packed, unpacked, name_bytes, extra_bytes, comment_bytes = (*fields[5:7], *fields[10:15])
        offset = fields[18]
        at += _ENTRY.size
        name = _checked_name(raw[at : at + name_bytes])
        at += name_bytes + extra_bytes + comment_bytes
        if flags & _ENCRYPTED:
            _refuse("an entry of the archive is encrypted")
        if method not in _STORED_OR_DEFLATED:
            _refuse("an entry of the archive is packed by other means than deflate")
        if _ZIP64 in {packed, unpacked, offset}:
            _refuse("an entry of the archive has its size in 64 bits; none may be so large")
        yield Entry(name, packed, unpacked, offset)


def _checked_name(raw: bytes) -> str:
    """Return the name of an entry; refuse those that lead out of a folder, though nothing is unpacked into one."""
    try:
        name = raw.decode("ascii")
    except UnicodeDecodeError:
        _refuse("the name of an entry is not one that skops writes")
    if not 0 < len(raw) <= MAX_NAME_BYTES or "\0" in name or "\\" in name or ":" in name:
        _refuse("the name of an entry is empty, too long or not one that skops writes")
    if name.startswith("/") or not {"", ".", ".."}.isdisjoint(name.split("/")):
        _refuse("the name of an entry leads out of the archive")
    return name


def _check_places(entries: list[Entry], end: int) -> None:
    """Refuse entries that lie outside, or that overlap, by which a small archive would unpack into a large one."""
    at = 0
    for entry in sorted(entries, key=lambda entry: entry.offset):
        if entry.offset < at:
            _refuse("two entries of the archive overlap")
        at = entry.offset + _LOCAL_BYTES + len(entry.name.encode()) + entry.packed_bytes
    if at > end:
        _refuse("an entry of the archive is cut off")
    if min((entry.offset for entry in entries), default=0):
        _refuse("the archive does not begin with its first entry")


def _refuse(detail: str) -> NoReturn:
    raise Invalid.at("/file", detail)
