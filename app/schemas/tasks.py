"""The tasks of models, the kinds of a classifier's labels, and the formats of stored versions."""

from __future__ import annotations

from typing import Literal, TypeAlias

Task: TypeAlias = Literal["regression", "classification", "image", "document"]
"""The kind of a model's predictions from rows, or the kind of its files."""
FILE_TASKS = frozenset[Task]({"image", "document"})
Label: TypeAlias = bool | int | str
"""A label of a classifier: whole numbers are int, in any notation."""
LabelKind: TypeAlias = Literal["any", "text", "integer", "boolean"]
"""The type of labels: at a fit any type that all of them have, later the type of the fit's labels."""
Format: TypeAlias = Literal["arrays", "skops", "onnx", "xgboost", "lightgbm"]
"""The format of the stored state: "arrays" for users' own classes, or the format of the library."""
Stacks: TypeAlias = Literal["exact", "close", "no"]
"""Whether rows may be predicted together with others: identical to the last bit, equal within rounding, or not."""

Better: TypeAlias = Literal["higher", "lower"]
"""Which values of a metric are better."""

MAX_LABEL_CHARACTERS = 1000


def label_fault(label: str) -> str:
    """Return why a text cannot be a label, '' if it can: every later form of labels must preserve the text."""
    if label.endswith("\0"):
        return "ends in the character NUL, which arrays of text leave out"
    if len(label) > MAX_LABEL_CHARACTERS:
        return f"has {len(label)} characters, of which a label may have {MAX_LABEL_CHARACTERS}"
    try:
        label.encode()
    except UnicodeEncodeError:
        return "has half of a surrogate pair, which is no Unicode text"
    return ""
