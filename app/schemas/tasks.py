"""What kinds of work models do, what a classifier's labels may be, and how versions are stored."""

from __future__ import annotations

from typing import Literal, TypeAlias

Task: TypeAlias = Literal["regression", "classification", "image", "document"]
"""What a model predicts from rows, or which kind of files it takes."""
FILE_TASKS = frozenset[Task]({"image", "document"})
Label: TypeAlias = bool | int | str
"""A y of a classifier, as it came: whole numbers are int, however they were written."""
LabelKind: TypeAlias = Literal["any", "text", "integer", "boolean"]
"""What labels may be: at a fit anything that all of them are, later what those of the fit were."""
Format: TypeAlias = Literal["arrays", "skops", "onnx", "xgboost", "lightgbm"]
"""How what was learned is stored: "arrays" for one's own classes, or the format of the library."""
Stacks: TypeAlias = Literal["exact", "close", "no"]
"""Whether rows may be predicted together with others: to the last bit as alone, nearly so, or not at all."""

Better: TypeAlias = Literal["higher", "lower"]
"""Which values of a metric are the better ones."""

MAX_LABEL_CHARACTERS = 1000


def label_fault(label: str) -> str:
    """Say why a text is no label, '' where it is one: whatever holds labels later must give back the same text."""
    if label.endswith("\0"):
        return "ends in the character NUL, which arrays of text leave out"
    if len(label) > MAX_LABEL_CHARACTERS:
        return f"has {len(label)} characters, of which a label may have {MAX_LABEL_CHARACTERS}"
    try:
        label.encode()
    except UnicodeEncodeError:
        return "has half of a surrogate pair, which is no Unicode text"
    return ""
