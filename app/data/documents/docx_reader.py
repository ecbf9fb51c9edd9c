"""Read the text and the tables of a Word document (DOCX): a zip file with XML in it."""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, iterparse

from app.data.documents.document import Document, TableReader
from app.model.progress import report

MAX_ENTRIES = 10_000
MAX_XML_BYTES = 200_000_000
MAX_RATIO = 200  # of a larger part than this many bytes; text shrinks by 10 to 50
FREE_BYTES = 10_000_000
MAIN_PART = "word/document.xml"
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_READ_WHOLE = frozenset({f"{_W}p", f"{_W}tr", f"{_W}tbl"})
_HEADING = re.compile(r"(?:heading|title)\s*([1-6]?)", re.IGNORECASE)


def read_docx(path: Path, document: Document) -> None:
    """Add the paragraphs and tables; raise ValueError for an encrypted, malformed or too large document."""
    report(0.0, "reading")
    try:
        with ZipFile(path) as archive, archive.open(_main_part(archive)) as part:
            reader = _Reader(document)
            for event, element in iterparse(part, ("start", "end"), forbid_dtd=True):
                reader.take(event, element)
    except DefusedXmlException as error:
        raise ValueError("declares entities in its XML, which no Word document does") from error
    except (BadZipFile, ParseError, EOFError, OSError, NotImplementedError, zlib.error) as error:
        raise ValueError(f"is no Word document that can be read: {error}") from error


def _main_part(archive: ZipFile) -> Any:
    if len(archive.infolist()) > MAX_ENTRIES:
        raise ValueError(f"has more than {MAX_ENTRIES} entries")
    try:
        part = archive.getinfo(MAIN_PART)
    except KeyError:
        raise ValueError("is a zip file, but no Word document") from None
    if part.flag_bits & 1:
        raise ValueError("is encrypted: send it without its password")
    is_bomb = part.file_size > FREE_BYTES and part.file_size > MAX_RATIO * part.compress_size
    if part.file_size > MAX_XML_BYTES or is_bomb:
        raise ValueError(f"unpacks to {part.file_size} bytes of XML from {part.compress_size}")
    return part


class _Reader:
    """Processes the events of the parser."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._pieces: list[str] = []
        self._table = TableReader(document)
        self._open: list[Any] = []
        self._level = self._tables = self._ignored = 0

    def take(self, event: str, element: Any) -> None:
        tag = element.tag
        if event == "start":
            self._open.append(element)
        else:
            self._open.pop()
        self._ignored += (tag == _FALLBACK) * (1 if event == "start" else -1)  # it repeats the content beside it
        if self._ignored:
            return
        if event == "start":
            self._start(tag, element)
        else:
            self._end(tag, element)
            if tag in _READ_WHOLE and self._open:
                del self._open[-1][:]  # frees memory

    def _start(self, tag: str, element: Any) -> None:
        self._tables += tag == f"{_W}tbl"
        if tag == f"{_W}pStyle":
            found = _HEADING.match(element.get(f"{_W}val", ""))
            self._level = int(found[1] or 1) if found else 0
        elif self._tables == 1 and tag == f"{_W}tc":
            self._pieces = []

    def _end(self, tag: str, element: Any) -> None:
        if tag == f"{_W}t":
            self._pieces.append(element.text or "")
        elif tag in {f"{_W}tab", f"{_W}br", f"{_W}cr"} or (tag == f"{_W}p" and self._tables):
            self._pieces.append(" ")
        elif tag == f"{_W}p":
            self._document.add("".join(self._pieces), self._level)
            self._pieces, self._level = [], 0
        elif tag == f"{_W}tc" and self._tables == 1:
            self._table.cell("".join(self._pieces))
            self._pieces = []
        elif tag == f"{_W}tr" and self._tables == 1:
            self._table.end_row()
        elif tag == f"{_W}tbl":
            self._tables -= 1
            if not self._tables:
                self._table.end()
                self._pieces = []
