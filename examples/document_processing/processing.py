"""What runs in a process of its own for each document or corpus, under limits of memory and time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from app.data.documents.document import Document
from app.data.documents.language import language_of
from app.data.documents.reading import read_document, read_documents
from app.errors import Invalid
from app.model.files import InputFile
from app.model.progress import part_of_progress, report
from examples.document_processing.terms import Corpus, count_documents, count_terms, key_terms, share_found, words
from examples.document_processing.writers import WRITERS

KNOWN_TERMS = "keyterms.json"


def process(
    path: str, name: str, output: str, form: str, key_term_count: int, corpus: Mapping[str, Any]
) -> dict[str, Any]:
    """Read a document, write the processed one to `output`, and return what is known of it."""
    try:
        with part_of_progress(0.0, 0.7):
            document = read_document(InputFile(Path(path), name, ""))
        report(0.7, "counting words")
        about = _about(name, document, key_term_count, Corpus(**corpus))
        WRITERS[form](Path(output), about, document, report)
    except ValueError as error:
        raise Invalid.at("/file", str(error)) from error
    return about


def count_corpus(folder: str) -> dict[str, Any]:
    """Return in how many documents of a folder each term stands."""
    try:
        counts = [count_terms(each.texts, language_of(each.texts)) for _, each in read_documents(Path(folder))]
    except ValueError as error:
        raise Invalid.at("/file", str(error)) from error
    return count_documents(counts)._asdict()


def find_known_terms(folder: str, key_term_count: int, corpus: Mapping[str, Any]) -> dict[str, float]:
    """Return the mean share of the known key terms that are found in the documents of a folder."""
    known_file = next(Path(folder).rglob(KNOWN_TERMS), None)
    if known_file is None:
        raise Invalid.at("/file", f"there is no {KNOWN_TERMS} beside the documents")
    try:
        known = msgspec.json.decode(known_file.read_bytes(), type=dict[str, list[str]])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid.at("/file", f"{KNOWN_TERMS} must have a list of terms for each file: {error}") from error
    shares: list[float] = []
    try:
        for name, document in read_documents(Path(folder)):
            if terms := known.get(name):
                counts = count_terms(document.texts, language_of(document.texts))
                found = key_terms(counts, Corpus(**corpus), key_term_count)
                shares.append(share_found(terms, [term for term, _ in found]))
    except ValueError as error:
        raise Invalid.at("/file", str(error)) from error
    if not shares:
        raise Invalid.at("/file", f"{KNOWN_TERMS} names none of the documents")
    return {"key_terms_found": sum(shares) / len(shares), "documents": len(shares)}


def _about(name: str, document: Document, number: int, corpus: Corpus) -> dict[str, Any]:
    texts = document.texts
    language = language_of(texts)
    return {
        "name": name or "document",
        "kind": document.kind,
        "language": language,
        "words": sum(1 for _ in words(texts)),
        "characters": document.characters,
        "pages": document.pages,
        "key_terms": [
            {"term": term, "score": score} for term, score in key_terms(count_terms(texts, language), corpus, number)
        ],
        "tables": [table.summary() for table in document.tables],
    }
