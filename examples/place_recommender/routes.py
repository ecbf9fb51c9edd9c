"""The routes of the recommender: ask for places, see them, select one, and train the ranker by what was selected."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeVar

from falcon.asgi import Request, Response
from msgspec import Meta, Struct
from sqlalchemy.exc import OperationalError

from app.errors import NotFitted, Unavailable
from app.schemas.media_types import JSON
from app.serve.application import Application
from app.serve.openapi.parts import Parameter, RequestBody, ResponseSpec
from app.serve.resources.route import Route, route, routes_of
from examples.place_recommender import slates
from examples.place_recommender.candidates import FEATURES
from examples.place_recommender.model import PlaceRanker
from examples.place_recommender.slates import Choice, Place, Start

T = TypeVar("T")
HELD_OUT = {"source": "selections", "params": {"part": "held_out"}}
METRIC = "mrr"
LIMIT = Parameter("limit", Annotated[int, Meta(ge=1, le=100)], "How many, 1 to 100; 10 without it.")
AFTER = Parameter("after", str, "The `next` of the page before.")


class Task(Struct):
    """A task and its state."""

    task_id: str
    status: str


class Results(Task):
    """The places that were shown for a task, the best first; empty while it waits or runs."""

    places: list[Place] = []
    version: int | None = None


class Selected(Struct):
    """What was recorded; `position` is that of the place, null for none."""

    task_id: str
    location_id: int | None
    position: int | None


class Page(Struct):
    """Rows of a table, and what `after` of the next page is; null on the last one."""

    items: list[dict[str, Any]]
    next: str | None


class Inference:
    """Starts tasks, says how they are, shows their places, and takes selections."""

    def __init__(self, app: Application) -> None:
        self._app = app

    @route(
        "/inference/start",
        "Starts to rank the places around a user.",
        {202: ResponseSpec("It is accepted.", {JSON: Task})},
        body=RequestBody({JSON: Start}, {JSON: '{"user": 1, "categories": ["café", "park"], "radius_km": 3}'}),
    )
    async def on_post_start(self, req: Request, resp: Response) -> None:
        """Submit a prediction for the places around, and record who asked."""
        start = await self._app.read_json(req, Start)
        params = await _stored(self._app, slates.asked, start)
        data = {"source": "candidates", "params": params}
        job = await self._app.submit("predict", PlaceRanker.name, data, keep=["place", *FEATURES])
        await _stored(self._app, slates.add_inference, job.id, start.user, params)
        self._app.accepted(req, resp, job, Task(job.id, self._app.status(job)))

    @route("/inference/status/{task_id}", "The state of a task.", {200: ResponseSpec("The state.", {JSON: Task})})
    async def on_get_status(self, req: Request, resp: Response, task_id: str) -> None:  # noqa: ARG002
        """Answer the state, of a training too."""
        job = await self._app.job(task_id)
        self._app.answer(resp, Task(job.id, self._app.status(job)))

    @route(
        "/inference/results/{task_id}",
        "The best places of a task; they count as shown.",
        {200: ResponseSpec("The places.", {JSON: Results})},
        parameters=(LIMIT,),
    )
    async def on_get_results(self, req: Request, resp: Response, task_id: str) -> None:
        """Record the places as shown and answer them; what was recorded is answered as it was."""
        limit = _limit(req)
        places = await _stored(self._app, slates.shown, task_id, limit)
        if len(places) == limit:
            self._app.answer(resp, Results(task_id, "SUCCESS", places))
            return
        job = await self._app.job(task_id)
        answer = Results(task_id, self._app.status(job))
        if job.finished:
            ranking = await self._app.result(job)
            answer.version = job.version
            answer.places = await _stored(self._app, slates.show, task_id, job.version, ranking, limit)
        self._app.answer(resp, answer)

    @route(
        "/inference/select",
        "Says which of the places that a task showed the user chose; the next training learns from it.",
        {200: ResponseSpec("It is recorded.", {JSON: Selected})},
        body=RequestBody({JSON: Choice}, {JSON: '{"task_id": "…", "location_id": 17}'}),
    )
    async def on_put_select(self, req: Request, resp: Response) -> None:
        """Record the choice."""
        choice = await self._app.read_json(req, Choice)
        position = await _stored(self._app, slates.choose, choice)
        self._app.answer(resp, Selected(choice.task_id, choice.location_id, position))


class Training:
    """POST /train/start."""

    def __init__(self, app: Application) -> None:
        self._app = app

    @route(
        "/train/start",
        "Trains the ranker by all selections; it serves if it ranks held-out slates better than the one that does.",
        {202: ResponseSpec("It is accepted.", {JSON: Task})},
        scope="fit",
    )
    async def on_post(self, req: Request, resp: Response) -> None:
        """Submit a fit with a gate."""
        gate = {"alias": "champion", "on": HELD_OUT, "metric": METRIC}
        data = {"source": "selections"}
        job = await self._app.submit("fit", PlaceRanker.name, data, ignore=["place"], promote=gate)
        self._app.accepted(req, resp, job, Task(job.id, self._app.status(job)))


class Content:
    """GET /content/{what}."""

    def __init__(self, app: Application) -> None:
        self._app = app

    @route(
        "/content/{what}",
        "What the database holds: info, or a page of users, locations, inferences or selections.",
        {200: ResponseSpec("Counts, or rows.", {JSON: {"type": "object"}})},
        parameters=(Parameter("what", str, "info, users, locations, …", "path", example="info"), LIMIT, AFTER),
        scope="read",
    )
    async def on_get(self, req: Request, resp: Response, what: str) -> None:
        """Answer counts and the ranker's version, or a page."""
        if what == "info":
            found: dict[str, Any] = dict(await _stored(self._app, slates.counts))
            self._app.answer(resp, {**found, "version": await self._app.run(self._version)})
            return
        rows, after = await _stored(self._app, slates.page, what, req.get_param("after"), _limit(req))
        self._app.answer(resp, Page(rows, after))

    def _version(self) -> int | None:
        try:
            return self._app.service.manifest(PlaceRanker.name, None).version
        except NotFitted:
            return None


def routes(app: Application) -> Iterable[Route]:
    """Return the routes of the application."""
    app.measure("places_rows", "Rows of each table.", "table", slates.counts)
    app.measure("places_selected", "Places that were selected, and how far up they stood.", "figure", slates.quality)
    page = app.page("/places", Path(__file__).parent, "A page: places around a user as list and map; select one.")
    return [*routes_of(Inference(app), Training(app), Content(app)), *page]


async def _stored(app: Application, call: Callable[..., T], *arguments: Any) -> T:
    """Return what a call of the database returns; raise Unavailable where that does not answer."""
    try:
        return await app.run(partial(call, *arguments))
    except OperationalError:  # its words may hold the database's address
        raise Unavailable("the database does not answer; try again") from None


def _limit(req: Request) -> int:
    """Return the limit of a query; falcon refuses others with 400."""
    return req.get_param_as_int("limit", min_value=1, max_value=100) or 10
