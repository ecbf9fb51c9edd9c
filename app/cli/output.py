"""Print tables, with colours and lines on a terminal and as plain text elsewhere, and JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from typing import Any, TextIO

import click


def is_rich(stream: TextIO) -> bool:
    """Return whether `stream` is a terminal, and `rich` is installed to draw on it."""
    return stream.isatty() and find_spec("rich") is not None


def table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table; without a terminal, columns padded with spaces under their headings."""
    cells = [[text(cell) for cell in row] for row in rows]
    if is_rich(sys.stdout):
        from rich import box
        from rich.console import Console
        from rich.table import Column, Table
        from rich.text import Text

        first, *others = headings
        shown = Table(Column(first, no_wrap=True), *(Column(each, overflow="fold") for each in others))
        shown.box, shown.pad_edge, shown.collapse_padding = box.SIMPLE_HEAD, False, True
        for row in cells:
            shown.add_row(*map(Text, row))  # Text, because rich would read [words] of a model as markup
        Console().print(shown)
        return
    widths = [max(map(len, column)) for column in zip(headings, *cells, strict=True)]
    for row in [list(headings), *cells]:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def warn(texts: Iterable[str]) -> None:
    """Print warnings on standard error, a line for each."""
    for text in texts:
        click.echo(f"warning: {text}", err=True)


def as_json(value: object) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(value, indent=1, ensure_ascii=False))


def text(value: Any) -> str:
    """Return a value as the text of a cell: numbers with six digits, None and empty values as a dash."""
    if value is None or value == "":
        return "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(text, value)) or "-"
    if isinstance(value, dict):
        return ", ".join(f"{key}={text(item)}" for key, item in value.items()) or "-"
    return str(value)
