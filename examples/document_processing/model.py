"""The model `documents`: processed documents, and key terms against a corpus that it was fitted to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import msgspec
import numpy as np
from msgspec import Meta

from app.data.documents.document import Document
from app.data.documents.document_kinds import MEDIA_TYPES
from app.data.documents.language import language_of
from app.data.documents.reading import read_document, read_documents
from app.model.files import FileModel, InputFile, OutputFile
from app.model.isolation.isolated_calls import CallLimits
from app.model.progress import part_of_progress, report
from app.schemas.tasks import Better
from examples.document_processing.terms import Corpus, count_documents, count_terms, key_terms, share_found, words
from examples.document_processing.writers import WRITERS

KNOWN_TERMS = "keyterms.json"
Format = Literal["markdown", "json", "pdf"]
FORMATS = {"markdown": ("md", "text/markdown"), "json": ("json", "application/json"), "pdf": ("pdf", "application/pdf")}


class Documents(FileModel):
    """Cleans a document, finds its key terms, its language and what its tables hold, and writes a new one."""

    name = "documents"
    takes = "document"
    media_types = MEDIA_TYPES
    isolated = CallLimits(memory_bytes=1024**3, time_s=240, file_bytes=512 * 1024**2)
    preload = (
        "app.data.documents.pdf_reader",
        "app.data.documents.docx_reader",
        "app.data.documents.language:identifier",
        "fpdf",
        "uharfbuzz",
    )

    metrics: ClassVar[Mapping[str, Better]] = {"key_terms_found": "higher"}

    def __init__(self, key_terms: Annotated[int, Meta(ge=1, le=100)] = 10) -> None:
        self.key_terms = key_terms

    def fit(self, folder: Path | None) -> Self:
        """Count in how many documents of the corpus each term stands."""
        if folder is None:
            raise ValueError("a fit needs a zip file of documents")
        corpus = count_documents(_counts(document) for _, document in read_documents(folder))
        self.documents_ = corpus.documents
        self.terms_ = np.array(list(corpus.frequencies))
        self.frequencies_ = np.array(list(corpus.frequencies.values()))
        return self

    def predict(
        self,
        files: Sequence[InputFile],
        *,
        format: Format = "markdown",  # noqa: A002  what its users call it
    ) -> list[dict[str, Any]]:
        """Return the facts of each document, and the new one."""
        return [self._processed(file, format) for file in files]

    def score(self, folder: Path) -> dict[str, float | None]:
        """Return the mean share of the key terms named by keyterms.json that are found."""
        known, corpus = _known_terms(folder), self._corpus()
        shares = [
            share_found(known[name], [term for term, _ in key_terms(_counts(document), corpus, self.key_terms)])
            for name, document in read_documents(folder)
            if known.get(name)
        ]
        if not shares:
            raise ValueError(f"{KNOWN_TERMS} names none of the documents")
        return {"key_terms_found": sum(shares) / len(shares), "documents": len(shares)}

    def fit_metrics(self) -> dict[str, float | None]:
        """Return the size of the corpus."""
        return {"documents": self.documents_, "terms": len(self.terms_)}

    def _processed(self, file: InputFile, form: str) -> dict[str, Any]:
        with part_of_progress(0.0, 0.7):
            document = read_document(file)
        report(0.7, "counting words")
        about = self._about(file.name, document)
        suffix, media_type = FORMATS[form]
        name = f"{file.name.rpartition('.')[0] or file.name or 'document'}-processed.{suffix}"
        return {**about, "file": OutputFile(name, media_type, WRITERS[form](about, document))}

    def _about(self, name: str, document: Document) -> dict[str, Any]:
        found = key_terms(_counts(document), self._corpus(), self.key_terms)
        return {
            "name": name or "document",
            "kind": document.kind,
            "language": language_of(document.texts),
            "words": sum(1 for _ in words(document.texts)),
            "characters": document.characters,
            "pages": document.pages,
            "key_terms": [{"term": term, "score": score} for term, score in found],
            "tables": [table.summary() for table in document.tables],
        }

    def _corpus(self) -> Corpus:
        frequencies = zip(self.terms_.tolist(), self.frequencies_.tolist(), strict=True)
        return Corpus(self.documents_, dict(frequencies))


def _counts(document: Document) -> dict[str, int]:
    texts = document.texts
    return count_terms(texts, language_of(texts))


def _known_terms(folder: Path) -> dict[str, list[str]]:
    file = next(folder.rglob(KNOWN_TERMS), None)
    if file is None:
        raise ValueError(f"there is no {KNOWN_TERMS} beside the documents")
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, list[str]])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{KNOWN_TERMS} must have a list of terms for each file: {error}") from error
