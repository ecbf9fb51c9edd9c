"""The content of a document: paragraphs, headings and tables in their order, within bounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from app.data.documents.cleaning import clean
from app.data.documents.document_tables import DocumentTable

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

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        """Add a complete table; a table without a row below its header becomes text."""
        if len(rows) > 1:
            width = max(map(len, rows))
            table = DocumentTable([*rows[0], *[""] * (width - len(rows[0]))])
            for row in rows[1:]:
                table.add(row)
            self.blocks.append(table)
        else:
            for row in rows:
                self.add(" ".join(row))

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
