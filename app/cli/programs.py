"""serve, worker and stack start programs; config prints the settings, key makes an API key."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec

import click

PASS_ON = {"ignore_unknown_options": True}
GUNICORN_SETTINGS = "python:app.cli.gunicorn_settings"


@click.command(context_settings=PASS_ON)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def serve(arguments: tuple[str, ...]) -> None:
    """Serve HTTP; ARGUMENTS go to gunicorn.

    TRINITY_MODE says whether models run here (sync) or in workers (async). It listens on HOST (127.0.0.1) and PORT.

    \b
    Example: python -m app serve --bind 127.0.0.1:5000
    """
    _replace_process("gunicorn", "app:api", "--config", GUNICORN_SETTINGS, *arguments)


@click.command(context_settings=PASS_ON)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def worker(arguments: tuple[str, ...]) -> None:
    """Run queued jobs; ARGUMENTS go to the celery worker.

    \b
    Example: python -m app worker --queues fit,predict,score
    """
    _replace_process("celery", "--app", "app.tasks", "worker", "--loglevel", "WARNING", "--events", *arguments)


@click.command()
@click.option("--example", default="", metavar="NAME", help="With an example, ready to use; its settings apply.")
def stack(example: str) -> None:
    """Run the whole async mode on this machine.

    Valkey, web (on HOST and PORT), two workers and Flower, until Ctrl-C; BROKER=rabbit for RabbitMQ as the broker.

    \b
    Example: PORT=8080 python -m app stack
    """
    from app.cli.stack.stack import run

    sys.exit(run(name=example))


@click.command()
def config() -> None:
    """Print every setting: its value, meaning and default.

    Passwords and secrets are masked.

    \b
    Example: python -m app config | grep LEDGER
    """
    import msgspec

    from app.settings import PREFIX, Settings, load, masked

    settings = load()
    types = msgspec.json.schema(Settings)["$defs"]["Settings"]["properties"]
    for field in msgspec.structs.fields(Settings):
        values = getattr(settings, field.name), field.default
        value, default = (masked("" if of is None else str(of), field.name) for of in values)
        click.echo(f"{PREFIX}{field.name.upper()}={value}")
        click.echo(f"    {types[field.name]['description']} (default: {default or 'none'})")


@click.command()
@click.argument("name")
@click.option("--scopes", required=True, help="What it allows: read, predict, fit, import, joined by +.")
def key(name: str, scopes: str) -> None:
    """Make a key for the caller NAME.

    Standard error shows the key: it cannot be shown again. Standard output gets its entry for TRINITY_API_KEYS.

    \b
    Example: python -m app key dashboard --scopes read+predict 2>dashboard.key >>keys.txt
    """
    from app.api_keys import new_key

    try:
        secret, made = new_key(name, scopes)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    click.echo(secret, err=True)
    click.echo(made.entry)


def _replace_process(module: str, *arguments: str) -> None:
    """Replace this process by a program of the same environment: signals then reach it directly."""
    if find_spec(module) is None:
        raise ModuleNotFoundError(name=module)
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])
