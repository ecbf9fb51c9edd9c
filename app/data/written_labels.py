"""Reads labels from texts: in a query, on the command line and in a field of a form."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from app.errors import Invalid
from app.schemas.decoding import decode_json
from app.schemas.tasks import Label

POINTER = "/classes"
_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_TRUTH = {"true": True, "True": True, "false": False, "False": False}


def as_labels(texts: Sequence[str]) -> list[Label]:
    """Return labels from texts, as in CSV: as whole numbers, or truth values, if all of them are."""
    labels: list[Label] = list(texts)
    if texts and all(map(_WHOLE.fullmatch, texts)) and "-0" not in texts:
        labels = [int(text) for text in texts]
    elif texts and set(texts) <= set(_TRUTH):
        labels = [_TRUTH[text] for text in texts]
    if len(set(labels)) < len(labels):
        raise Invalid.at(POINTER, "a class is named twice")
    return labels


def labels_in_json(text: str) -> list[Label]:
    """Return the labels of a list in JSON, which distinguishes texts and numbers; raise Invalid."""
    try:
        return decode_json(text, list[bool | int | str])
    except (msgspec.DecodeError, UnicodeError):
        raise Invalid.at(POINTER, "a list of labels in JSON holds texts, whole numbers, or true and false") from None
