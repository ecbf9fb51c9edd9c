"""Routes on the model `polynomial`: start, state and result of a job, and some that go wrong."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import falcon
import msgspec
from falcon.asgi import Request, Response

from app.errors import NotFound
from app.schemas.media_types import JSON
from app.serve.application import Application
from app.serve.openapi.parts import Parameter, RequestBody, ResponseSpec
from app.serve.resources.queries import query_parameters
from app.serve.resources.route import Route, route, routes_of
from tests.support.shop.database import TABLES, database


class Order(msgspec.Struct):
    """What a start takes."""

    number: int


class Task(msgspec.Struct):
    """What a start answers."""

    task_id: str
    status: str


class Tasks:
    """POST /tasks/start, GET /tasks/{task_id}."""

    def __init__(self, app: Application) -> None:
        self._app = app

    @route(
        "/tasks/start",
        "Starts a fit of so many rows.",
        {202: ResponseSpec("It is accepted.", {JSON: Task})},
        body=RequestBody({JSON: Order}, {JSON: '{"number": 20}'}),
    )
    async def on_post(self, req: Request, resp: Response) -> None:
        """Submit, and answer where the job is."""
        order = await self._app.read_json(req, Order)
        source = {"source": "dummy", "params": {"number": order.number}}
        job = await self._app.submit("fit", "polynomial", source, params={"degree": 1})
        self._app.accepted(req, resp, job, Task(job.id, self._app.status(job)))

    @route("/tasks/{task_id}", "The state of a task, and its result.", parameters=(Parameter("wait", int, "Seconds."),))
    async def on_get(self, req: Request, resp: Response, task_id: str) -> None:
        """Answer the state, and the version once there is one."""
        job = await self._app.job(task_id, req.get_param_as_float("wait") or 0)
        answer = {"task_id": job.id, "status": self._app.status(job)}
        if job.finished:
            answer["version"] = (await self._app.result(job))["version"]
        self._app.answer(resp, answer)


class Range(msgspec.Struct):
    """A query."""

    first: Annotated[int, msgspec.Meta(ge=1, description="The first.")] = 1
    words: Literal["few", "many"] = "few"


class Odd:
    """Routes whose code has faults."""

    def __init__(self, app: Application) -> None:
        self._app = app

    @route("/queries/range", "Says what the query says.", parameters=query_parameters(Range))
    async def on_get_range(self, req: Request, resp: Response) -> None:
        """Answer the query."""
        self._app.answer(resp, self._app.read_query(req, Range))

    @route("/queries/optional", "Says what the body says.", body=RequestBody({JSON: Range}, required=False))
    async def on_post_optional(self, req: Request, resp: Response) -> None:
        """Answer the body."""
        self._app.answer(resp, await self._app.read_json(req, Range, optional=True))

    @route("/queries/bodiless", "Takes no body.")
    async def on_post_bodiless(self, req: Request, resp: Response) -> None:
        """Answer nothing of what was sent."""
        self._app.answer(resp, [])

    @route("/queries/version", "The version that answers.")
    async def on_get_version(self, req: Request, resp: Response) -> None:
        """Answer it for a model that may be fitted, and for one that nobody fits."""
        self._app.answer(resp, [await self._app.version(name) for name in ("polynomial", "multivariate")])

    @route("/odd/unreachable", "Needs what does not answer.")
    async def on_get_unreachable(self, req: Request, resp: Response) -> None:
        """Fail as a database does that does not answer."""

        def ask() -> None:
            raise ConnectionError("of the customer")

        await self._app.run(ask)

    @route("/odd/bug", "Raises what nobody foresaw.")
    async def on_get_bug(self, req: Request, resp: Response) -> None:
        """Fail, with a secret in the message."""
        raise KeyError(req.get_header("Secret"))

    @route("/odd/{word}", "Refuses by Falcon's means, or by ours.", scope="fit")
    async def on_get(self, req: Request, resp: Response, word: str) -> None:
        """Refuse."""
        if word == "teapot":
            raise falcon.HTTPError(418)
        raise NotFound(f"no {word}")


def routes(app: Application) -> Iterable[Route]:
    """Return the routes of the application."""
    app.measure("shop_goods", "Goods in the shop.", "kind", lambda: {"apples": 3, "pears": 0.5})
    app.measure("shop_losses", "What cannot be read.", "kind", lambda: {"apples": 1 / 0})
    database.migrate()
    return [
        *routes_of(Tasks(app), Odd(app)),
        app.task_state("/states/{task_id}"),
        app.tables("/goods/{table}", database, TABLES),
        *app.page("/shop", Path(__file__).parent, "The shop."),
    ]
