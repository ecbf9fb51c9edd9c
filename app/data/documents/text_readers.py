"""Read text, Markdown and CSV."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator

from app.data.documents.document import Document, TableReader
from app.data.documents.document_tables import DocumentTable

# No repetition extends beyond the next opening mark, or beyond a bound: otherwise the time for a text of only opening
# marks would grow with the square of its length.
_HEADING = re.compile(r"(#{1,6})\s+(.*)")
_CELL_END = re.compile(r"(?<!\\)\|")
_RULE = re.compile(r"\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?")
_LINKS_AND_CODE = re.compile(r"!?\[([^\[\]]*+)\]\([^)\s\[]*+(?:\s{1,9}+\"[^\"]*+\")?\)|`{1,9}+([^`]++)`{1,9}")
_EMPHASIS = re.compile(r"(?<!\w)(\*{1,3}|_{1,3})(\S(?:.{0,300}?\S)?)\1(?!\w)", re.DOTALL)


def read_text(lines: Iterator[str], document: Document) -> None:
    """Add the paragraphs, which empty lines separate."""
    paragraph: list[str] = []
    for line in lines:
        if line.strip():
            paragraph.append(line)
        else:
            document.add("".join(paragraph))
            paragraph = []
    document.add("".join(paragraph))


def read_markdown(lines: Iterator[str], document: Document) -> None:
    """Add headings, paragraphs without their marks, and tables."""
    paragraph: list[str] = []
    table = TableReader(document)
    fence = ""

    def flush() -> None:
        document.add(_unmarked("".join(paragraph)))
        table.end()
        paragraph.clear()

    for line in lines:
        heading = None if fence else _HEADING.match(line)
        if line.lstrip()[:3] in {"```", "~~~"} and (not fence or line.lstrip().startswith(fence)):
            fence = "" if fence else line.lstrip()[:3]
            flush()
        elif heading:
            flush()
            document.add(_unmarked(heading[2].rstrip().rstrip("#")), len(heading[1]))
        elif not line.strip():
            flush()
        elif not fence and line.lstrip().startswith("|"):
            if not _RULE.fullmatch(line.strip()):
                for cell in _CELL_END.split(line.strip().strip("|")):
                    table.cell(_unmarked(cell.strip()))
                table.end_row()
        else:
            paragraph.append(line)
    flush()


def read_csv(lines: Iterator[str], document: Document) -> None:
    """Add the one table; its delimiter is that of the first line."""
    first = next(lines, "")
    delimiter = max(",;\t|", key=first.count)

    def all_lines() -> Iterator[str]:
        yield first
        yield from lines

    rows = csv.reader(all_lines(), delimiter=delimiter, strict=True)
    try:
        table = DocumentTable(next(rows))
        for row in rows:
            if row:
                table.add(row)
    except csv.Error as error:
        raise ValueError(f"is no CSV: line {rows.line_num}: {error}") from error
    document.blocks.append(table)


def _unmarked(text: str) -> str:
    """Return Markdown without its marks for links, pictures, code and emphasis."""
    return _EMPHASIS.sub(r"\2", _LINKS_AND_CODE.sub(lambda found: found[1] or found[2] or "", text))
