"""Detects the kind of a document from its first bytes, and the encoding of a text."""

from __future__ import annotations

import re
from pathlib import Path

from app.data.file_types import DOCX, UNKNOWN, ZIP

READABLE = ("application/pdf", DOCX, "text/plain", "text/markdown", "text/html", "text/csv")
MEDIA_TYPES = (
    *READABLE,
    UNKNOWN,  # texts in other encodings than UTF-8
    ZIP,
    "application/x-ole-storage",
    "application/rtf",
    "application/gzip",
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/tiff",
    "image/bmp",
    "image/webp",
)
"""Types of documents, and of files sent by mistake: reading them gives a better reason than a 415 could."""
HEAD_BYTES = 65_536
SUFFIXES = {
    "pdf": "pdf", "docx": "docx", "html": "html", "htm": "html", "xhtml": "html", "md": "markdown",
    "markdown": "markdown", "csv": "csv", "tsv": "csv", "txt": "text", "text": "text", "log": "text",
}  # fmt: skip
OTHERS = {
    b"\x89PNG": "a picture (PNG)",
    b"\xff\xd8\xff": "a picture (JPEG)",
    b"GIF87a": "a picture (GIF)",
    b"GIF89a": "a picture (GIF)",
    b"II*\0": "a picture (TIFF)",
    b"MM\0*": "a picture (TIFF)",
    b"\xd0\xcf\x11\xe0": "an old or encrypted file of an office program: save it as DOCX or PDF, without a password",
    b"{\\rtf": "a file in RTF: save it as DOCX or PDF",
    b"\x1f\x8b": "compressed by gzip",
    b"\x7fELF": "a program",
}
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_CHARSET = re.compile(rb"<meta[^>]+charset=[\"']?([\w-]+)", re.IGNORECASE)
_HTML = re.compile(r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)?<(?:!doctype\s+html|html\b)", re.IGNORECASE | re.DOTALL)


def kind_of(path: Path, name: str) -> tuple[str, str]:
    """Return the kind of a document, and the encoding of a text; raise ValueError if its name contradicts it."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        raise ValueError("is empty")
    called = SUFFIXES.get(name.rpartition(".")[2].lower() if "." in name else "", "")
    other = next((words for start, words in OTHERS.items() if head.startswith(start)), "")
    encoding = ""
    if other:
        raise ValueError(f"is {other}" + (f", though its name says {called}" if called else ""))
    if b"%PDF-" in head[:1024]:
        found = "pdf"
    elif head.startswith(b"PK"):
        found = "docx"
    else:
        encoding = _encoding(head, called)
        text = head.decode(encoding, "ignore")
        found = "html" if _HTML.match(text) else called if called in {"markdown", "csv", "html"} else "text"
    if called and found != called:
        raise ValueError(f"holds {found}, though its name says {called}")
    return found, encoding


def _encoding(head: bytes, called: str) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if _CONTROL.search(head):
        raise ValueError(f"is no {called or 'document'}: it holds bytes that no text has")
    declared = _CHARSET.search(head[:4096])
    try:
        head[:-4].decode("utf-8") if len(head) == HEAD_BYTES else head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.reason != "unexpected end of data" or len(head) < HEAD_BYTES:
            return _usable(declared[1].decode()) if declared and declared[1].lower() != b"utf-8" else "cp1252"
    return "utf-8-sig"


def _usable(encoding: str) -> str:
    """Return the encoding that a page declares, or the default if that is not a text encoding, as browsers do."""
    try:
        b" ".decode(encoding)
    except (LookupError, UnicodeError):
        return "cp1252"
    return encoding
