"""Detects the media type of a file by its first bytes; for texts, which have no signature, also by its name."""

from __future__ import annotations

import codecs
from pathlib import PurePath

SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"%PDF-", "application/pdf"),
    (b"{\\rtf", "application/rtf"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"\x1f\x8b", "application/gzip"),
)
"""From the specifications of the formats."""
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
ZIP = "application/zip"
HEAD_BYTES = 4096  # how many bytes are examined
UNKNOWN = "application/octet-stream"
TEXTS = {
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".html": "text/html",
    ".htm": "text/html",
    ".csv": "text/csv",
    ".txt": "text/plain",
}
REQUESTS = {"application/json", "application/x-www-form-urlencoded"}
"""Types of text that are not a document if they have no name: the request was probably meant for another route."""
_ZIP_MARKS = (b"PK\x03\x04", b"PK\x05\x06")
_WEBP_BYTES = 12
_BMP_RESERVED = slice(6, 10)


def media_type_of(head: bytes, name: str = "", said: str = "") -> str:
    """Return the media type of a file that begins with `head`, its first HEAD_BYTES.

    Texts are distinguished by the name and by what the sender `said`.
    """
    for signature, media_type in SIGNATURES:
        if head.startswith(signature) and (signature != b"BM" or head[_BMP_RESERVED] == b"\0\0\0\0"):
            return media_type
    if head[:4] == b"RIFF" and head[8:_WEBP_BYTES] == b"WEBP":
        return "image/webp"
    if head.startswith(_ZIP_MARKS):
        return _zip_type(head, name, said)
    return _text_type(head, name, said) if _is_text(head) else UNKNOWN


def _zip_type(head: bytes, name: str, said: str) -> str:
    """Distinguish a Word document from other zip files by a part in its first bytes, or else by its name."""
    called_docx = PurePath(name).suffix.lower() == ".docx" or said == DOCX
    if b"word/" in head or (called_docx and b"xl/" not in head and b"ppt/" not in head):
        return DOCX
    return ZIP


def _text_type(head: bytes, name: str, said: str) -> str:
    suffix = PurePath(name).suffix.lower()
    if suffix in TEXTS:
        return TEXTS[suffix]
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()[:15].lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "text/html"
    return said if said in TEXTS.values() or (said in REQUESTS and not name) else "text/plain"


def _is_text(head: bytes) -> bool:
    """Whether bytes are UTF-8 without NUL; the last character may be truncated if more bytes follow."""
    if b"\0" in head:
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head, final=len(head) < HEAD_BYTES)
    except UnicodeDecodeError:
        return False
    return True
