"""Write what was found out about a document, and its cleaned text, as Markdown, JSON or PDF."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from fpdf import FPDF, XPos, YPos
from fpdf.fonts import TTFFont

from app.data.documents.document import Document, Paragraph
from app.data.documents.document_tables import DocumentTable
from app.model.progress import report

FONT = Path(__file__).with_name("fonts") / "DejaVuSans.ttf"
MAX_PDF_CHARACTERS = 2_000_000
_SPECIAL = re.compile(r"([\\`*_\[\]<>|])")
_START = re.compile(r"^([#+\-=~]|\d+(?=[.)]))")
_SIZES_PT = {0: 10, 1: 18, 2: 14, 3: 12, 4: 11, 5: 10, 6: 10}


def write_markdown(about: dict[str, Any], document: Document) -> bytes:
    """Return Markdown; characters that have a meaning there are escaped."""
    report(0.9, "writing")
    file = io.BytesIO()
    file.writelines(line.encode() for line in _lines(about, document))
    return file.getvalue()


def write_json(about: dict[str, Any], document: Document) -> bytes:
    """Return one JSON object: the facts, and the blocks of the document in order."""
    report(0.9, "writing")
    blocks = [
        {"table": {"header": [column.name for column in block.columns], "rows": block.kept}}
        if isinstance(block, DocumentTable)
        else {"heading": block.text, "level": block.level}
        if block.level
        else {"text": block.text}
        for block in document.blocks
    ]
    return msgspec.json.encode({**about, "content": blocks})


def write_pdf(about: dict[str, Any], document: Document) -> bytes:
    """Return a PDF with its font; raise ValueError for what is too long, or has letters that the font lacks."""
    if document.characters > MAX_PDF_CHARACTERS:
        raise ValueError(f"the document has more than {MAX_PDF_CHARACTERS} characters: ask for markdown or json")
    pdf = FPDF()
    pdf.set_title(about["name"])
    pdf.add_font("text", fname=FONT)
    font = pdf.fonts["text"]
    blocks = [*_facts(about), *document.blocks]
    texts = [block.text if isinstance(block, Paragraph) else _drawn(block) for block in blocks]
    has = font.cmap if isinstance(font, TTFFont) else {}
    if lacking := sorted({letter for text in texts for letter in text if ord(letter) not in has} - {"\n"}):
        raise ValueError(
            f"the document has letters that the PDF's font lacks ({' '.join(lacking[:10])}): ask for markdown or json"
        )
    is_simple = all(ord(letter) < 0x0590 for text in texts for letter in text)  # noqa: PLR2004  right-to-left scripts begin there
    pdf.set_text_shaping(use_shaping_engine=not is_simple)
    pdf.add_page()
    for i, (block, text) in enumerate(zip(blocks, texts, strict=True)):
        report(0.9 + 0.1 * i / len(blocks), f"writing page {pdf.page_no()}")
        size_pt = _SIZES_PT[block.level] if isinstance(block, Paragraph) else 8
        pdf.set_font("text", size=size_pt)
        pdf.multi_cell(0, size_pt * 0.5, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        pdf.ln(2)
    return bytes(pdf.output())


WRITERS = {"markdown": write_markdown, "json": write_json, "pdf": write_pdf}


def _facts(about: dict[str, Any]) -> Iterator[Paragraph]:
    yield Paragraph(about["name"], 1)
    counts = [(about["words"], "word"), (about["characters"], "character"), (about.get("pages"), "page")]
    facts = [about["kind"], about["language"], *(_counted(*each) for each in counts if each[0] is not None)]
    yield Paragraph(", ".join(facts))
    if about["key_terms"]:
        yield Paragraph("Key terms: " + ", ".join(each["term"] for each in about["key_terms"]))
    for number, table in enumerate(about["tables"], 1):
        columns = "; ".join(_column(column) for column in table["columns"])
        yield Paragraph(f"Table {number}: {_counted(table['rows'], 'row')}. {columns}")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _column(column: dict[str, Any]) -> str:
    found = f"{column['min']} to {column['max']}" if "min" in column else f"{column.get('distinct', 0)} different"
    return f"{column['name']}: {column['filled']} {column['kind']}, {column['missing']} missing, {found}"


def _lines(about: dict[str, Any], document: Document) -> Iterator[str]:
    for block in [*_facts(about), *document.blocks]:
        if isinstance(block, Paragraph):
            text = _START.sub(r"\\\1", _SPECIAL.sub(r"\\\1", block.text))
            yield f"{'#' * block.level} {text}\n\n" if block.level else f"{text}\n\n"
            continue
        rows = [[column.name for column in block.columns], ["---"] * len(block.columns), *block.kept]
        for number, row in enumerate(rows):
            cells = row if number == 1 else [_SPECIAL.sub(r"\\\1", cell) for cell in row]
            yield f"| {' | '.join(cells)} |\n"
        yield f"\n{_left_out(block)}\n\n" if _left_out(block) else "\n"


def _drawn(table: DocumentTable) -> str:
    rows = [[column.name for column in table.columns], *table.kept]
    return "\n".join([*("  ·  ".join(row) for row in rows), *filter(None, [_left_out(table)])])


def _left_out(table: DocumentTable) -> str:
    return f"{len(table.kept)} of {table.rows} rows" if table.rows > len(table.kept) else ""
