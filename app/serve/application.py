"""The interface for applications: modules of TRINITY_ROUTES get an `Application`, and return their routes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from falcon.asgi import Request, Response

from app.dispatch.dispatcher import Dispatcher
from app.errors import Conflict, JobFailed, NotFitted, Unavailable
from app.schemas.jobs import Job
from app.schemas.verbs import Verb
from app.serve.bodies.json_object import decode_object
from app.serve.bodies.reader import BodyReader
from app.serve.bodies.stored_files import StoredUpload
from app.serve.problems import set_retry_after
from app.serve.resources.metrics import Measure
from app.serve.resources.pages import page_routes
from app.serve.resources.queries import read_query
from app.serve.resources.result_files import ResultFileResource
from app.serve.resources.route import Route
from app.serve.resources.table_pages import TableResource, table_route
from app.serve.resources.task_states import STATUSES, TaskState, TaskStatus, state_of, task_state_route
from app.serve.resources.upload_jobs import UploadJobs
from app.serve.resources.verbs import VerbResource
from app.serve.responses import POLL_S, send_json
from app.service import Service
from app.settings import Settings

if TYPE_CHECKING:
    from app.data.database import Database, Tables

_METRIC = re.compile("(?!trinity_)[a-z][a-z0-9_]*")

S = TypeVar("S", bound=msgspec.Struct)
T = TypeVar("T")
A = TypeVar("A", bound=TaskState)


class Application:
    """The service for routes of an application. Everything runs on the event loop; `run` is for blocking calls."""

    def __init__(  # noqa: PLR0913  each is a part of its own
        self,
        settings: Settings,
        service: Service,
        dispatcher: Dispatcher,
        pool: ThreadPoolExecutor,
        *,
        bodies: BodyReader,
        verbs: Mapping[Verb, VerbResource],
        uploads: UploadJobs,
        downloads: ResultFileResource,
        fields: Callable[[Request], Sequence[str]] = lambda _: (),
        measures: dict[str, Measure] | None = None,
    ) -> None:
        """`fields` returns the names that the query of a request may have, and its form beside the file."""
        self.settings = settings
        self.service = service
        self.dispatcher = dispatcher
        self.pool = pool
        self._bodies = bodies
        self._verbs = verbs
        self._fields = fields
        self._measures = {} if measures is None else measures
        self._uploads = uploads
        self._downloads = downloads

    async def run(self, call: Callable[[], T]) -> T:
        """Run a blocking call, such as one of a database, in a thread of the pool, and return its result.

        Raise Unavailable if it raises ConnectionError, as a `Database` does that does not respond.
        """
        try:
            return await asyncio.get_running_loop().run_in_executor(self.pool, call)
        except ConnectionError:  # its message may contain an address
            raise Unavailable("what this needs does not answer; try again") from None

    async def read_json(self, req: Request, kind: type[S], *, optional: bool = False) -> S:
        """Return the body of a request, one JSON object of at most 64 KiB; raise the problem of a wrong one.

        With `optional` no body is as good as `{}`; that of the route then says `required=False`.
        """
        body = await self._bodies.read(req)
        try:
            return decode_object(req, body if body or not optional else b"{}", kind)
        finally:
            self._bodies.release(body)

    def read_query(self, given: Request | StoredUpload, kind: type[S]) -> S:
        """Return the query of a request as a struct; its route has `parameters=query_parameters(kind)`.

        That of a file from `receive` includes the fields of its form.
        """
        return read_query(given.sent.query if isinstance(given, StoredUpload) else given.params, kind)

    async def submit(
        self, verb: Verb, model: str, data: Mapping[str, Any] | Sequence[Any] | None = None, **request: Any
    ) -> Job:
        """Submit a fit, predict or score, and return its job, which may be finished in sync mode.

        `data` and `request` are members of the body of POST /models/{model}/{verb}: `{"X": rows}` or `{"source": …}`,
        and others such as `params` or `promote`. A sequence means the rows of X.
        """
        if data is not None:
            request["data"] = data if isinstance(data, Mapping) else {"X": data}
        return await self._verbs[verb].submit_json(msgspec.json.encode(request), model)

    async def receive(self, req: Request, *, field: str = "file") -> StoredUpload:
        """Write the file of a request, the body or a field of a form, to the store, and return it.

        The caller must remove it by `drop`. The route needs takes_file=True. Raise Invalid for fields of the form that
        are no parameters of the route.
        """
        return await self._uploads.receive(req, self.settings.max_file, field=field, fields=self._fields(req))

    async def drop(self, upload: StoredUpload) -> None:
        """Remove a received file."""
        await self._uploads.drop(upload)

    async def submit_file(
        self, req: Request, model: str, verb: Verb = "predict", *, field: str = "file", **options: Any
    ) -> Job:
        """Submit work on the file of a request, the body or a field of a form, and return its job.

        The parameters of the route, in the query or as fields of the form, are options of the model's `predict`, and
        such members as `timeout`; `options` are set by the application. The route needs takes_file=True. Raise Invalid
        for fields that are no parameters of the route, and the faults of the file, which is removed with its job.
        """
        return await self._verbs[verb].files.submit(req, model, options, field=field, fields=self._fields(req))

    async def submit_upload(
        self, req: Request, upload: StoredUpload, model: str, verb: Verb = "predict", **options: Any
    ) -> Job:
        """Submit work on a file from `receive`, with these options alone; a refused file is removed."""
        return await self._verbs[verb].files.submit_upload(req, upload, model, options)

    async def send_result_file(self, req: Request, resp: Response, job: Job, name: str | None = None) -> None:
        """Respond with a file of a job's result, as /jobs/{id}/result/file does; raise NotFound without one."""
        await self._downloads.send(req, resp, job, name)

    async def job(self, job_id: str, wait_s: float = 0) -> Job:
        """Return a job, after its end or after `wait_s` seconds; raise NotFound or Gone."""
        return await self.dispatcher.job(job_id, min(wait_s, self.settings.max_wait))

    def status(self, job: Job) -> TaskStatus:
        """Return the state of a job in Celery's words."""
        return STATUSES[job.status]

    def state(self, job: Job, kind: type[A]) -> A:
        """Return the state of a job as a TaskState, or as a subclass with additional members to set."""
        return state_of(job, kind)

    async def version(self, model: str) -> int | None:
        """Return the number of the version that answers for a model where a request names none; None before a fit."""
        try:
            return (await self.run(partial(self.service.manifest, model, None))).version
        except NotFitted:
            return None

    async def result(self, job: Job) -> Any:
        """Return the decoded result of a job; raise its failure, or Conflict while it has not ended."""
        if job.failure is not None:
            raise JobFailed.of(job.failure)
        if job.result is None:
            raise Conflict(f"the job is {self.status(job)}; there is no result yet")
        return msgspec.json.decode(job.result)

    def accepted(self, req: Request, resp: Response, job: Job, content: Any = None) -> None:
        """Respond with 202, Location, Retry-After and `content` as JSON, by default the job's `TaskState`."""
        resp.status = HTTPStatus.ACCEPTED
        resp.set_header("Location", f"{req.root_path}/jobs/{job.id}")
        set_retry_after(resp, POLL_S)
        send_json(resp, state_of(job, TaskState) if content is None else content)

    def answer(self, resp: Response, content: Any) -> None:
        """Respond with `content` as JSON: any value that msgspec encodes."""
        send_json(resp, content)

    def measure(self, name: str, description: str, label: str, read: Callable[[], Mapping[str, float]]) -> None:
        """Add a gauge to /metrics, with a value for each value of its label; `read` may block.

        Raise ValueError for a name that is not valid in Prometheus or in use. While `read` hangs or raises, the gauge
        is left out.
        """
        if not _METRIC.fullmatch(name) or not _METRIC.fullmatch(label) or name in self._measures:
            raise ValueError(f"{name!r} by {label!r} is no name of a metric: a-z, 0-9 and _, each once")
        self._measures[name] = Measure(description, label, read)

    def page(self, path: str, folder: Path | str, description: str) -> list[Route]:
        """Return the routes of a page at `path`: page.html in `folder`, and the files in its folder `static`.

        The page names these relative to itself, such as `shop/static/page.js` for the page at /shop.
        """
        return page_routes(path, Path(folder), description)

    def task_state(self, path: str, description: str = "The state of a task.") -> Route:
        """Return the route of the states of tasks, at a path that ends in the id, such as /tasks/{task_id}."""
        return task_state_route(path, self.job, description)

    def tables(self, path: str, database: Database, tables: Tables, description: str = "Rows of a table.") -> Route:
        """Return the route of tables, read by pages, at a path that ends in the table's name: /content/{table}.

        `tables` has what callers may read. A page has `items`, and `next` for `?after=` of the page after it.
        """
        return table_route(path, TableResource(database, tables, self.run), tables, description)
