"""`python -m app serve|worker|stack|config|key`: the programs, the settings as they stand, keys for callers."""

from __future__ import annotations

import os
import sys
from enum import Enum

import click
import msgspec

from app.keys import SCOPES, new_key
from app.settings import PREFIX, Settings, SettingsError, load, masked

PASS_ON = {"ignore_unknown_options": True}


@click.group(help=__doc__)
def cli() -> None:
    """Group the commands."""


@cli.command(context_settings=PASS_ON)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def serve(arguments: tuple[str, ...]) -> None:
    """Serve HTTP in the mode that is set; ARGUMENTS go to gunicorn."""
    _become("gunicorn", "app:api", *arguments)


@cli.command(context_settings=PASS_ON)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def worker(arguments: tuple[str, ...]) -> None:
    """Run queued jobs; ARGUMENTS go to `celery worker`, such as --queues fit,predict,score."""
    _become("celery", "--app", "app.tasks", "worker", "--loglevel", "WARNING", "--events", *arguments)


@cli.command()
def stack() -> None:
    """Run the whole async mode on this machine: Valkey, web, two workers, Flower; BROKER=rabbit for RabbitMQ."""
    from app.stack import StackError, run  # noqa: PLC0415  only this command needs it

    try:
        sys.exit(run())
    except (StackError, SettingsError) as error:
        raise click.ClickException(str(error)) from None


@cli.command()
def config() -> None:
    """Print every setting: its variable, its value, what it means and its default; passwords and secrets are masked."""
    try:
        settings = load()
    except SettingsError as error:
        raise click.ClickException(str(error)) from None
    types = msgspec.json.schema(Settings)["$defs"]["Settings"]["properties"]
    for field in msgspec.structs.fields(Settings):
        value, default = (_shown(field.name, of) for of in (getattr(settings, field.name), field.default))
        click.echo(f"{PREFIX}{field.name.upper()}={value}")
        click.echo(f"    {types[field.name]['description']} (default: {default or 'none'})")


@cli.command()
@click.argument("name")
@click.option("--scopes", required=True, help=f"What it is for: {', '.join(SCOPES)}, joined by +.")
def key(name: str, scopes: str) -> None:
    """Make a key for the caller NAME: the key on standard error, only now; its entry of TRINITY_API_KEYS on output."""
    try:
        secret, made = new_key(name, scopes)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    click.echo(secret, err=True)
    click.echo(made.entry)


def _become(module: str, *arguments: str) -> None:
    """Replace this process by a program of the same environment, which then gets the signals itself."""
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])


def _shown(name: str, value: object) -> str:
    """Return a setting as its variable would say it, masked."""
    return masked("" if value is None else str(value.value if isinstance(value, Enum) else value), name)


if __name__ == "__main__":
    cli(prog_name="python -m app")
