"""The charts of a classifier's version: its confusion matrix, and the ROC curve of two classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from app.schemas.tasks import Label
from app.serve.page.axis import Values
from app.serve.page.format import number
from app.serve.page.svg import Chart, Plot, draw
from app.storage.array_files import Arrays
from app.storage.manifest import Manifest

MAX_DRAWN = 12  # classes of a matrix
SHOWN_CHARACTERS = 12  # of a label in a chart
BINARY = 2
DOTS = 300  # of a curve
SIZE, LEFT, TOP = 300, 90, 26


class ClassScore(NamedTuple):
    """Precision and recall of one class in the fit; None if undefined."""

    label: str
    precision: float | None
    recall: float | None
    rows: float


def class_charts(manifest: Manifest, sample: Arrays) -> list[Chart]:
    """Return the charts of a version: none for many classes."""
    labels, found = list(map(label_text, manifest.classes or [])), list[Chart]()
    what = f"{manifest.model} version {manifest.version}"
    if "confusion" in sample and len(labels) <= MAX_DRAWN:
        found.append(
            Chart(
                "Confusion matrix: true labels down, predicted across",
                _matrix(labels, sample["confusion"], what),
                "",
                "",
            )
        )
    if "probabilities" in sample and len(labels) == BINARY and len(np.unique(sample["y"])) == BINARY:
        found.append(_roc(labels[1], sample["y"], sample["probabilities"][:, 1], what))
    return found


def class_scores(manifest: Manifest, sample: Arrays) -> list[ClassScore]:
    """Return precision and recall of each class on the data of the fit; nothing for many classes."""
    if "confusion" not in sample:
        return []
    confusion = sample["confusion"]
    right, true, predicted = np.diagonal(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    return [
        ClassScore(label_text(label), _share(right[i], predicted[i]), _share(right[i], true[i]), float(true[i]))
        for i, label in enumerate(manifest.classes or [])
    ]


def label_text(label: Label) -> str:
    """Return a label as JSON and CSV write it."""
    return str(label).lower() if isinstance(label, bool) else str(label)


def _share(part: float, whole: float) -> float | None:
    return float(part / whole) if whole else None


def _matrix(labels: Sequence[str], confusion: Values, what: str) -> Markup:
    """Return the matrix as an SVG element: a cell is as dark as its share of its true class."""
    cell = (SIZE - TOP) / len(labels)
    texts = ", ".join(
        f"{number(float(confusion[i, j]))} of {true} as {predicted}"
        for i, true in enumerate(labels)
        for j, predicted in enumerate(labels)
        if confusion[i, j]
    )
    inside = Markup("\n").join(_cells(labels, confusion, cell))
    return Markup(
        '<svg class="plot" role="img" viewBox="0 0 {} {}" aria-label="{}" xmlns="http://www.w3.org/2000/svg">{}</svg>'
    ).format(LEFT + SIZE, SIZE + 8, f"Confusion matrix of {what}: predicted {texts}.", inside)


def _cells(labels: Sequence[str], confusion: Values, cell: float) -> Iterator[Markup]:
    head = Markup('<text class="tick" x="{:.1f}" y="{:.1f}" text-anchor="middle">{}</text>')
    side = Markup('<text class="tick" x="{}" y="{:.1f}" dy="0.35em" text-anchor="end">{}</text>')
    box = Markup(
        '<rect class="cell" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill-opacity="{:.2f}"/>'
        '<text class="count" x="{:.1f}" y="{:.1f}" dy="0.35em" text-anchor="middle">{}</text>'
    )
    for i, label in enumerate(labels):
        middle = (i + 0.5) * cell
        yield head.format(LEFT + middle, TOP - 10, _short(label))
        yield side.format(LEFT - 8, TOP + middle, _short(label))
        whole = confusion[i].sum() or 1
        for j, count in enumerate(confusion[i]):
            x, y = LEFT + j * cell, TOP + i * cell
            shade = 0.06 + 0.6 * float(count / whole)
            yield box.format(x, y, cell - 2, cell - 2, shade, x + cell / 2, y + cell / 2, number(float(count)))


def _roc(positive: str, codes: Values, scores: Values, what: str) -> Chart:
    """Return the ROC curve of the second class: a point for each different probability (Fawcett, 2006)."""
    is_positive = codes == 1
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    hits, misses = np.cumsum(is_positive[order])[ends], np.cumsum(~is_positive[order])[ends]
    rate, false_rate = np.append(0.0, hits / hits[-1]), np.append(0.0, misses / misses[-1])
    text = f"ROC curve of {what}: rows of {positive} that are found, against others that are taken for it."
    x, y = _dotted(false_rate, rate)
    plot = Plot(x, y, "others taken for it", f"found of {_short(positive)}", text, diagonal=True)
    return Chart("ROC curve", draw(plot), f"{_short(positive)} by its probability", "by chance")


def _dotted(x: Values, y: Values) -> tuple[Values, Values]:
    """Return many points on the lines between some, at equal distances."""
    length = np.append(0.0, np.cumsum(np.hypot(np.diff(x), np.diff(y))))
    at = np.linspace(0.0, length[-1], DOTS)
    return np.interp(at, length, x), np.interp(at, length, y)


def _short(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 1]}…"
