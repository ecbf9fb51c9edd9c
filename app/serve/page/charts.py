"""What is drawn of a version: its data and its fit, and what is left of the data when the fit is taken away."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from app.serve.page.axis import Values
from app.serve.page.format import number
from app.serve.page.svg import Plot, draw
from app.storage.model_store import Arrays, Manifest


class Chart(NamedTuple):
    """A plot with its title, and the words for its points and for its line."""

    title: str
    svg: Markup
    points: str
    line: str


def charts(manifest: Manifest, sample: Arrays, output: int) -> list[Chart]:
    """Return the pictures of one output of a version, from what was kept of its data."""
    name = manifest.schema.outputs[output]
    y, predicted = _column(sample["y"], output), _column(sample["predicted"], output)
    what = f"{manifest.model} version {manifest.version}, {len(y)} rows"
    first = _curve(manifest, sample, output, what) if "curve_y" in sample else _against(name, y, predicted, what)
    return [first, _residuals(name, y, predicted, what)]


def _curve(manifest: Manifest, sample: Arrays, output: int, what: str) -> Chart:
    x, y = sample["X"][:, 0], _column(sample["y"], output)
    x_name, y_name = manifest.schema.inputs[0], manifest.schema.outputs[output]
    line = sample["curve_X"][:, 0], _column(sample["curve_y"], output)
    ends = ", ".join(f"{number(float(at))} at {number(float(where))}" for where, at in _ends(*line))
    words = f"Data and fit of {what}: {y_name} against {x_name}, {_range(x)}. The fit goes through {ends}."
    return Chart("Data and fit", draw(Plot(x, y, x_name, y_name, words, line=line)), "data", "fit")


def _against(name: str, y: Values, predicted: Values, what: str) -> Chart:
    words = f"Predicted against actual {name} of {what}, {_range(y)}. On the line both are the same."
    svg = draw(Plot(y, predicted, f"actual {name}", f"predicted {name}", words, diagonal=True))
    return Chart("Predicted against actual", svg, "rows", "predicted = actual")


def _residuals(name: str, y: Values, predicted: Values, what: str) -> Chart:
    with np.errstate(over="ignore"):
        rest = y - predicted
    # differences of the largest numbers are none
    rest = np.clip(rest, np.finfo(np.float64).min / 4, np.finfo(np.float64).max / 4)
    words = f"Residuals of {what}: actual less predicted {name}, {_range(rest)}, against the prediction."
    svg = draw(Plot(predicted, rest, f"predicted {name}", "residual", words, level=0.0))
    return Chart("Residuals", svg, "actual − predicted", "zero")


def _column(values: Values, output: int) -> Values:
    return values if values.ndim == 1 else values[:, output]


def _ends(x: Values, y: Values) -> list[tuple[float, float]]:
    return [(x[place], y[place]) for place in (0, len(x) // 2, -1)]


def _range(values: Values) -> str:
    return f"from {number(float(values.min()))} to {number(float(values.max()))}"
