"""jobs: the queue of a server, its jobs one by one, and waiting for them with a progress bar."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from app.cli.options import client, server_options
from app.cli.output import as_json, is_rich, table
from app.schemas.verbs import VERBS

if TYPE_CHECKING:
    from app.client import JobHandle

STATUSES = ["PENDING", "STARTED", "RETRY", "SUCCESS", "FAILURE", "REVOKED"]
json_option = click.option("--json", "json_", is_flag=True, help="Print JSON.")


@click.group()
def jobs() -> None:
    """See, cancel, await or repeat the jobs of a server.

    \b
    Examples: python -m app jobs list --server http://localhost:5000 --status FAILURE
              TRINITY_SERVER=http://localhost:5000 python -m app jobs wait 0123abc…
    """


@jobs.command("list")
@server_options
@click.option("--status", type=click.Choice(STATUSES), help="Only those.")
@click.option("--verb", type=click.Choice(list(VERBS)), help="Only those.")
@click.option("--model", help="Only those of this model.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many, the newest first.")
@json_option
def list_(
    server: str,
    key_file: str | None,
    status: str | None,
    verb: str | None,
    model: str | None,
    limit: int,
    *,
    json_: bool,
) -> None:
    """List jobs, the newest first.

    \b
    Example: python -m app jobs list --server http://localhost:5000 --verb fit --limit 5
    """
    with client(server, key_file) as place:
        found = list(islice(place.jobs(status, verb, model), limit))
    if json_:
        as_json([job.envelope for job in found])
        return
    rows = [[job.id, job.verb, job.model, job.version, _state(job), job.envelope["created"][:19]] for job in found]
    table(["job", "verb", "model", "version", "status", "created"], rows)


@jobs.command()
@click.argument("job_id")
@server_options
@json_option
def show(job_id: str, server: str, key_file: str | None, *, json_: bool) -> None:
    """Show a job and its result, or why it failed.

    \b
    Example: python -m app jobs show 0123abc… --server http://localhost:5000
    """
    with client(server, key_file) as place:
        _show(place.job(job_id), json_=json_)


@jobs.command()
@click.argument("job_id")
@server_options
@json_option
def cancel(job_id: str, server: str, key_file: str | None, *, json_: bool) -> None:
    """Cancel a job, whether it waits or runs.

    \b
    Example: python -m app jobs cancel 0123abc… --server http://localhost:5000
    """
    with client(server, key_file) as place:
        _show(place.job(job_id).cancel(), json_=json_)


@jobs.command()
@click.argument("job_id")
@server_options
@json_option
def retry(job_id: str, server: str, key_file: str | None, *, json_: bool) -> None:
    """Run a job again that failed or was cancelled.

    \b
    Example: python -m app jobs retry 0123abc… --server http://localhost:5000
    """
    with client(server, key_file) as place:
        _show(place.job(job_id).retry(), json_=json_)


@jobs.command()
@click.argument("job_id")
@server_options
@click.option("--timeout", type=click.FloatRange(0), default=3600.0, show_default=True, help="Seconds to wait at most.")
@json_option
@click.pass_context
def wait(ctx: click.Context, job_id: str, server: str, key_file: str | None, timeout: float, *, json_: bool) -> None:
    """Wait for a job's end, with a progress bar on standard error.

    Exit code 0 when it succeeded, 1 when it failed or was cancelled, 3 when it isn't done in time; it goes on then, as
    after Ctrl-C.

    \b
    Example: python -m app jobs wait 0123abc… --server http://localhost:5000 --timeout 60
    """
    with client(server, key_file, max(timeout, 1.0)) as place:
        job = place.job(job_id)
        with _watched() as watch:
            job.wait(timeout, watch)
        _show(job, json_=json_)
    if job.status != "SUCCESS":
        ctx.exit(1)


@contextmanager
def _watched() -> Iterator[Callable[[JobHandle], None]]:
    """Give what shows a job's progress: a bar on a terminal, else a line whenever something changes."""
    if not is_rich(sys.stderr):
        told: list[str] = []

        def tell(job: JobHandle) -> None:
            if told[-1:] != [_state(job)]:
                told.append(_state(job))
                click.echo(told[-1], err=True)

        yield tell
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None)

        def move(job: JobHandle) -> None:
            full = job.status == "SUCCESS"
            known = 1.0 if full else job.progress
            bar.update(
                task,
                description=f"{job.verb} {job.model}: {_state(job)}",
                total=None if known is None else 1.0,
                completed=known or 0.0,
            )

        yield move


def _state(job: JobHandle) -> str:
    """Return a job's status, its place where it waits and its progress where it runs."""
    if job.place is not None:
        return f"{job.status}, place {job.place}"
    if job.progress is not None and not job.finished:
        return f"{job.status}, {job.progress:.0%}"
    return job.status


def _show(job: JobHandle, *, json_: bool) -> None:
    if json_:
        as_json(job.envelope)
        return
    told: dict[str, Any] = {**job.envelope, "status": _state(job)}
    if told["error"]:
        told["error"] = told["error"]["detail"]
    left_out = ("id", "links", "place", "progress")
    table(["job", job.id], [pair for pair in told.items() if pair[0] not in left_out])
