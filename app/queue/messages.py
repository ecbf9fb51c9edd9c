"""The messages of a lane. Each verb has its own lane (a broker queue), so fits never delay predictions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from app.schemas.verbs import VERBS, Verb

SHOWN_JOBS = 20  # job ids in the summary of a message; the others are counted


def task_name(verb: str) -> str:
    """Return the name of a verb's Celery task."""
    return f"app.tasks.{verb}"


class JobRef(NamedTuple):
    """A job in a message. The model is shown in Flower; workers read it from the ledger."""

    job_id: str
    model: str


def messages(verb: Verb, jobs: Sequence[JobRef]) -> Iterator[list[JobRef]]:
    """Split jobs into the messages that carry them."""
    most = VERBS[verb].message_jobs
    for start in range(0, len(jobs), most):
        yield list(jobs[start : start + most])


def message_summary(jobs: Sequence[JobRef]) -> str:
    """Return the arguments of a message as Flower shows them: job ids by model."""
    ids_by_model = defaultdict[str, list[str]](list)
    for job in jobs[:SHOWN_JOBS]:
        ids_by_model[job.model].append(job.job_id)
    words = [f"{model}: {', '.join(ids)}" for model, ids in ids_by_model.items()]
    if len(jobs) > SHOWN_JOBS:
        words.append(f"and {len(jobs) - SHOWN_JOBS} more")
    return "; ".join(words)
