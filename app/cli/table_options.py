"""The argument FILE of a command, and the options for its format and its columns."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, BinaryIO, TypeVar, cast

import click

from app.cli.gate_options import GATE

Command = TypeVar("Command", bound=Callable[..., Any])
MAX_UNPACKED_BYTES = 2**30  # limit of FILE's content in the memory of the command
DIALECT = (
    click.option("--separator", metavar="TEXT", help="The separator of cells, such as ; or tab; by default detected."),
    click.option("--decimal", metavar="TEXT", help="The decimal mark: . or a comma; by default detected."),
    click.option(
        "--with-header/--no-header",
        "header",
        default=None,
        help="Whether the first row has names; by default detected.",
    ),
    click.option("--encoding", metavar="NAME", help="The text encoding, such as windows-1252; by default UTF-8."),
    click.option("--na", multiple=True, metavar="TEXT", help="Text that means a missing value; may be repeated."),
)
MEMBERS = (
    "target",
    "inputs",
    "ignore",
    "weight",
    "keep",
    "outputs",
    "version",
    "separator",
    "decimal",
    "encoding",
    "na",
)
"""Options that are members of the query of the same request over HTTP."""
RESERVED = frozenset({*MEMBERS, "header", "model", "estimator", *GATE, "timeout", "webhook"})
"""Names that no parameter of a model can have in a CSV request."""


def with_table(command: Command) -> Command:
    """Add FILE and the options of its dialect.

    The command gets the content of FILE as `content`, and these options with those for columns and version as `query`.
    """

    @wraps(command)
    def run(*args: Any, file: BinaryIO | None, header: bool | None, **options: Any) -> Any:
        if file is None:
            raise click.MissingParameter(ctx=click.get_current_context(), param_hint="'FILE'", param_type="argument")
        query = {name: _listed(options.pop(name)) for name in MEMBERS if name in options}
        query["header"] = None if header is None else "present" if header else "absent"
        given = {name: value for name, value in query.items() if value not in (None, [])}
        return command(*args, content=_unpacked(file), query=given, **options)

    decorated = cast("Command", run)
    for option in reversed(DIALECT):
        decorated = option(decorated)
    return click.argument("file", type=click.File("rb"), required=False)(decorated)


def columns(name: str, help_text: str) -> Callable[[Command], Command]:
    """Return an option for names of columns."""
    return click.option(f"--{name}", multiple=True, metavar="COLUMNS", help=f"{help_text}.")


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _unpacked(file: BinaryIO) -> bytes:
    """Return the content of a file, unpacked if gzip packed it; raise BadParameter for a damaged or too large one."""
    from app.data.gzip_files import gunzip, is_gzip
    from app.errors import Malformed, TooLarge

    content = file.read()
    if not is_gzip(content):
        return content
    try:
        return bytes(gunzip(content, MAX_UNPACKED_BYTES))
    except (Malformed, TooLarge) as error:
        raise click.BadParameter(f"{file.name}: {error}") from None
