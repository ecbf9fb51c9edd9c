"""The labels of classifiers from files: one rule for labels in a file and labels in a request."""

from __future__ import annotations

from collections.abc import Sequence

from app.errors import Invalid
from app.schemas.tasks import Label, label_fault

CLASSES = "/classes"
MAX_CLASSES = 1000
BEYOND = 2**53  # from here on many readers of JSON round whole numbers
SHOWN_CHARACTERS = 300


def check_labels(labels: Sequence[Label], pointer: str) -> None:
    """Raise Invalid for labels that are not all different, or that JSON would not preserve."""
    if not 0 < len(labels) <= MAX_CLASSES:
        raise Invalid.at(pointer, f"there are {len(labels)} classes; there may be 1 to {MAX_CLASSES}")
    if len({*map(type, labels)}) > 1:
        raise Invalid.at(pointer, "labels are all texts, all whole numbers, or all true and false")
    if len(set(labels)) < len(labels):
        raise Invalid.at(pointer, "a class is named twice")
    for label in labels:
        if fault := _fault(label):
            raise Invalid.at(pointer, fault)


def resolve(own: Sequence[Label], asked: Sequence[Label] | None) -> list[Label]:
    """Return the labels of a file with the labels `own`; a request may name labels for numbers that count from 0.

    Raise Invalid at /classes if the request's labels contradict those of the file.
    """
    if asked is None:
        return list(own)
    check_labels(asked, CLASSES)
    if len(asked) != len(own):
        raise Invalid.at(CLASSES, f"{len(asked)} classes are named, the file has {len(own)}: {_shown(own)}")
    if all(_agree(one, other) for one, other in zip(own, asked, strict=True)):
        return list(own)
    if not counts_from_0(own):
        raise Invalid.at(CLASSES, f"the file knows its classes: {_shown(own)}; {_shown(asked)} are named")
    return list(asked)


def counts_from_0(labels: Sequence[Label]) -> bool:
    """Whether labels are numbers that mean positions of other labels."""
    return list(labels) == list(range(len(labels))) and not any(isinstance(label, bool) for label in labels)


def _agree(own: Label, asked: Label) -> bool:
    """Whether a label from a query, where all are texts, equals a label of a file of any type."""
    if isinstance(own, str) and isinstance(asked, bool):
        return own.lower() == str(asked).lower()
    return own == asked if type(own) is type(asked) else isinstance(own, str) and own == str(asked)


def _fault(label: Label) -> str:
    if isinstance(label, bool):
        return ""
    if isinstance(label, int):
        return "a number is too large for a label" if abs(label) >= BEYOND else ""
    if not label.strip():
        return "a label is empty"
    if "\0" in label:
        return "a label holds the character NUL"
    return f"a label {fault}" if (fault := label_fault(label)) else ""


def _shown(labels: Sequence[Label]) -> str:
    return ", ".join(repr(label) if isinstance(label, str) else str(label) for label in labels[:20])[:SHOWN_CHARACTERS]
