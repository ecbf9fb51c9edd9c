"""Unpacks zip files from requests, within bounds of entries, bytes and ratio, and only inside their folder."""

from __future__ import annotations

import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import NoReturn

from app.errors import Invalid
from app.storage.zip_directory import MAX_DIRECTORY_BYTES, MAX_ENTRIES, end_record

MAX_UNPACKED_BYTES = 2 * 1024**3
MAX_RATIO = 200
"""Unpacked bytes per byte of the file; well compressed text has 20."""
FREE_BYTES = 16 * 1024**2  # up to so many bytes the ratio does not matter
MAX_NAME_BYTES = 255
PIECE_BYTES = 1024 * 1024


def unpack(path: Path, folder: Path, pointer: str) -> None:
    """Unpack a zip file into a folder; raise Invalid for a damaged file, or one beyond the bounds."""
    _check_directory(path, pointer)
    left = max(FREE_BYTES, min(MAX_UNPACKED_BYTES, MAX_RATIO * path.stat().st_size))
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                target = folder / _checked_name(entry, pointer)
                if entry.is_dir():
                    target.mkdir(parents=True, exist_ok=True)
                else:
                    left -= _unpack_entry(archive, entry, target, left, pointer)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise Invalid.at(pointer, f"the zip file cannot be unpacked: {type(error).__name__}") from None
    except FileExistsError:
        _refuse(pointer, "a name in the zip file is that of a file and of a folder, or comes twice")


def _check_directory(path: Path, pointer: str) -> None:
    """Refuse a directory that is too large before it is read into memory."""
    with path.open("rb") as file:
        found = end_record(file, path.stat().st_size)
    if found is None:
        _refuse(pointer, "it is not a zip file, or it is cut off")
    if found.entries > MAX_ENTRIES or found.directory_bytes > MAX_DIRECTORY_BYTES:
        _refuse(pointer, f"the zip file has more than {MAX_ENTRIES} entries")


def _checked_name(entry: zipfile.ZipInfo, pointer: str) -> PurePosixPath:
    name = PurePosixPath(entry.filename)
    parts = entry.filename.rstrip("/").split("/")
    if name.is_absolute() or not {"", ".", ".."}.isdisjoint(parts) or "\\" in entry.filename or "\0" in entry.filename:
        _refuse(pointer, "a name in the zip file leads out of it")
    if any(len(part.encode("utf-8", "replace")) > MAX_NAME_BYTES for part in parts) or len(parts) > 32:  # noqa: PLR2004
        _refuse(pointer, "a name in the zip file is too long")
    mode = entry.external_attr >> 16
    if stat.S_IFMT(mode) not in {0, stat.S_IFREG, stat.S_IFDIR}:
        _refuse(pointer, "the zip file holds a link, or another entry that is no file")
    if entry.flag_bits & 0x1:
        _refuse(pointer, "the zip file is encrypted")
    return name


def _unpack_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, most: int, pointer: str) -> int:
    """Unpack one file; return its number of bytes, counted and not taken from the directory."""
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with archive.open(entry) as source, target.open("xb") as file:
        while piece := source.read(PIECE_BYTES):
            written += len(piece)
            if written > most:
                _refuse(pointer, "the zip file unpacks to more bytes than the service takes")
            file.write(piece)
    return written


def _refuse(pointer: str, detail: str) -> NoReturn:
    raise Invalid.at(pointer, detail)
