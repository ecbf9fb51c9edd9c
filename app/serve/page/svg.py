"""Plots as SVG: points, a curve or line, and axes with names. The stylesheet has the colours and font sizes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from app.serve.page.axis import Axis, Values, axis

WIDTH, HEIGHT = 440, 300
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 10, 44
NAME_CHARACTERS = 32  # of an axis' name


class Plot(NamedTuple):
    """Points (x, y) and a line: the points of `line`, or y = `level`, or y = x where `diagonal` is set.

    `text` describes the plot to screen readers.
    """

    x: Values
    y: Values
    x_name: str
    y_name: str
    text: str
    line: tuple[Values, Values] | None = None
    level: float | None = None
    diagonal: bool = False


class Chart(NamedTuple):
    """A plot with its title and the legend's words for points and line, '' for none."""

    title: str
    svg: Markup
    points: str
    line: str


def draw(plot: Plot) -> Markup:
    """Return the plot as an SVG element."""
    across, up = _axes(plot)
    turned = Markup('transform="translate(13 {}) rotate(-90)"').format((TOP + HEIGHT - BOTTOM) / 2)
    inside = [
        *(_tick_across(across, tick) for tick in across.ticks),
        *(_tick_up(up, tick) for tick in up.ticks),
        _path("frame", f"M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}"),
        *_lines(plot, across, up),
        _points(plot, across, up),
        _name(plot.x_name, across, Markup('x="{}" y="{}"').format((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6)),
        _name(plot.y_name, up, turned),
    ]
    return Markup(
        '<svg class="plot" role="img" viewBox="0 0 {} {}" aria-label="{}" xmlns="http://www.w3.org/2000/svg">{}</svg>'
    ).format(WIDTH, HEIGHT, plot.text, Markup("\n").join(inside))


def _axes(plot: Plot) -> tuple[Axis, Axis]:
    """Return the two axes; with the line y = x they have the same scale, so that it is the diagonal."""
    if plot.diagonal:
        both = axis(np.concatenate([plot.x, plot.y]))
        return both, both
    line_x, line_y = plot.line or (plot.x[:0], plot.y[:0])
    level = [] if plot.level is None else [plot.level]
    return axis(np.concatenate([plot.x, line_x])), axis(np.concatenate([plot.y, line_y, level]))


def _lines(plot: Plot, across: Axis, up: Axis) -> Iterator[Markup]:
    if plot.diagonal:
        yield _path("line", f"M{LEFT} {HEIGHT - BOTTOM}L{WIDTH - RIGHT} {TOP}")
    if plot.level is not None:
        height = _up(up, np.array([plot.level]))[0]
        yield _path("line", f"M{LEFT} {height:.1f}H{WIDTH - RIGHT}")
    if plot.line is not None:
        places = zip(_across(across, plot.line[0]), _up(up, plot.line[1]), strict=True)
        yield _path("line", "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places))


def _points(plot: Plot, across: Axis, up: Axis) -> Markup:
    """Return all points as one path: strokes without length are dots with round caps, in a third of the bytes."""
    places = zip(_across(across, plot.x), _up(up, plot.y), strict=True)
    return _path("points", "".join(f"M{x:.1f} {y:.1f}h0" for x, y in places))


def _across(scale: Axis, values: Values) -> Values:
    return LEFT + scale.share(values) * (WIDTH - LEFT - RIGHT)


def _up(scale: Axis, values: Values) -> Values:
    return HEIGHT - BOTTOM - scale.share(values) * (HEIGHT - TOP - BOTTOM)


def _tick_across(scale: Axis, tick: float) -> Markup:
    x = LEFT + (tick - scale.low) / (scale.high - scale.low) * (WIDTH - LEFT - RIGHT)
    grid = _path("grid", f"M{x:.1f} {TOP}V{HEIGHT - BOTTOM}")
    label = Markup('<text class="tick" x="{:.1f}" y="{}" text-anchor="middle">{}</text>')
    return grid + label.format(x, HEIGHT - BOTTOM + 16, scale.label(tick))


def _tick_up(scale: Axis, tick: float) -> Markup:
    y = HEIGHT - BOTTOM - (tick - scale.low) / (scale.high - scale.low) * (HEIGHT - TOP - BOTTOM)
    grid = _path("grid", f"M{LEFT} {y:.1f}H{WIDTH - RIGHT}")
    label = Markup('<text class="tick" x="{}" y="{:.1f}" dy="0.35em" text-anchor="end">{}</text>')
    return grid + label.format(LEFT - 6, y, scale.label(tick))


def _name(name: str, scale: Axis, where: Markup) -> Markup:
    shown = name if len(name) <= NAME_CHARACTERS else name[: NAME_CHARACTERS - 1] + "…"
    return Markup('<text class="name" {} text-anchor="middle">{}</text>').format(where, scale.title(shown))


def _path(kind: str, data: str) -> Markup:
    return Markup('<path class="{}" d="{}"/>').format(kind, data)
