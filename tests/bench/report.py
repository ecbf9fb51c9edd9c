"""The figures of a benchmark, and the table of all of them."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measured figure; `ok` is None without a target."""

    name: str
    measured: str
    compared: str = ""
    ratio: float | None = None
    target: str = ""
    ok: bool | None = None


def in_turn(rounds: int, *measures: Callable[[], float]) -> list[list[float]]:
    """Measure one after the other, in `rounds` rounds, so that a busy machine affects all of them."""
    results: list[list[float]] = [[] for _ in measures]
    for number in range(rounds):
        for result, measure in zip(results, measures, strict=True):
            result.append(measure())
        progress(f"  round {number + 1} of {rounds}: " + "  ".join(f"{result[-1]:,.4g}" for result in results))
    return results


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the rounds' ratios, each measured within the same seconds."""
    return statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True))


def progress(line: str) -> None:
    print(line, flush=True)


def table(figures: Sequence[Figure]) -> str:
    """The figures in columns."""
    head = ("benchmark", "measured", "compared with", "ratio", "target", "")
    rows = [head, *(_cells(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def _cells(figure: Figure) -> tuple[str, ...]:
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
    verdict = {True: "ok", False: "NOT MET", None: ""}[figure.ok]
    return figure.name, figure.measured, figure.compared, ratio, figure.target, verdict
