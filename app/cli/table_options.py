"""The argument FILE of a command, and the options that say which of its columns count."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from functools import wraps
from typing import Any, BinaryIO, TypeVar, cast

import click

Command = TypeVar("Command", bound=Callable[..., Any])
GZIP = b"\x1f\x8b"  # the first bytes of a gzip file (RFC 1952 §2.3.1)
MEMBERS = ("target", "inputs", "ignore", "weight", "keep", "version")
"""Options that are members of the query of the same request over HTTP."""
RESERVED = frozenset({*MEMBERS, "model", "timeout", "webhook"})
"""Names that no parameter of a model can have in a CSV request."""


def with_table(command: Command) -> Command:
    """Add FILE; the command gets what it holds as `content`, and the options for columns and version as `query`."""

    @wraps(command)
    def run(*args: Any, file: BinaryIO, **options: Any) -> Any:
        query = {name: _listed(options.pop(name)) for name in MEMBERS if name in options}
        given = {name: value for name, value in query.items() if value not in (None, [])}
        return command(*args, content=_unpacked(file), query=given, **options)

    return click.argument("file", type=click.File("rb"))(cast("Command", run))


def columns(name: str, help_text: str) -> Callable[[Command], Command]:
    """Return an option for names of columns."""
    return click.option(f"--{name}", multiple=True, metavar="COLUMNS", help=f"{help_text}.")


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _unpacked(file: BinaryIO) -> bytes:
    """Return the content of a file, also of one that gzip packed; raise BadParameter for a damaged one."""
    content = file.read()
    if not content.startswith(GZIP):
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError) as error:
        raise click.BadParameter(f"{file.name}: {error}") from None
