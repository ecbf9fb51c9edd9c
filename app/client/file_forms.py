"""Forms with files (RFC 7578), streamed from disk, and read again for each try."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from app.schemas.file_names import file_name

PIECE_BYTES = 256 * 1024


class FormFile(NamedTuple):
    """A field of a form that is a file: its content or its path."""

    field: str
    name: str
    content: bytes | Path


class FileForm:
    """A form of files. Each iteration gives the same bytes; it raises OSError when a file cannot be read."""

    def __init__(self, files: Sequence[FormFile]) -> None:
        """Raise OSError for a path that does not exist or is not a regular file."""
        boundary = f"trinity-{uuid4().hex}"
        self.media_type = f"multipart/form-data; boundary={boundary}"
        self._end = f"--{boundary}--\r\n".encode()
        self._parts = [(_head(file, boundary), file.content, _size(file.content)) for file in files]
        self.size_bytes = len(self._end) + sum(len(head) + size + len(b"\r\n") for head, _, size in self._parts)

    def __iter__(self) -> Iterator[bytes]:
        for head, content, size in self._parts:
            yield head
            yield from [content] if isinstance(content, bytes) else _pieces(content, size)
            yield b"\r\n"
        yield self._end


def _head(file: FormFile, boundary: str) -> bytes:
    name = file_name(file.name).replace('"', "%22")  # as browsers send it
    words = f'form-data; name="{file.field}"; filename="{name}"'
    return f"--{boundary}\r\nContent-Disposition: {words}\r\n\r\n".encode()


def _size(content: bytes | Path) -> int:
    if isinstance(content, bytes):
        return len(content)
    found = content.stat()
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(f"{content} is a folder: send a file, or a zip file of the folder")
    if not stat.S_ISREG(found.st_mode):
        raise OSError(f"{content} is not a regular file: it could not be sent a second time")
    return found.st_size


def _pieces(path: Path, size: int) -> Iterator[bytes]:
    """Yield the content of a file; raise OSError if its size is not `size`."""
    left = size
    with path.open("rb", buffering=0) as file:
        while piece := file.read(min(left, PIECE_BYTES)):
            left -= len(piece)
            yield piece
        if left or os.fstat(file.fileno()).st_size != size:
            raise OSError(f"{path} was changed while it was sent")
