"""The routes of the recommender: ask for places, see them, select one, and train the ranker by what was selected."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from falcon.asgi import Request, Response
from msgspec import Meta, Struct, to_builtins

from app.schemas.media_types import JSON
from app.serve.application import Application
from app.serve.openapi.parts import RequestBody, ResponseSpec
from app.serve.resources.queries import query_parameters
from app.serve.resources.route import Route, route, routes_of
from app.serve.resources.task_states import TASK_ACCEPTED
from examples.place_recommender.candidates import Asked, complete
from examples.place_recommender.database import FEATURES, TABLES, database, slates
from examples.place_recommender.model import PlaceRanker
from examples.place_recommender.places import Place, shown
from examples.place_recommender.sources import TRAINING


class Number(Struct):
    """How many places."""

    limit: Annotated[int, Meta(ge=1, le=100, description="How many, 1 to 100; 10 without it.")] = 10


class Results(Struct):
    """The places that were shown for a task, the best first; empty while it waits or runs."""

    task_id: str
    status: str
    places: list[Place] = []
    version: int | None = None


class Choice(Struct, forbid_unknown_fields=True):
    """What the user chose of the places that a task showed; null for none of them."""

    task_id: str
    location_id: int | None


class Selected(Choice):
    """What was recorded; `position` is that of the place, null for none."""

    position: int | None


class Training(Struct, forbid_unknown_fields=True):
    """Parameters of the fit, as those of `POST /models/places/fit`."""

    params: dict[str, Any] = {}


class Recommender:
    """Starts tasks, shows their places, takes selections, trains."""

    def __init__(self, app: Application) -> None:
        self._app = app

    @route(
        "/inference/start",
        "Starts to rank the places around a user.",
        TASK_ACCEPTED,
        body=RequestBody({JSON: Asked}, {JSON: '{"user": 1, "categories": ["café", "park"], "radius_km": 3}'}),
    )
    async def on_post_start(self, req: Request, resp: Response) -> None:
        """Submit a prediction for the places around, and record who asked."""
        given = await self._app.read_json(req, Asked)
        asked = await self._app.run(partial(complete, given))
        data = {"source": "candidates", "params": to_builtins(asked)}
        job = await self._app.submit("predict", PlaceRanker.name, data, keep=["location_id", *FEATURES])
        where = {"latitude": asked.latitude, "longitude": asked.longitude}
        await self._app.run(partial(slates.add, job.id, user_id=asked.user, **where))
        self._app.accepted(req, resp, job)

    @route(
        "/inference/results/{task_id}",
        "The best places of a task; they count as shown.",
        {200: ResponseSpec("The places.", {JSON: Results}), 404: ResponseSpec("There is no such task.")},
        parameters=query_parameters(Number),
    )
    async def on_get_results(self, req: Request, resp: Response, task_id: str) -> None:
        """Record the places as shown and answer them; what was recorded is answered as it was."""
        limit = self._app.read_query(req, Number).limit
        places = await self._app.run(partial(shown, task_id, limit))
        answer = Results(task_id, "SUCCESS", places)
        if len(places) < limit:
            job = await self._app.job(task_id)
            answer.status, answer.version = self._app.status(job), job.version
            if job.finished:
                ranking = await self._app.result(job)
                await self._app.run(partial(slates.show, task_id, ranking, limit, model_version=job.version))
                answer.places = await self._app.run(partial(shown, task_id, limit))
        self._app.answer(resp, answer)

    @route(
        "/inference/select",
        "Says which of the places that a task showed the user chose; the next training learns from it.",
        {200: ResponseSpec("It is recorded.", {JSON: Selected}), 404: ResponseSpec("It has shown no places.")},
        body=RequestBody({JSON: Choice}, {JSON: '{"task_id": "…", "location_id": 17}'}),
    )
    async def on_put_select(self, req: Request, resp: Response) -> None:
        """Record the choice."""
        choice = await self._app.read_json(req, Choice)
        position = await self._app.run(partial(slates.choose, choice.task_id, choice.location_id))
        self._app.answer(resp, Selected(choice.task_id, choice.location_id, position))

    @route(
        "/train/start",
        "Trains the ranker by all selections; it serves if it ranks held-out slates better than the one that does.",
        TASK_ACCEPTED,
        body=RequestBody({JSON: Training}, {JSON: '{"params": {"penalty": 1}}'}, required=False),
        scope="fit",
    )
    async def on_post_train(self, req: Request, resp: Response) -> None:
        """Submit a fit with a gate."""
        training = await self._app.read_json(req, Training, optional=True)
        job = await self._app.submit("fit", PlaceRanker.name, **TRAINING, params=training.params)
        self._app.accepted(req, resp, job)

    @route(
        "/content/info",
        "How many rows each table has, and which version ranks.",
        {200: ResponseSpec("The numbers.", {JSON: dict[str, int | None]})},
        scope="read",
    )
    async def on_get_info(self, req: Request, resp: Response) -> None:  # noqa: ARG002  Falcon's signature
        """Answer the numbers."""
        rows = await self._app.run(partial(database.count_rows, TABLES))
        self._app.answer(resp, {**rows, "version": await self._app.version(PlaceRanker.name)})


def routes(app: Application) -> Iterable[Route]:
    """Return the routes of the application."""
    app.measure("places_rows", "Rows of each table.", "table", partial(database.count_rows, TABLES))
    app.measure("places_selected", "Answered slates, and how far up places were selected.", "figure", slates.statistics)
    return [
        *routes_of(Recommender(app)),
        app.task_state("/inference/status/{task_id}"),
        app.task_state("/train/status/{task_id}", "The state of a training."),
        app.tables("/content/{what}", database, TABLES),
        *app.page("/places", Path(__file__).parent, "A page: places around a user as list and map; select one."),
    ]
