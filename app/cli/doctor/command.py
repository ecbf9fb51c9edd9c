"""The command doctor: check every part that the settings name, and print how to solve problems."""

from __future__ import annotations

from dataclasses import asdict

import click

from app.cli.options import json_option
from app.cli.output import as_json

COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command()
@json_option
@click.pass_context
def doctor(ctx: click.Context, *, json_: bool) -> None:
    """Check all parts and print how to solve problems.

    The checks are settings, versions, models, store, ledger, clock, broker and workers. Each prints one line (ok, warn
    or fail), and below it what to do. A check has ten seconds; secrets are masked. Exit code 1 if a check fails.

    \b
    Example: python -m app doctor
    """
    from app.cli.doctor.run import run_all

    results = run_all()
    failed = any(result.state == "fail" for result in results)
    if json_:
        as_json({"status": "fail" if failed else "ok", "checks": [asdict(result) for result in results]})
    else:
        width = max(len(result.part) for result in results)
        for result in results:
            state = click.style(f"{result.state:<4}", fg=COLOURS[result.state])
            click.echo(f"{state}  {result.part:<{width}}  {result.detail}")
            if result.todo:
                click.echo(f"{'':<{width + 8}}→ {result.todo}")
    ctx.exit(int(failed))
