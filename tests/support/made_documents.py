"""Documents that tests make: good ones in each format, and such as should be refused."""

import io
import zipfile
import zlib
from pathlib import Path
from xml.sax.saxutils import escape

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def pdf(*pages: str) -> bytes:
    """A PDF with a page for each text; ASCII only."""
    contents = []
    for page in pages:
        lines = "".join(f"({line}) Tj T* " for line in page.split("\n"))
        contents.append(f"BT /F1 12 Tf 14 TL 50 700 Td {lines}ET".encode() if page else b"0 0 m 10 10 l S")
    return pdf_of_streams(*(zlib.compress(content) for content in contents))


def pdf_of_streams(*streams: bytes) -> bytes:
    """A PDF with a page for each compressed stream."""
    kids = " ".join(f"{4 + 2 * i} 0 R" for i in range(len(streams)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(streams)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for i, stream in enumerate(streams):
        page = f"/Resources << /Font << /F1 3 0 R >> >> /Contents {5 + 2 * i} 0 R"
        objects.append(f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] {page} >>".encode())
        head = f"<< /Length {len(stream)} /Filter /FlateDecode >>\nstream\n".encode()
        objects.append(head + stream + b"\nendstream")
    return pdf_of_objects(*objects)


def pdf_of_objects(*objects: bytes) -> bytes:
    """A PDF with these objects; the first is its catalog."""
    file, places = bytearray(b"%PDF-1.7\n"), []
    for number, content in enumerate(objects, 1):
        places.append(len(file))
        file += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    start = len(file)
    file += b"xref\n0 %d\n0000000000 65535 f \n" % (len(places) + 1)
    file += b"".join(b"%010d 00000 n \n" % place for place in places)
    file += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(places) + 1, start)
    return bytes(file)


def encrypted_pdf(password: str) -> bytes:
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(PdfReader(io.BytesIO(pdf("Only for those who know."))))
    writer.encrypt(password, "owner", algorithm="AES-256")
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def deep_pdf() -> bytes:
    """A PDF whose tree of pages is an array in arrays, 100,000 deep."""
    deep = b"[" * 100_000 + b"]" * 100_000
    return pdf_of_objects(b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Count 1 /Kids %b >>" % deep)


def docx(body: str) -> bytes:
    """A DOCX whose body is this XML."""
    return zipped("word/document.xml", f'<w:document xmlns:w="{W}"><w:body>{body}</w:body></w:document>'.encode())


def zipped(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return file.getvalue()


def p(text: str, style: str = "") -> str:
    """A paragraph of a DOCX."""
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{properties}<w:r><w:t>{escape(text)}</w:t></w:r></w:p>"


def tbl(*rows: tuple[str, ...]) -> str:
    """A table of a DOCX."""
    return (
        f"<w:tbl>{''.join('<w:tr>' + ''.join(f'<w:tc>{p(c)}</w:tc>' for c in row) + '</w:tr>' for row in rows)}</w:tbl>"
    )


def png() -> bytes:
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(30)


ENTITIES = b"""<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><d>&b;</d>"""

REFUSED = {
    "encrypted.pdf": (lambda: encrypted_pdf("secret"), "is encrypted"),
    "scanned.pdf": (lambda: pdf("", ""), "it seems to be scanned"),
    "cut.pdf": (lambda: pdf("A page.")[:60], "is no PDF that can be read"),
    "filter.pdf": (lambda: pdf("A page.").replace(b"/FlateDecode", b"/GlateDecode"), "is no PDF that can be read"),
    "deep.pdf": (deep_pdf, "is nested too deeply"),
    "bomb.pdf": (lambda: pdf_of_streams(zlib.compress(b"(a) Tj " * 20_000_000, 9)), "unpacks to more than is allowed"),
    "bomb.docx": (lambda: zipped("word/document.xml", b"<a>" + bytes(150_000_000)), "bytes of XML from"),
    "entities.docx": (lambda: zipped("word/document.xml", ENTITIES), "declares entities"),
    "cut.docx": (lambda: docx(p("A text."))[:-30], "is no Word document that can be read"),
    "archive.docx": (lambda: zipped("notes.txt", b"text"), "no Word document"),
    "old.doc": (lambda: b"\xd0\xcf\x11\xe0" + bytes(600), "old or encrypted"),
    "picture.pdf": (png, "is a picture (PNG), though its name says pdf"),
    "text.pdf": (lambda: b"I am a text.", "holds text, though its name says pdf"),
    "really.txt": (lambda: pdf("A page."), "holds pdf, though its name says text"),
    "page.csv": (lambda: b"<!doctype html><p>a,b", "holds html, though its name says csv"),
    "binary.txt": (lambda: b"ab\0\1\2cd", "bytes that no text has"),
    "empty.txt": (lambda: b"", "is empty"),
    "blank.md": (lambda: b" \n\n", "has no text"),
    "ragged.csv": (lambda: b"a,b\n1,2\n1,2,3\n", "row 2 of a table has 3 cells"),
}


def write_document(folder: Path, name: str, content: bytes | str) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
