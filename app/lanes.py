"""The lanes: a queue for each verb, so that fits never stand in the way of predictions, and how messages are cut."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from app.schemas import Verb

MESSAGE_JOBS: Mapping[Verb, int] = {"fit": 1, "score": 10, "predict": 100}
"""Jobs in one message: enough to share its cost, few enough to share the work among processes."""


def messages(verb: Verb, job_ids: Sequence[str]) -> Iterator[list[str]]:
    """Give the ids, as many at a time as one message carries."""
    for start in range(0, len(job_ids), MESSAGE_JOBS[verb]):
        yield list(job_ids[start : start + MESSAGE_JOBS[verb]])
