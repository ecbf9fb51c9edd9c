"""Find out what a document is by its first bytes, and read it; text, Markdown, HTML and CSV are read here."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import TypeAlias

from examples.document_processing.content import Content, Table
from examples.document_processing.docx_reader import read_docx
from examples.document_processing.pdf_reader import read_pdf

Report: TypeAlias = Callable[[float, str], None]

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
_HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*#*$")
_RULE = re.compile(r"\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*")
_LINKS_AND_CODE = re.compile(r"!?\[([^\]]*)\]\([^)\s]*(?:\s+\"[^\"]*\")?\)|`+([^`]+)`+")
_EMPHASIS = re.compile(r"(?<!\w)(\*{1,3}|_{1,3})(\S(?:.*?\S)?)\1(?!\w)", re.DOTALL)


def read(path: Path, name: str, report: Report) -> tuple[str, Content]:
    """Return what kind a document is and its content; raise ValueError for what cannot be read."""
    kind, encoding = _kind(path, name)
    content = Content()
    if kind in {"pdf", "docx"}:
        (read_pdf if kind == "pdf" else read_docx)(path, content, report)
    else:
        report(0.0, "reading")
        _READERS[kind](_decoded(path, encoding), content)
    if not any(content.texts) and not content.tables:
        raise ValueError("has no text")
    return kind, content


def _kind(path: Path, name: str) -> tuple[str, str]:
    """Return the kind of a document, and the encoding of a text; raise ValueError if its name says another."""
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
        if found == "html" == called and "<" not in text:
            found = "text"
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
            return declared[1].decode() if declared and declared[1].lower() != b"utf-8" else "cp1252"
    return "utf-8-sig"


def _decoded(path: Path, encoding: str) -> Iterator[str]:
    """Yield the lines of a text."""
    try:
        with path.open(encoding=encoding, newline=None) as file:
            yield from file
    except (UnicodeError, LookupError) as error:
        raise ValueError(f"is no text in {encoding}: {error}") from error


def _read_text(lines: Iterator[str], content: Content) -> None:
    paragraph: list[str] = []
    for line in lines:
        if line.strip():
            paragraph.append(line)
        else:
            content.add("".join(paragraph))
            paragraph = []
    content.add("".join(paragraph))


def _read_markdown(lines: Iterator[str], content: Content) -> None:
    paragraph: list[str] = []
    rows: list[list[str]] = []
    fence = ""

    def flush() -> None:
        content.add(_unmarked("".join(paragraph)))
        content.table([[_unmarked(cell) for cell in row] for row in rows])
        paragraph.clear()
        rows.clear()

    for line in lines:
        heading = None if fence else _HEADING.match(line)
        if line.lstrip()[:3] in {"```", "~~~"} and (not fence or line.lstrip().startswith(fence)):
            fence = "" if fence else line.lstrip()[:3]
            flush()
        elif heading:
            flush()
            content.add(_unmarked(heading[2]), len(heading[1]))
        elif not line.strip():
            flush()
        elif not fence and line.lstrip().startswith("|"):
            if not _RULE.fullmatch(line.rstrip()):
                rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))])
        else:
            paragraph.append(line)
    flush()


def _unmarked(text: str) -> str:
    """Return Markdown without its marks for links, pictures, code and emphasis."""
    return _EMPHASIS.sub(r"\2", _LINKS_AND_CODE.sub(lambda found: found[1] or found[2] or "", text))


class _HtmlReader(HTMLParser):
    """Collects paragraphs, headings and tables; scripts and styles are left out."""

    HIDDEN = frozenset({"script", "style", "noscript", "template", "svg"})
    CELLS = frozenset({"tr", "td", "th"})
    BLOCKS = frozenset(
        {
            *("address", "article", "aside", "blockquote", "body", "br", "caption", "dd", "div", "dl", "dt", "footer"),
            *(
                "form",
                "h1",
                "h2",
                "h3",
                "h4",
                "h5",
                "h6",
                "header",
                "hr",
                "html",
                "li",
                "main",
                "nav",
                "ol",
                "p",
                "pre",
            ),
            *("section", "table", "title", "ul"),
        }
    )

    def __init__(self, content: Content) -> None:
        super().__init__()
        self.content = content
        self.hidden = self.tables = self.level = 0
        self.in_cell = False
        self.pieces: list[str] = []
        self.rows: list[list[str]] = []

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
                self.rows.append([])
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
                self._end_table()

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.pieces.append(data)

    def _end_block(self) -> None:
        if self.tables:
            self.pieces.append(" ")
        else:
            self.content.add("".join(self.pieces), self.level)
            self.pieces = []

    def _end_cell(self) -> None:
        if self.in_cell:
            self.rows = self.rows or [[]]
            self.rows[-1].append("".join(self.pieces))
            self.pieces, self.in_cell = [], False

    def _end_table(self) -> None:
        self.content.table([row for row in self.rows if row])
        self.rows, self.tables = [], 0

    def close(self) -> None:
        super().close()
        self._end_cell()
        self._end_table()
        self._end_block()


def _read_html(lines: Iterator[str], content: Content) -> None:
    reader = _HtmlReader(content)
    for line in lines:
        reader.feed(line)
    reader.close()


def _read_csv(lines: Iterator[str], content: Content) -> None:
    first = next(lines, "")
    delimiter = max(",;\t|", key=first.count)

    def all_lines() -> Iterator[str]:
        yield first
        yield from lines

    rows = csv.reader(all_lines(), delimiter=delimiter, strict=True)
    try:
        table = Table(next(rows))
        for row in rows:
            if row:
                table.add(row)
    except csv.Error as error:
        raise ValueError(f"is no CSV: line {rows.line_num}: {error}") from error
    content.blocks.append(table)


_READERS: Mapping[str, Callable[[Iterator[str], Content], None]] = {
    "text": _read_text,
    "markdown": _read_markdown,
    "html": _read_html,
    "csv": _read_csv,
}
