"""The lanes: a queue for each verb, so that fits never stand in the way of predictions, and how messages are cut."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from app.schemas.requests import Verb

MESSAGE_JOBS: Mapping[Verb, int] = {"fit": 1, "score": 10, "predict": 100}
"""Jobs in one message: enough to share its cost, few enough to share the work among processes."""
SHOWN_JOBS = 20  # named where people look at a message; the others are counted


class JobRef(NamedTuple):
    """A job to call a worker for. The model is for people to see: workers take it from the ledger."""

    job_id: str
    model: str


def messages(verb: Verb, calls: Sequence[JobRef]) -> Iterator[list[JobRef]]:
    """Give the calls, as many at a time as one message carries."""
    for start in range(0, len(calls), MESSAGE_JOBS[verb]):
        yield list(calls[start : start + MESSAGE_JOBS[verb]])


def message_summary(calls: Sequence[JobRef]) -> str:
    """Return what a message is about, as Flower shows it: the jobs by model."""
    jobs = defaultdict[str, list[str]](list)
    for call in calls[:SHOWN_JOBS]:
        jobs[call.model].append(call.job_id)
    words = [f"{model}: {', '.join(ids)}" for model, ids in jobs.items()]
    if len(calls) > SHOWN_JOBS:
        words.append(f"and {len(calls) - SHOWN_JOBS} more")
    return "; ".join(words)
