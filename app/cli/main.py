"""The group of all commands; an error ends in one line and an exit code."""

from __future__ import annotations

from typing import Any

import click

from app.cli.check_model import check_model
from app.cli.doctor.command import doctor
from app.cli.errors import CommandFailed
from app.cli.imports import import_
from app.cli.jobs import jobs
from app.cli.models import models
from app.cli.new_model import new_model
from app.cli.programs import config, key, serve, stack, worker
from app.cli.verbs import fit, predict, score
from app.schemas.version import VERSION

INTERRUPTED = 130
EXIT_CODES = (
    "Exit codes: 0 success; 1 failed or refused; 2 wrong usage; 3 no response, or too late; 130 interrupted. "
    "`python -m app COMMAND --help` shows each command with an example."
)


class CommandGroup(click.Group):
    """A group that turns the errors of settings, models and the client into failed commands."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; raise only click's exceptions for expected errors."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            ctx.exit(INTERRUPTED)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            failed = CommandFailed.from_error(error)
            if failed is None:
                raise
            raise failed from None


@click.group(cls=CommandGroup, epilog=EXIT_CODES)
@click.version_option(VERSION, prog_name="trinity")
def cli() -> None:
    """Run Trinity's programs, use models in the local store or on a server, and find problems."""


for command in (
    serve,
    worker,
    stack,
    config,
    key,
    doctor,
    models,
    fit,
    predict,
    score,
    import_,
    jobs,
    check_model,
    new_model,
):
    cli.add_command(command)
