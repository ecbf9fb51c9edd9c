"""Shows the progress of a job on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from app.cli.output import is_rich

if TYPE_CHECKING:
    from app.client import JobHandle


@contextmanager
def progress() -> Iterator[Callable[[JobHandle], None]]:
    """Yield a callback that shows progress: a bar on a terminal, otherwise a line at each change."""
    if not is_rich(sys.stderr):
        shown: list[str] = []

        def print_change(job: JobHandle) -> None:
            if shown[-1:] != [state(job)]:
                shown.append(state(job))
                click.echo(shown[-1], err=True)

        yield print_change
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TimeElapsedColumn

    with Progress("{task.description}", BarColumn(), TimeElapsedColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None)

        def move_bar(job: JobHandle) -> None:
            part = 1.0 if job.status == "SUCCESS" else job.progress
            text = f"{job.verb} {job.model}: {state(job)}"
            bar.update(task, description=text, total=None if part is None else 1.0, completed=part or 0.0)

        yield move_bar


def state(job: JobHandle) -> str:
    """Return a job's status, with its position while it is queued and its progress while it runs."""
    if job.position is not None:
        return f"{job.status}, position {job.position}"
    if job.progress is not None and not job.finished:
        return f"{job.status}, {job.progress:.0%}" + (f", {job.step}" if job.step else "")
    return job.status
