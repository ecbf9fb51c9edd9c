"""Print what a fit or a score found, of regressors and of classifiers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from app.cli.output import table

BINARY = 2
BESIDE = ("classes", "confusion")
"""What stands beside the metrics of a score."""


def print_fit(result: Mapping[str, Any]) -> None:
    """Print the coefficients, of more than two classes a column for each, and the metrics."""
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
    """Print the metrics, and of a classifier how often each label was predicted for the rows of each."""
    table(["metric", "value"], [pair for pair in result.items() if pair[0] not in BESIDE])
    if "confusion" in result:
        labels = list(map(_label, result["classes"]))
        rows = zip(labels, result["confusion"], strict=True)
        table(["true \\ predicted", *labels], [[label, *row] for label, row in rows])


def _label(label: object) -> str:
    return str(label).lower() if isinstance(label, bool) else str(label)
