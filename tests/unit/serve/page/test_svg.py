"""Plots: round numbers along the axes, all points inside the frame, and names that stay text."""

import math
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from app.serve.page.axis import axis
from app.serve.page.svg import HEIGHT, WIDTH, Plot, draw

SVG = "{http://www.w3.org/2000/svg}"
GREATEST = float(np.finfo(np.float64).max)
RANGES = {
    "usual": (-1.0, 1.0),
    "years": (1947.0, 1962.0),
    "one value": (3.0, 3.0),
    "zero": (0.0, 0.0),
    "rounding": (5.0, 5.000000000000001),
    "large": (0.0, 7e8),
    "small": (2e-9, 5e-9),
    "narrow": (1e9, 1e9 + 0.5),
    "narrow and negative": (-4e12 - 3, -4e12),
    "the largest": (-GREATEST, GREATEST),
    "the largest alone": (GREATEST, GREATEST),
    "the least": (0.0, 5e-324),
}


@pytest.mark.parametrize("ends", RANGES.values(), ids=RANGES)
def test_an_axis(ends: tuple[float, float]) -> None:
    """A few ticks in equal steps of a round number, their labels short and different, both ends between them."""
    made = axis(np.array(ends))
    assert 2 <= len(made.ticks) <= 8
    steps = np.diff(made.ticks)
    assert steps == pytest.approx(steps[0])
    assert f"{steps[0]:e}"[0] in "125"
    labels = [made.label(tick) for tick in made.ticks]
    assert len(set(labels)) == len(labels)
    assert max(map(len, labels)) <= 7
    low, high = made.share(np.array(ends))
    assert 0 <= low <= high <= 1
    assert all(made.low <= tick <= made.high for tick in made.ticks)


@pytest.mark.parametrize(
    ("ends", "title"),
    [
        ((0.0, 1.0), "y"),
        ((0.0, 7e8), "y / 10⁸"),
        ((2e-9, 5e-9), "y / 10⁻⁹"),
        ((1e9, 1e9 + 0.5), "y − 1000000000"),
        ((1 + 2e-7, 1 + 5e-7), "(y − 1) / 10⁻⁷"),
        ((-1e9, 0.5 - 1e9), "y + 1000000000"),
    ],
)
def test_what_the_numbers_leave_out_stands_at_the_name(ends: tuple[float, float], title: str) -> None:
    assert axis(np.array(ends)).title("y") == title


def drawn(plot: Plot) -> ET.Element:
    """The SVG, parsed, so that it must be well formed."""
    return ET.fromstring(str(draw(plot)))  # noqa: S314  our own


def places(svg: ET.Element, kind: str) -> list[tuple[float, float]]:
    """The positions of a path's dots."""
    data = next(path.get("d", "") for path in svg.iter(f"{SVG}path") if path.get("class") == kind)
    pairs = [piece.removesuffix("h0").split() for piece in data.replace("L", "M").split("M") if piece]
    return [(float(x), float(y)) for x, y in pairs]


@pytest.mark.parametrize("x", RANGES.values(), ids=RANGES)
@pytest.mark.parametrize("y", RANGES.values(), ids=RANGES)
def test_points_and_lines_are_inside(x: tuple[float, float], y: tuple[float, float]) -> None:
    line = (np.array(x), np.array(y)[::-1])
    svg = drawn(Plot(np.array(x), np.array(y), "x", "y", "words", line=line))
    for kind in ("points", "line"):
        found = places(svg, kind)
        assert len(found) == 2
        assert all(math.isfinite(a) and 0 <= a <= WIDTH and 0 <= b <= HEIGHT for a, b in found)


def test_one_row() -> None:
    """A dot in the middle."""
    ((x, y),) = places(drawn(Plot(np.array([3.0]), np.array([-2.0]), "x", "y", "words", level=0.0)), "points")
    assert x == pytest.approx((58 + WIDTH - 12) / 2, abs=0.1)
    assert 10 < y < HEIGHT - 44


def test_equal_values_are_on_the_diagonal() -> None:
    """Both axes have the same scale."""
    values = np.array([1.0, 2.0, 4.0])
    svg = drawn(Plot(values, values, "actual", "predicted", "words", diagonal=True))
    left, bottom, right, top = 58, HEIGHT - 44, WIDTH - 12, 10
    for x, y in places(svg, "points"):
        assert (x - left) / (right - left) == pytest.approx((bottom - y) / (bottom - top), abs=0.002)


def test_names_are_text() -> None:
    """Any name of a column; a long one is cut, and the text alternative has all of it."""
    name = "</text><script>alert(1)</script>\"'&"
    svg = drawn(Plot(np.array([1.0, 2.0]), np.array([1.0, 2.0]), name, "y" * 99, f"about {name}"))
    assert svg.get("role") == "img"
    assert svg.get("aria-label") == f"about {name}"
    assert not list(svg.iter(f"{SVG}script"))
    texts = ["".join(text.itertext()) for text in svg.iter(f"{SVG}text") if text.get("class") == "name"]
    assert texts[0].startswith(name[:20])
    assert texts[1] == "y" * 31 + "…"
