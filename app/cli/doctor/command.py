"""doctor: looks at every part that the settings name, and says what is wrong and what to do."""

from __future__ import annotations

from dataclasses import asdict

import click

from app.cli.output import as_json

COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command()
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
@click.pass_context
def doctor(ctx: click.Context, *, json_: bool) -> None:
    """Find out what is wrong, and what to do.

    Checks settings, versions, models, store, ledger, clock, broker and workers: one line a check (ok, warn or fail),
    and under it what to do. No check takes longer than ten seconds; secrets are masked. Exit code 1 when something
    fails.

    \b
    Example: python -m app doctor
    """
    from app.cli.doctor.run import examine

    findings = examine()
    failed = any(finding.state == "fail" for finding in findings)
    if json_:
        as_json({"status": "fail" if failed else "ok", "checks": [asdict(finding) for finding in findings]})
    else:
        width = max(len(finding.part) for finding in findings)
        for finding in findings:
            state = click.style(f"{finding.state:<4}", fg=COLOURS[finding.state])
            click.echo(f"{state}  {finding.part:<{width}}  {finding.detail}")
            if finding.todo:
                click.echo(f"{'':<{width + 8}}→ {finding.todo}")
    ctx.exit(int(failed))
