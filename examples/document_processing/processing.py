"""What runs in a process of its own for each document or corpus, under limits of memory and time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from app.errors import Invalid
from app.model.progress import report
from examples.document_processing.content import Content
from examples.document_processing.language import language_of
from examples.document_processing.readers import SUFFIXES, read
from examples.document_processing.terms import Corpus, count_documents, count_terms, key_terms, share_found, words
from examples.document_processing.writers import WRITERS

KNOWN_TERMS = "keyterms.json"


def process(
    path: str, name: str, output: str, form: str, key_term_count: int, corpus: Mapping[str, Any]
) -> dict[str, Any]:
    """Read a document, write the processed one to `output`, and return what is known of it."""
    try:
        kind, content = read(Path(path), name, _report_reading)
        report(0.7, "counting words")
        about = _about(name, kind, content, key_term_count, Corpus(**corpus))
        WRITERS[form](Path(output), about, content, report)
    except ValueError as error:
        raise Invalid.at("/file", f"the document {error}") from error
    return about


def count_corpus(folder: str) -> dict[str, Any]:
    """Return in how many documents of a folder each term stands."""
    counts = [count_terms(content.texts, language_of(content.texts)) for _, content in _documents(Path(folder))]
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
    for path, content in _documents(Path(folder)):
        if terms := known.get(path.name):
            counts = count_terms(content.texts, language_of(content.texts))
            found = key_terms(counts, Corpus(**corpus), key_term_count)
            shares.append(share_found(terms, [term for term, _ in found]))
    if not shares:
        raise Invalid.at("/file", f"{KNOWN_TERMS} names none of the documents")
    return {"key_terms_found": sum(shares) / len(shares), "documents": len(shares)}


def _about(name: str, kind: str, content: Content, number: int, corpus: Corpus) -> dict[str, Any]:
    texts = content.texts
    language = language_of(texts)
    return {
        "name": name or "document",
        "kind": kind,
        "language": language,
        "words": sum(1 for _ in words(texts)),
        "characters": content.characters,
        "pages": content.pages,
        "key_terms": [
            {"term": term, "score": score} for term, score in key_terms(count_terms(texts, language), corpus, number)
        ],
        "tables": [table.summary() for table in content.tables],
    }


def _documents(folder: Path) -> Iterator[tuple[Path, Content]]:
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower().lstrip(".") in SUFFIXES)
    if not paths:
        raise Invalid.at("/file", f"there are no documents; they end in {', '.join(SUFFIXES)}")
    for number, path in enumerate(paths, 1):
        report((number - 1) / len(paths), f"document {number} of {len(paths)}")
        try:
            yield path, read(path, path.name, lambda *_: None)[1]
        except ValueError as error:
            raise Invalid.at("/file", f"{path.name} {error}") from error


def _report_reading(fraction: float, step: str) -> None:
    report(0.7 * fraction, step)
