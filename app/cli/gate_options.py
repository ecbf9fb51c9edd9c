"""The options of a gate of a fit: the alias that a better version takes over, and how versions are compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from app.cli.input_files import FILE

Command = TypeVar("Command", bound=Callable[..., Any])
_TEXTS = {
    "promote": ("ALIAS", "Alias that the version takes over if it scores better."),
    "promote_source": ("SOURCE", "Source of the rows to compare on, instead."),
    "promote_metric": ("METRIC", "What to compare by, such as rmse."),
    "promote_gain": ("NUMBER", "How much better it must be."),
}
GATE = tuple(_TEXTS)
"""Options that are members of the query of the same request over HTTP."""
HELD_OUT = "held_out"
"""The file of the rows to compare on; over HTTP it is a field of a form."""


def gate_options(command: Command) -> Command:
    """Add the options of a gate."""
    alias, *others = (
        click.option(f"--{name.replace('_', '-')}", metavar=metavar, help=text)
        for name, (metavar, text) in _TEXTS.items()
    )
    rows = click.option(
        "--promote-on", HELD_OUT, type=FILE, help="CSV with the rows to compare on, with --file a zip file."
    )
    for option in reversed((alias, rows, *others)):
        command = option(command)
    return command
