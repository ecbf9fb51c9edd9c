"""The command jobs: list, show, cancel and retry a server's jobs, and wait for them with a progress bar."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from app.cli.options import json_option, with_client
from app.cli.output import as_json, table
from app.cli.progress import progress, state
from app.schemas.verbs import VERBS

if TYPE_CHECKING:
    from app.client import Client, JobHandle

STATUSES = ["PENDING", "STARTED", "RETRY", "SUCCESS", "FAILURE", "REVOKED"]
# also as its path `/jobs/ID`, as in the Location header
job_argument = click.argument("job_id", callback=lambda _, __, text: text.removeprefix("/jobs/"))


@click.group()
def jobs() -> None:
    """List, show, cancel, retry or wait for the jobs of a server.

    \b
    Examples: python -m app jobs list --server http://localhost:5000 --status FAILURE
              TRINITY_SERVER=http://localhost:5000 python -m app jobs wait 0123abc…
    """


@jobs.command("list")
@with_client
@click.option("--status", type=click.Choice(STATUSES), help="Only jobs with this status.")
@click.option("--verb", type=click.Choice(list(VERBS)), help="Only those.")
@click.option("--model", help="Only jobs of this model.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="Maximum number of jobs.")
@json_option
def list_(client: Client, status: str | None, verb: str | None, model: str | None, limit: int, *, json_: bool) -> None:
    """List jobs, the newest first.

    \b
    Example: python -m app jobs list --server http://localhost:5000 --verb fit --limit 5
    """
    found = list(islice(client.jobs(status, verb, model), limit))
    if json_:
        as_json([job.envelope for job in found])
        return
    rows = [[job.id, job.verb, job.model, job.version, state(job), job.envelope["created"][:19]] for job in found]
    table(["job", "verb", "model", "version", "status", "created"], rows)


def _command(action: Callable[[JobHandle], JobHandle]) -> click.Command:
    """Return the command that applies an action to a job and prints the job; it has the action's name and docstring."""

    @jobs.command(action.__name__, help=action.__doc__)
    @job_argument
    @with_client
    @json_option
    def command(client: Client, job_id: str, *, json_: bool) -> None:
        _show(action(client.job(job_id)), json_=json_)

    return command


@_command
def show(job: JobHandle) -> JobHandle:
    """Show a job and its result, or its error.

    \b
    Example: python -m app jobs show 0123abc… --server http://localhost:5000
    """
    return job


@_command
def cancel(job: JobHandle) -> JobHandle:
    """Cancel a job, queued or running.

    \b
    Example: python -m app jobs cancel 0123abc… --server http://localhost:5000
    """
    return job.cancel()


@_command
def retry(job: JobHandle) -> JobHandle:
    """Run a failed or cancelled job again.

    \b
    Example: python -m app jobs retry 0123abc… --server http://localhost:5000
    """
    return job.retry()


@jobs.command()
@job_argument
@with_client
@click.option("--timeout", type=click.FloatRange(0), default=3600.0, show_default=True, help="Maximum wait in seconds.")
@json_option
@click.pass_context
def wait(ctx: click.Context, client: Client, job_id: str, timeout: float, *, json_: bool) -> None:
    """Wait until a job is finished, with a progress bar on standard error.

    Exit code 0 if it succeeded, 1 if it failed or was cancelled, 3 if it is not finished in time. The job continues
    then, and also after Ctrl-C.

    \b
    Example: python -m app jobs wait 0123abc… --server http://localhost:5000 --timeout 60
    """
    client.timeout_s = max(timeout, 1.0)
    job = client.job(job_id)
    with progress() as show_progress:
        job.wait(timeout, show_progress)
    _show(job, json_=json_)
    ctx.exit(int(job.status != "SUCCESS"))


def _show(job: JobHandle, *, json_: bool) -> None:
    if json_:
        as_json(job.envelope)
        return
    members: dict[str, Any] = {**job.envelope, "status": state(job)}
    if members["error"]:
        members["error"] = members["error"]["detail"]
    hidden = ("id", "links", "position", "progress", "step")
    table(["job", job.id], [pair for pair in members.items() if pair[0] not in hidden])
