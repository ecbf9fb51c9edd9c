"""Read the text of a PDF, page by page."""

from __future__ import annotations

from pathlib import Path

from pypdf import PdfReader
from pypdf.errors import LimitReachedError, PyPdfError

from app.data.documents.document import Document
from app.model.progress import report

MAX_PAGES = 20_000
_MALFORMED = (PyPdfError, LookupError, TypeError, AttributeError, AssertionError, OSError, NotImplementedError)


def read_pdf(path: Path, document: Document) -> None:
    """Add the paragraphs of a PDF; raise ValueError if it is encrypted, malformed, too long or without text."""
    try:
        reader = PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(""):
            raise ValueError("is encrypted: send it without its password")
        document.pages = len(reader.pages)
        if document.pages > MAX_PAGES:
            raise ValueError(f"has {document.pages} pages; {MAX_PAGES} are allowed")
        for number, page in enumerate(reader.pages, 1):
            report((number - 1) / document.pages, f"page {number} of {document.pages}")
            for paragraph in page.extract_text().split("\n\n"):
                document.add(paragraph)
    except LimitReachedError as error:
        raise ValueError(f"unpacks to more than is allowed: {error}") from error
    except RecursionError as error:
        raise ValueError("is nested too deeply") from error
    except _MALFORMED as error:
        # pypdf raises any of these for objects of wrong types
        is_deep = isinstance(error.__context__, RecursionError)
        raise ValueError("is nested too deeply" if is_deep else f"is no PDF that can be read: {error}") from error
    if not document.blocks:
        raise ValueError("has no text: it seems to be scanned, so run text recognition on it first")
