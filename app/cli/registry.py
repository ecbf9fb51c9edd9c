"""The subcommands of `models` that change which version serves: alias, history, rollback, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from app.cli.options import Backend, json_option, with_backend
from app.cli.output import as_json, table

if TYPE_CHECKING:
    from app.client.registry import IfVersion

CHAMPION = "champion"
NONE = "none"


class ExpectedVersion(click.ParamType[Any]):
    """The number of a version, or `none`."""

    name = "version"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> IfVersion:
        """Return the number, None for `none`."""
        if value == "any":
            return "any"
        if value == NONE:
            return None
        number: int = click.IntRange(min=1).convert(value, param, ctx)
        return number


if_version = click.option(
    "--if-version",
    type=ExpectedVersion(),
    default="any",
    metavar="VERSION",
    help="Move it only from this version; none: the alias must not exist.",
)


@click.group()
def alias() -> None:
    """Set and delete aliases of versions.

    Requests without a version use the alias champion if it exists, or else the latest version.

    \b
    Example: python -m app models alias set polynomial champion 3
    """


@alias.command("set")
@click.argument("name")
@click.argument("alias")
@click.argument("version", type=click.IntRange(min=1))
@if_version
@with_backend
def set_(source: Backend, name: str, alias: str, version: int, if_version: IfVersion) -> None:
    """Point ALIAS of the model NAME at VERSION.

    \b
    Example: python -m app models alias set polynomial champion 3 --if-version 2
    """
    source.set_alias(name, version, alias, if_version)
    click.echo(f"{name} {alias}: version {version}")


@alias.command("delete")
@click.argument("name")
@click.argument("alias")
@with_backend
def delete_alias(source: Backend, name: str, alias: str) -> None:
    """Remove ALIAS of the model NAME.

    \b
    Example: python -m app models alias delete polynomial champion
    """
    source.delete_alias(name, alias)
    click.echo(f"{name} {alias}: removed")


@click.command()
@click.argument("name")
@click.option("--alias", help="Only moves of this alias.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="Maximum number of moves.")
@with_backend
@json_option
def history(source: Backend, name: str, alias: str | None, limit: int, *, json_: bool) -> None:
    """Show the moves of the aliases of the model NAME, the newest first.

    \b
    Example: python -m app models history polynomial --alias champion
    """
    moves = source.history(name, alias, limit)
    if json_:
        as_json(moves)
        return
    columns = ("at", "alias", "from", "to", "why", "by")
    rows = [[str(move["at"])[:19].replace("T", " "), *(move.get(each) for each in columns[1:])] for move in moves]
    table(columns, rows)


@click.command()
@click.argument("name")
@click.argument("version", required=False, type=click.IntRange(min=1))
@click.option("--alias", default=CHAMPION, show_default=True, help="The alias to move back.")
@with_backend
def rollback(source: Backend, name: str, version: int | None, alias: str) -> None:
    """Move the champion of the model NAME back to its previous version, or to VERSION.

    Without a champion, the version before the latest becomes the champion.

    \b
    Example: python -m app models rollback polynomial
    """
    click.echo(f"{name} {alias}: version {source.rollback(name, version, alias)}")


@click.command()
@click.argument("name")
@click.argument("version", required=False, type=click.IntRange(min=1))
@click.option("--yes", is_flag=True, help="Delete a whole model without a confirmation.")
@with_backend
def delete(source: Backend, name: str, version: int | None, *, yes: bool) -> None:
    """Delete VERSION of the model NAME, or the whole model.

    A version with an alias is not deleted, nor is a model that has the name of an estimator.

    \b
    Example: python -m app models delete polynomial 3
    """
    if version is not None:
        source.delete_version(name, version)
        click.echo(f"{name} version {version}: deleted")
        return
    if not yes:
        click.confirm(f"Delete the model {name} with all its versions?", abort=True, err=True)
    source.delete_model(name)
    click.echo(f"{name}: deleted")


COMMANDS = (alias, history, rollback, delete)
