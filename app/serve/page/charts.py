"""The charts of a version: its data with the fit, and the residuals."""

from __future__ import annotations

import numpy as np

from app.serve.page.axis import Values
from app.serve.page.class_charts import class_charts
from app.serve.page.format import number
from app.serve.page.svg import Chart, Plot, draw
from app.storage.array_files import Arrays
from app.storage.manifest import Manifest


def charts(manifest: Manifest, sample: Arrays, output: int) -> list[Chart]:
    """Return the charts of one output of a version, from the sample of its data."""
    if manifest.classes is not None:
        return class_charts(manifest, sample)
    name = manifest.schema.outputs[output]
    y, predicted = _column(sample["y"], output), _column(sample["predicted"], output)
    what = f"{manifest.model} version {manifest.version}, {len(y)} rows"
    first = _curve(manifest, sample, output, what) if "curve_y" in sample else _against(name, y, predicted, what)
    return [first, _residuals(name, y, predicted, what)]


def _curve(manifest: Manifest, sample: Arrays, output: int, what: str) -> Chart:
    x, y = sample["X"][:, 0], _column(sample["y"], output)
    x_name, y_name = manifest.schema.inputs[0], manifest.schema.outputs[output]
    line = sample["curve_X"][:, 0], _column(sample["curve_y"], output)
    ends = [(line[0][index], line[1][index]) for index in (0, len(line[0]) // 2, -1)]
    some = ", ".join(f"{number(float(y))} at {number(float(x))}" for x, y in ends)
    text = f"Data and fit of {what}: {y_name} against {x_name}, {_range(x)}. The fit goes through {some}."
    return Chart("Data and fit", draw(Plot(x, y, x_name, y_name, text, line=line)), "data", "fit")


def _against(name: str, y: Values, predicted: Values, what: str) -> Chart:
    text = f"Predicted against actual {name} of {what}, {_range(y)}. On the line both are the same."
    svg = draw(Plot(y, predicted, f"actual {name}", f"predicted {name}", text, diagonal=True))
    return Chart("Predicted against actual", svg, "rows", "predicted = actual")


def _residuals(name: str, y: Values, predicted: Values, what: str) -> Chart:
    with np.errstate(over="ignore"):
        residuals = y - predicted
    # the largest numbers have differences that overflow
    residuals = np.clip(residuals, np.finfo(np.float64).min / 4, np.finfo(np.float64).max / 4)
    text = f"Residuals of {what}: actual less predicted {name}, {_range(residuals)}, against the prediction."
    svg = draw(Plot(predicted, residuals, f"predicted {name}", "residual", text, level=0.0))
    return Chart("Residuals", svg, "actual − predicted", "zero")


def _column(values: Values, output: int) -> Values:
    return values if values.ndim == 1 else values[:, output]


def _range(values: Values) -> str:
    return f"from {number(float(values.min()))} to {number(float(values.max()))}"
