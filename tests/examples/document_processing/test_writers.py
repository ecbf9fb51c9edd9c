"""The new documents: Markdown, JSON and PDF."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.data.documents.document import Document as Content
from examples.document_processing.writers import write_json, write_markdown, write_pdf

ABOUT = {
    "name": "a.txt",
    "kind": "text",
    "language": "de",
    "words": 7,
    "characters": 40,
    "pages": None,
    "key_terms": [{"term": "straße", "score": 2.0}],
}


def made(*texts: str) -> tuple[dict[str, Any], Content]:
    content = Content()
    content.add("Überschrift", 2)
    for text in texts:
        content.add(text)
    content.table([["n", "v"], ["a|b", "1"], ["c", "2,5"]])
    return {**ABOUT, "tables": [table.summary() for table in content.tables]}, content


def test_markdown_escapes_what_would_have_a_meaning(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(write_markdown(*made("# *no* heading_", "1. no list")))
    assert (tmp_path / "out").read_text() == (
        "# a.txt\n\ntext, de, 7 words, 40 characters\n\nKey terms: straße\n\n"
        "Table 1: 2 rows. n: 2 texts, 0 missing, 2 different; v: 2 numbers, 0 missing, 1.0 to 2.5\n\n"
        "## Überschrift\n\n\\# \\*no\\* heading\\_\n\n\\1. no list\n\n"
        "| n | v |\n| --- | --- |\n| a\\|b | 1 |\n| c | 2,5 |\n\n"
    )


def test_json_has_the_facts_and_the_blocks_in_order(tmp_path: Path) -> None:
    about, content = made("Straße")
    (tmp_path / "out").write_bytes(write_json(about, content))
    assert msgspec.json.decode((tmp_path / "out").read_bytes()) == {
        **about,
        "content": [
            {"heading": "Überschrift", "level": 2},
            {"text": "Straße"},
            {"table": {"header": ["n", "v"], "rows": [["a|b", "1"], ["c", "2,5"]]}},
        ],
    }


@pytest.mark.parametrize("text", ["Straße – 5 €", "Привет, Ελλάδα", "Łódź, čeština, Việt Nam"])
def test_pdf_keeps_letters_of_all_scripts_that_its_font_has(tmp_path: Path, text: str) -> None:
    from pypdf import PdfReader

    (tmp_path / "out.pdf").write_bytes(write_pdf(*made(text)))
    reader = PdfReader(tmp_path / "out.pdf")
    assert text in reader.pages[0].extract_text()
    fonts = reader.pages[0]["/Resources"]["/Font"].get_object().values()
    assert all(
        "/FontFile2" in font["/DescendantFonts"][0]["/FontDescriptor"] for font in (f.get_object() for f in fonts)
    )


def test_pdf_joins_arabic_letters(tmp_path: Path) -> None:
    from pypdf import PdfReader

    (tmp_path / "out.pdf").write_bytes(write_pdf(*made("السلام عليكم")))
    assert PdfReader(tmp_path / "out.pdf").pages[0].extract_text()


def test_pdf_with_letters_that_its_font_lacks_is_refused_with_their_names(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"lacks \(京 東\): ask for markdown or json"):
        (tmp_path / "out.pdf").write_bytes(write_pdf(*made("東京")))
