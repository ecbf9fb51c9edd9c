"""Read the text of a PDF, page by page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pypdf import PdfReader
from pypdf.errors import LimitReachedError, PyPdfError

from examples.document_processing.content import Content

MAX_PAGES = 20_000
_MALFORMED = (PyPdfError, LookupError, TypeError, AttributeError, AssertionError, OSError, NotImplementedError)


def read_pdf(path: Path, content: Content, report: Callable[[float, str], None]) -> None:
    """Add the paragraphs of a PDF; raise ValueError for one that is encrypted, malformed, too long or without text."""
    try:
        reader = PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(""):
            raise ValueError("is encrypted: send it without its password")
        content.pages = len(reader.pages)
        if content.pages > MAX_PAGES:
            raise ValueError(f"has {content.pages} pages; {MAX_PAGES} are allowed")
        for number, page in enumerate(reader.pages, 1):
            report((number - 1) / content.pages, f"page {number} of {content.pages}")
            for paragraph in page.extract_text().split("\n\n"):
                content.add(paragraph)
    except LimitReachedError as error:
        raise ValueError(f"unpacks to more than is allowed: {error}") from error
    except RecursionError as error:
        raise ValueError("is nested too deeply") from error
    except _MALFORMED as error:
        # pypdf raises any of these where objects are not what they should be
        is_deep = isinstance(error.__context__, RecursionError)
        raise ValueError("is nested too deeply" if is_deep else f"is no PDF that can be read: {error}") from error
    if not content.blocks:
        raise ValueError("has no text: it seems to be scanned, so run text recognition on it first")
