"""Read a document of any format, or all those of a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from app.data.documents.document import Document
from app.data.documents.document_kinds import SUFFIXES, kind_of
from app.data.documents.html_reader import read_html
from app.data.documents.text_readers import read_csv, read_markdown, read_text
from app.model.files import InputFile
from app.model.progress import ignore, report, reporting

_READERS: Mapping[str, Callable[[Iterator[str], Document], None]] = {
    "text": read_text,
    "markdown": read_markdown,
    "html": read_html,
    "csv": read_csv,
}


def read_document(file: InputFile, called: str = "the document") -> Document:
    """Read a document, and report the progress; needs the extra `documents` for PDF and Word.

    Raises ValueError, with its name `called` and the reason, if it is encrypted, scanned, truncated, malformed,
    nested too deeply, far larger when unpacked, or of another kind than its name.
    """
    try:
        return _read(file.path, file.name)
    except ValueError as error:
        raise ValueError(f"{called} {error}") from error


def read_documents(folder: Path) -> Iterator[tuple[str, Document]]:
    """Yield the name and the content of each document of a folder, in order, and report the progress.

    Files without a suffix of documents are skipped. Raises ValueError if there are no documents, or for the first one
    that cannot be read, with its name.
    """
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower().lstrip(".") in SUFFIXES)
    if not paths:
        raise ValueError(f"there are no documents; they end in {', '.join(SUFFIXES)}")
    for number, path in enumerate(paths, 1):
        report((number - 1) / len(paths), f"document {number} of {len(paths)}")
        with reporting(ignore):
            document = read_document(InputFile(path, path.name, ""), path.name)
        yield path.name, document


def _read(path: Path, name: str) -> Document:
    kind, encoding = kind_of(path, name)
    document = Document(kind)
    if kind == "pdf":
        from app.data.documents.pdf_reader import read_pdf  # noqa: PLC0415  needs an extra

        read_pdf(path, document)
    elif kind == "docx":
        from app.data.documents.docx_reader import read_docx  # noqa: PLC0415  needs an extra

        read_docx(path, document)
    else:
        report(0.0, "reading")
        _READERS[kind](_lines(path, encoding), document)
    if not any(document.texts) and not document.tables:
        raise ValueError("has no text")
    return document


def _lines(path: Path, encoding: str) -> Iterator[str]:
    try:
        with path.open(encoding=encoding, newline=None) as file:
            yield from file
    except (UnicodeError, LookupError) as error:
        raise ValueError(f"is no text in {encoding}: {error}") from error
