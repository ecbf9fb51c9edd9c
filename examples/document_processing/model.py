"""The model `documents`: processed documents, and key terms against a corpus that it was fitted to."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, Self

import numpy as np
from msgspec import Meta

from app.model.files import FileModel, InputFile, OutputFile
from app.model.isolation.isolated_calls import CallFailed, CallLimits, IsolatedCalls

LIMITS = CallLimits(memory_bytes=1024**3, time_s=240, file_bytes=512 * 1024**2)
FORMATS = {"markdown": ("md", "text/markdown"), "json": ("json", "application/json"), "pdf": ("pdf", "application/pdf")}
PROCESSING = "examples.document_processing.processing"
LIBRARIES = (PROCESSING, "app.data.documents.pdf_reader", "app.data.documents.docx_reader", "fpdf", "uharfbuzz")


class Documents(FileModel):
    """Cleans a document, finds its key terms, its language and what its tables hold, and writes a new one."""

    name = "documents"
    takes = "document"
    media_types = (
        "application/pdf",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "text/plain",
        "text/markdown",
        "text/html",
        "text/csv",
        # texts in other encodings than UTF-8, and what a task is to say the reason for: a 415 could not
        "application/octet-stream",
        "application/zip",
        "application/x-ole-storage",
        "application/rtf",
        "application/gzip",
        "image/png",
        "image/jpeg",
        "image/gif",
        "image/tiff",
        "image/bmp",
        "image/webp",
    )

    def __init__(self, key_terms: Annotated[int, Meta(ge=1, le=100)] = 10) -> None:
        self.key_terms = key_terms

    def fit(self, folder: Path | None) -> Self:
        """Count in how many documents of the corpus each term stands."""
        if folder is None:
            raise ValueError("a fit needs a zip file of documents")
        corpus = _call("count_corpus", folder=str(folder))
        self.documents_ = corpus["documents"]
        self.terms_ = np.array(list(corpus["frequencies"]))
        self.frequencies_ = np.array(list(corpus["frequencies"].values()))
        return self

    def predict(
        self,
        files: Sequence[InputFile],
        *,
        format: Literal["markdown", "json", "pdf"] = "markdown",  # noqa: A002  what its users call it
    ) -> list[dict[str, Any]]:
        """Return the facts of each document and the new one. Each is read by a process of its own, under limits."""
        return [self._processed(file, format) for file in files]

    def score(self, folder: Path) -> dict[str, float | None]:
        """Return the mean share of the key terms named by keyterms.json that are found."""
        found: dict[str, float | None] = _call(
            "find_known_terms", folder=str(folder), key_term_count=self.key_terms, corpus=self._corpus()
        )
        return found

    def fit_metrics(self) -> dict[str, float | None]:
        """Return the size of the corpus."""
        return {"documents": self.documents_, "terms": len(self.terms_)}

    def _processed(self, file: InputFile, form: str) -> dict[str, Any]:
        suffix, media_type = FORMATS[form]
        name = f"{file.name.rpartition('.')[0] or file.name or 'document'}-processed.{suffix}"
        with tempfile.TemporaryDirectory(prefix="document-") as folder:
            output = Path(folder, "output")
            about = _call(
                "process",
                path=str(file.path.resolve()),
                name=file.name,
                output=str(output),
                form=form,
                key_term_count=self.key_terms,
                corpus=self._corpus(),
            )
            return {**about, "file": OutputFile(name, media_type, output.read_bytes())}

    def _corpus(self) -> dict[str, Any]:
        frequencies = zip(self.terms_.tolist(), self.frequencies_.tolist(), strict=True)
        return {"documents": self.documents_, "frequencies": dict(frequencies)}


@cache
def _calls() -> IsolatedCalls:
    return IsolatedCalls(LIMITS, LIBRARIES)


def _call(function: str, **arguments: Any) -> Any:
    """Return what a function of processing.py returned in a process of its own; what a document did is a ValueError."""
    try:
        return _calls().call(f"{PROCESSING}:{function}", **arguments)
    except CallFailed as error:
        _refuse(error)


def _refuse(error: CallFailed) -> NoReturn:
    if error.failure is None:
        raise ValueError(f"the document cannot be processed: reading it {error}") from error
    reasons = [each.detail for each in error.failure.errors] or [error.failure.detail]
    raise ValueError("; ".join(reasons)) from error
