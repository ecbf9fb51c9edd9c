"""Print the results of fits and scores, of regressors and of classifiers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from app.cli.output import table

BINARY = 2
BESIDE = ("classes", "confusion")
"""Members of a score's result that are not metrics."""


def print_fit(result: Mapping[str, Any]) -> None:
    """Print the metrics and the coefficients, with a column for each class if there are more than two."""
    terms, coefficients, classes = result["terms"], result["coefficients"], result.get("classes", ())
    if len(classes) > BINARY and coefficients:
        headings = ["term", *map(_label, classes)]
        table(headings, [[term, *row] for term, row in zip(terms, coefficients, strict=True)])
    elif terms or not classes:
        table(["term", "coefficient"], list(zip(terms, coefficients, strict=False)))
    table(["metric", "value"], list(result["metrics"].items()))


def print_promotion(version: int, result: Mapping[str, Any]) -> None:
    """Print whether a gate moved its alias, and why; nothing for a fit without a gate."""
    if promotion := result.get("promotion"):
        now = "is" if promotion["promoted"] else "is not"
        click.echo(f"version {version} {now} the {promotion['alias']}: {promotion['detail']}")


def print_score(result: Mapping[str, Any]) -> None:
    """Print the metrics, and for a classifier the confusion matrix."""
    table(["metric", "value"], [pair for pair in result.items() if pair[0] not in BESIDE])
    if "confusion" in result:
        labels = list(map(_label, result["classes"]))
        rows = zip(labels, result["confusion"], strict=True)
        table(["true \\ predicted", *labels], [[label, *row] for label, row in rows])


def _label(label: object) -> str:
    return str(label).lower() if isinstance(label, bool) else str(label)
