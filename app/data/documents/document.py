"""The content of a document: paragraphs, headings and tables in their order, within bounds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from app.data.documents.cleaning import clean
from app.data.documents.document_tables import MAX_CELL_CHARACTERS, DocumentTable, check_width

MAX_CHARACTERS = 110_000_000


class Paragraph(NamedTuple):
    """Some text; with a level from 1 to 6 it is a heading."""

    text: str
    level: int = 0


class Document:
    """Paragraphs and tables in the order of the document."""

    def __init__(self, kind: str = "text") -> None:
        self.kind = kind
        """text, markdown, html, csv, docx or pdf."""
        self.blocks: list[Paragraph | DocumentTable] = []
        self.pages: int | None = None
        """The number of pages, if the format has pages."""
        self.characters = 0
        """The number of characters in paragraphs and headings."""

    def add(self, text: str, level: int = 0) -> None:
        """Add a paragraph or a heading; words that were hyphenated at the end of a line are joined."""
        if cleaned := clean(text):
            self.characters += len(cleaned)
            if self.characters > MAX_CHARACTERS:
                raise ValueError(f"holds more than {MAX_CHARACTERS} characters of text")
            self.blocks.append(Paragraph(cleaned, level))

    def table(self, rows: Iterable[Sequence[str]]) -> None:
        """Add the rows of a table; a table without a row below its header becomes text."""
        reader = TableReader(self)
        for row in rows:
            for cell in row:
                reader.cell(cell)
            reader.end_row()
        reader.end()

    @property
    def tables(self) -> list[DocumentTable]:
        """The tables."""
        return [block for block in self.blocks if isinstance(block, DocumentTable)]

    @property
    def texts(self) -> list[str]:
        """The paragraphs, the headings, and the stored cells of tables."""
        return [
            text
            for block in self.blocks
            for text in ([block.text] if isinstance(block, Paragraph) else [cell for row in block.kept for cell in row])
        ]


class TableReader:
    """Takes the rows of a table as they are read, and holds no more of them than the table keeps.

    A table without a row below its header is text.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self._header: list[str] = []
        self._row: list[str] = []
        self._table: DocumentTable | None = None

    def cell(self, text: str) -> None:
        """Take the next cell of a row."""
        check_width(len(self._row) + 1)
        self._row.append(text[:MAX_CELL_CHARACTERS] if self._header else text)

    def end_row(self) -> None:
        """Take the cells since the last row as one; without any there is none."""
        row, self._row = self._row, []
        if not self._header:
            self._header = row
        elif row:
            if self._table is None:
                self._table = DocumentTable(self._header, grows=True)
            self._table.add(row)

    def end(self) -> None:
        """Add the table to the document, and begin another."""
        self.end_row()
        if self._table is not None:
            self._document.blocks.append(self._table)
        else:
            self._document.add(" ".join(self._header))
        self._header, self._table = [], None
