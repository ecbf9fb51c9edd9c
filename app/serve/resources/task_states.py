"""The state of a task, as applications call a job that they have submitted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Literal, TypeVar

from falcon.asgi import Request, Response
from msgspec import UNSET, Struct, UnsetType

from app.schemas.jobs import Job
from app.schemas.media_types import JSON
from app.serve.openapi.parts import ResponseSpec, ResponseSpecs, accepted_response
from app.serve.resources.route import Route, last_placeholder
from app.serve.responses import send_json

TaskStatus = Literal["PENDING", "STARTED", "SUCCESS", "FAILURE", "REVOKED"]
STATUSES: Mapping[str, TaskStatus] = {
    "PENDING": "PENDING",
    "RETRY": "PENDING",  # it waits again
    "STARTED": "STARTED",
    "SUCCESS": "SUCCESS",
    "FAILURE": "FAILURE",
    "REVOKED": "REVOKED",
}


class TaskState(Struct):
    """How far a task of an application is. A class that inherits from it adds what else is answered."""

    task_id: str
    status: TaskStatus
    progress: float | UnsetType = UNSET
    """The share that is done, from 0 to 1, while it runs and says so."""
    step: str | UnsetType = UNSET
    """What it does now, as its model says it."""
    error: str | UnsetType = UNSET
    """Why it failed."""


A = TypeVar("A", bound=TaskState)
TASK_ACCEPTED: ResponseSpecs = {202: accepted_response("It is accepted.", TaskState)}


def state_of(job: Job, kind: type[A]) -> A:
    """Return the state of a job as a TaskState, or as a subclass with additional members to set."""
    state = kind(job.id, STATUSES[job.status])
    if job.failure is not None:
        state.error = job.failure.detail
    elif not job.finished and job.progress is not None:
        state.progress, state.step = job.progress, job.step or UNSET
    return state


class TaskStateResource:
    """GET of the state of a task, whose id is the last part of the path."""

    def __init__(self, find: Callable[[str], Awaitable[Job]]) -> None:
        self._find = find

    async def on_get(self, req: Request, resp: Response, **path: str) -> None:  # noqa: ARG002  Falcon's signature
        """Answer the state; raise NotFound for an unknown task."""
        send_json(resp, state_of(await self._find(list(path.values())[-1]), TaskState))


def task_state_route(path: str, find: Callable[[str], Awaitable[Job]], description: str) -> Route:
    """Return the route of states at a path that ends in a placeholder for the id; ValueError for another path."""
    last_placeholder(path, "the id of the task", "/tasks/{task_id}")
    responses = {200: ResponseSpec("The state.", {JSON: TaskState}), 404: ResponseSpec("There is no such task.")}
    return Route("GET", path, description, responses, scope="any", resource=TaskStateResource(find))
