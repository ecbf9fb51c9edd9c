"""Labels that are easily changed on their way, by what makes them odd."""

from typing import Any

KEPT: dict[str, list[Any]] = {
    "NUL within": ["a\0b", "a"],
    "blank": [" ", "  "],
    "empty": ["", "b"],
    "long": ["x" * 1000, "x" * 999 + "y"],
    "alike": ["\u0430", "a"],
    "composed": ["\u00e9", "e\u0301"],
    "beyond the first plane": ["\U0001f600", "\U0001f601"],
    "words": ["nan", "null"],
    "digits": ["1", "01"],
    "great": [2**53 - 1, -(2**53) + 1],
    "truth": [True, False],
}
"""They come back as they came."""
READ_OTHERWISE = {"NUL within", "blank", "empty", "words", "digits", "truth", "great"}
"""What CSV takes for something else, by its own rules."""
TEXTS: list[str] = [label for labels in KEPT.values() for label in labels if isinstance(label, str)]
"""All texts among them, each of which a model may tell from all others."""
CSV_TEXTS: list[str] = [label for case, labels in KEPT.items() if case not in READ_OTHERWISE for label in labels]


def rows_of(labels: list[str]) -> dict[str, Any]:
    """Rows to fit: each label has a value of x of its own, its position."""
    return {"X": [[float(i)] for i in range(len(labels))] * 2, "y": labels * 2}
