"""Reads the visible content of an HTML page: paragraphs, headings and tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from app.data.documents.document import Document, TableReader

BLOCKS = (
    "address article aside blockquote body br caption dd div dl dt footer form h1 h2 h3 h4 h5 h6 header hr html li "
    "main nav ol p pre section table title ul"
)
"""Elements whose text is separate from the text around it."""
_UNSEEN = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style)\b.*?(?:</\1[^>]*(?:>|\Z)|\Z)|<[!?][^>]*(?:>|\Z)", re.DOTALL | re.IGNORECASE
)
"""Invisible elements; one that is never closed extends to the end (HTML Standard, 13.2.5). The parser would search for
its end again from each start tag."""
_TAG = re.compile(r"<[a-z/]", re.IGNORECASE)


def read_html(lines: Iterator[str], document: Document) -> None:
    """Add the paragraphs, headings and tables of a page."""
    reader = _HtmlReader(document)
    reader.feed(_without_unclosed_tag(_UNSEEN.sub("", "".join(lines))))
    reader.close()


def _without_unclosed_tag(text: str) -> str:
    """Return a page without an unclosed tag at its end, which the parser would try again from each character."""
    unclosed = _TAG.search(text, text.rfind(">") + 1)
    return text[: unclosed.start()] if unclosed else text


class _HtmlReader(HTMLParser):
    """Collects paragraphs, headings and tables; scripts and styles are left out."""

    HIDDEN = frozenset({"script", "style", "noscript", "template", "svg"})
    CELLS = frozenset({"tr", "td", "th"})
    BLOCKS = frozenset(BLOCKS.split())

    def __init__(self, document: Document) -> None:
        super().__init__()
        self.document = document
        self.hidden = self.tables = self.level = 0
        self.in_cell = False
        self.pieces: list[str] = []
        self.table = TableReader(document)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        del attrs
        self.hidden += tag in self.HIDDEN
        if tag in self.BLOCKS:
            self._end_block()
        self.level = int(tag[1]) if re.fullmatch("h[1-6]", tag) else self.level
        self.tables += tag == "table"
        if self.tables == 1 and tag in self.CELLS:  # a table within a cell is text of the cell
            self._end_cell()
            if tag == "tr":
                self.table.end_row()
            else:
                self.pieces, self.in_cell = [], True

    def handle_endtag(self, tag: str) -> None:
        self.hidden = max(0, self.hidden - (tag in self.HIDDEN))
        if self.tables == 1 and tag in self.CELLS | {"table"}:
            self._end_cell()
        elif tag in self.BLOCKS:
            self._end_block()
            self.level = 0
        if tag == "table" and self.tables:
            self.tables -= 1
            if not self.tables:
                self.table.end()

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.pieces.append(data)

    def _end_block(self) -> None:
        if self.tables:
            self.pieces.append(" ")
        else:
            self.document.add("".join(self.pieces), self.level)
            self.pieces = []

    def _end_cell(self) -> None:
        if self.in_cell:
            self.table.cell("".join(self.pieces))
            self.pieces, self.in_cell = [], False

    def close(self) -> None:
        super().close()
        self._end_cell()
        self.table.end()
        self.tables = 0
        self._end_block()
