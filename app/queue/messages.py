"""The lanes: a queue for each verb, so that fits never stand in the way of predictions, and how messages are cut."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from app.schemas.verbs import VERBS, Verb

SHOWN_JOBS = 20  # named where people look at a message; the others are counted


def task_name(verb: str) -> str:
    """Return the name of a verb's Celery task."""
    return f"app.tasks.{verb}"


class JobRef(NamedTuple):
    """A job to call a worker for. The model is for people to see: workers take it from the ledger."""

    job_id: str
    model: str


def messages(verb: Verb, calls: Sequence[JobRef]) -> Iterator[list[JobRef]]:
    """Give the calls, as many at a time as one message carries."""
    most = VERBS[verb].message_jobs
    for start in range(0, len(calls), most):
        yield list(calls[start : start + most])


def message_summary(calls: Sequence[JobRef]) -> str:
    """Return what a message is about, as Flower shows it: the jobs by model."""
    jobs = defaultdict[str, list[str]](list)
    for call in calls[:SHOWN_JOBS]:
        jobs[call.model].append(call.job_id)
    words = [f"{model}: {', '.join(ids)}" for model, ids in jobs.items()]
    if len(calls) > SHOWN_JOBS:
        words.append(f"and {len(calls) - SHOWN_JOBS} more")
    return "; ".join(words)
