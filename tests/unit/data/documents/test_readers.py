"""The readers of documents: what they make of each format, and what they refuse."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from app.data.documents.cleaning import clean
from app.data.documents.document import Document, Paragraph
from app.data.documents.document_tables import MAX_KEPT_CHARACTERS, DocumentTable, as_number
from app.data.documents.reading import read_document
from app.model.files import InputFile
from app.model.progress import reporting
from tests.support import made_documents as made
from tests.support.processor_time import units


def read(path: Path, name: str, report: Callable[[float, str], None]) -> tuple[str, Document]:
    with reporting(report):
        document = read_document(InputFile(path, name, ""))
    return document.kind, document


def blocks(tmp_path: Path, name: str, content: bytes | str) -> list[object]:
    _, found = read(made.write_document(tmp_path, name, content), name, lambda *_: None)
    return [block if isinstance(block, Paragraph) else block.kept for block in found.blocks]


def test_text_comes_in_paragraphs_with_broken_words_joined_and_control_characters_removed(tmp_path: Path) -> None:
    text = "The \ufb01rst para-\ngraph\u00ad has\ttabs.\r\n\r\n Caf\u0065\u0301 in Win-\nTer \n"
    assert blocks(tmp_path, "a.txt", text) == [
        Paragraph("The first paragraph has tabs."),
        Paragraph("Café in Win- Ter"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_text_is_read_in_the_encodings_that_people_have(tmp_path: Path, encoding: str) -> None:
    assert blocks(tmp_path, "a.txt", "Größe über alles – €".encode(encoding)) == [Paragraph("Größe über alles – €")]


@pytest.mark.parametrize("declared", ["windows-1252", "x-user-defined", "hex", "undefined"])
def test_a_page_that_declares_no_encoding_of_texts_is_read_as_most_are(tmp_path: Path, declared: str) -> None:
    page = f"<!DOCTYPE html><meta charset={declared}><p>Größe – €".encode("cp1252")
    assert blocks(tmp_path, "a.html", page) == [Paragraph("Größe – €")]


def test_markdown_gives_headings_tables_and_text_without_marks(tmp_path: Path) -> None:
    text = "# A *title* #\n\nSee **[the page](http://x)** and `code`, not a_b_c.\n\n"
    text += "| n | v |\n|---|--:|\n| a | 1 |\n\n```\n# x\n```\n"
    assert blocks(tmp_path, "a.md", text) == [
        Paragraph("A title", 1),
        Paragraph("See the page and code, not a_b_c."),
        [["a", "1"]],
        Paragraph("# x"),
    ]


def test_html_gives_what_a_reader_sees(tmp_path: Path) -> None:
    html = (
        "<!doctype html><html><head><title>T</title><style>p{}</style></head><body><h2>H &amp; I</h2><p>One<br>two"
        "<script>var x = '<p>no</p>'</script><table><tr><th>a<th>b</tr><tr><td>1</td><td><i>2</i></td></tr></table>end"
    )
    assert blocks(tmp_path, "page.html", html) == [
        Paragraph("T"),
        Paragraph("H & I", 2),
        Paragraph("One"),
        Paragraph("two"),
        [["1", "2"]],
        Paragraph("end"),
    ]


def test_word_documents_give_headings_paragraphs_and_tables(tmp_path: Path) -> None:
    body = made.p("The title", "Heading2") + made.p("Text & more.") + made.tbl(("n", "v"), ("a", "1")) + made.p("End.")
    assert blocks(tmp_path, "a.docx", made.docx(body)) == [
        Paragraph("The title", 2),
        Paragraph("Text & more."),
        [["a", "1"]],
        Paragraph("End."),
    ]


def test_pdf_is_read_page_by_page_and_says_so(tmp_path: Path) -> None:
    path, steps = made.write_document(tmp_path, "a.pdf", made.pdf("One page.", "", "Another page.")), []
    kind, content = read(path, "a.pdf", lambda fraction, step: steps.append((fraction, step)))
    assert (kind, content.pages) == ("pdf", 3)
    assert [block.text for block in content.blocks] == ["One page.", "Another page."]
    assert steps == [(0, "page 1 of 3"), (pytest.approx(1 / 3), "page 2 of 3"), (pytest.approx(2 / 3), "page 3 of 3")]


def test_pdf_that_is_only_protected_against_changes_is_read(tmp_path: Path) -> None:
    assert blocks(tmp_path, "a.pdf", made.encrypted_pdf("")) == [Paragraph("Only for those who know.")]


def test_tables_are_counted_whole_and_kept_in_part(tmp_path: Path) -> None:
    lines = "".join(f"{i};{i},5;2026-01-{i % 28 + 1:02};x{i % 3};\n" for i in range(2_000))
    path = made.write_document(tmp_path, "a.csv", f"n;v;day;kind;nothing\n{lines}")
    table = read(path, "a.csv", lambda *_: None)[1].tables[0]
    assert len(table.kept) == 1_000
    assert table.summary() == {
        "rows": 2_000,
        "columns": [
            {"name": "n", "filled": 2_000, "missing": 0, "kind": "numbers", "min": 0.0, "max": 1_999.0},
            {"name": "v", "filled": 2_000, "missing": 0, "kind": "numbers", "min": 0.5, "max": 1_999.5},
            {"name": "day", "filled": 2_000, "missing": 0, "kind": "dates", "min": "2026-01-01", "max": "2026-01-28"},
            {"name": "kind", "filled": 2_000, "missing": 0, "kind": "texts", "distinct": 3},
            {"name": "nothing", "filled": 0, "missing": 2_000, "kind": "empty"},
        ],
    }


def table_of(name: str, rows: int, cells: int) -> bytes | str:
    """A document of a table with a header of one column and rows of more."""
    if name == "a.docx":
        return made.docx(made.tbl(("n",), *[tuple(map(str, range(i, i + cells))) for i in range(rows)]))
    if name == "a.html":
        body = "".join("<tr>" + "".join(f"<td>{i + j}" for j in range(cells)) for i in range(rows))
        return f"<!doctype html><table><tr><th>n{body}</table>"
    return "| n |\n|---|\n" + "".join(f"| {' | '.join(map(str, range(i, i + cells)))} |\n" for i in range(rows))


@pytest.mark.parametrize("name", ["a.md", "a.html", "a.docx"])
def test_longer_rows_give_a_table_columns_and_too_many_cells_are_refused_as_in_csv(tmp_path: Path, name: str) -> None:
    table = read(made.write_document(tmp_path, name, table_of(name, 3, 2)), name, lambda *_: None)[1].tables[0]
    assert ([each.name for each in table.columns], table.kept[2]) == (["n", "column 2"], ["2", "3"])
    with pytest.raises(ValueError, match=r"^the document has a table with more than 1000 columns$"):
        read(made.write_document(tmp_path, name, table_of(name, 1, 1_001)), name, lambda *_: None)


@pytest.mark.parametrize("name", ["a.md", "a.docx"])
def test_no_more_of_a_table_is_held_than_is_kept(tmp_path: Path, name: str) -> None:
    """Whatever its length; 40,000 rows of texts take more than ten times as much."""
    path = made.write_document(tmp_path, name, table_of(name, 40_000, 4))
    tracemalloc.start()
    try:
        table = read(path, name, lambda *_: None)[1].tables[0]
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (table.rows, len(table.kept)) == (40_000, 1_000)
    assert peak_bytes < 3_000_000


def test_of_rows_with_long_cells_fewer_are_kept(tmp_path: Path) -> None:
    long = "x" * 10_000
    path = made.write_document(tmp_path, "a.csv", "n;v;w\n" + f"1;{long};{long}\n" * 600)
    table = read(path, "a.csv", lambda *_: None)[1].tables[0]
    assert (table.rows, len(table.kept)) == (600, MAX_KEPT_CHARACTERS // 20_001 + 1)


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("1", 1),
        ("-2.5", -2.5),
        ("1,234,567.5", 1_234_567.5),
        ("3,5", 3.5),
        ("1e3", 1_000),
        *((text, None) for text in ["", "1-2", "1e999", "e", "nan", ".", "1,23,4"]),
    ],
)
def test_numbers_are_known_with_points_and_commas(cell: str, number: float | None) -> None:
    assert as_number(cell) == number


def test_kinds_are_found_by_content_where_the_name_says_nothing(tmp_path: Path) -> None:
    for content, kind in [
        (made.pdf("x"), "pdf"),
        (made.docx(made.p("x")), "docx"),
        (b"<html>x", "html"),
        (b"x", "text"),
    ]:
        assert read(made.write_document(tmp_path, "upload", content), "", lambda *_: None)[0] == kind


@pytest.mark.parametrize("name", ["cut.pdf", "deep.pdf", "scanned.pdf", "cut.docx", "archive.docx", "entities.docx"])
def test_cheap_refusals_name_their_reason(tmp_path: Path, name: str) -> None:
    make, words = made.REFUSED[name]
    with pytest.raises(ValueError, match=words.replace("(", r"\(")):
        read(made.write_document(tmp_path, name, make()), name, lambda *_: None)


def test_a_table_of_word_without_equal_rows_gets_columns_for_all_cells() -> None:
    assert clean("a\u00adb") == "ab"
    table = DocumentTable(["a", ""])
    table.add(["1"])
    assert table.kept == [["1", ""]]
    assert table.columns[1].name == "column 2"


MARKS = [
    "<!--",
    "<![CDATA[",
    "<a ",
    "</",
    "<script>",
    "<script></script",
    "[",
    "![](x",
    "[a](",
    "*a ",
    "_a ",
    "`",
    "***a ",
    '[a](x "',
]


@pytest.mark.parametrize("name", ["a.html", "a.md"])
@pytest.mark.parametrize("mark", MARKS)
def test_marks_that_are_never_closed_take_time_by_the_length_of_the_text(tmp_path: Path, name: str, mark: str) -> None:
    """By its square, a text of this length would take minutes."""
    path = made.write_document(tmp_path, name, f"text {mark * (300_000 // len(mark))} end")

    texts: list[str] = []
    assert units(lambda: texts.append(str(read(path, name, lambda *_: None)[1].texts[0]))) < 200
    assert texts[0].startswith("text")


def test_what_nobody_sees_of_a_page_is_left_out_to_its_end(tmp_path: Path) -> None:
    script = "<script>if (a < b) '<!--'</script><style>p</style>"
    page = f"<!DOCTYPE html><?pi x?><p>One<!-- <p>no -->{script}two<p>3 < 4 <!-- no"
    assert blocks(tmp_path, "a.html", page) == [Paragraph("Onetwo"), Paragraph("3 < 4")]
    assert blocks(tmp_path, "a.html", "Bread &amp; honey") == [Paragraph("Bread & honey")]
