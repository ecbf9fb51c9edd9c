"""The aliases of a model's versions, and the history of their moves."""

from __future__ import annotations

import asyncio
from functools import partial
from itertools import islice
from typing import Annotated

from falcon.asgi import Request, Response
from msgspec import UNSET, Meta

from app.errors import Invalid, NotFound
from app.schemas.media_types import JSON
from app.schemas.registry import Alias, AliasBody, Move, Moves, Removed
from app.schemas.requests import parse_version
from app.serve.bodies.json_object import decode_object
from app.serve.bodies.reader import BodyReader
from app.serve.openapi.parts import BODY_ERRORS, STORE_DOWN, Parameter, RequestBody, ResponseSpec
from app.serve.resources.registry_changes import changed
from app.serve.resources.route import route
from app.serve.responses import send_json
from app.service import Service
from app.storage.registry import Author, Expected
from app.telemetry.context import REQUEST

LISTED = 100
MAX_LISTED = 1000
MODEL = "trial"  # of the examples
FIT_EXAMPLE = (
    f"curl -s -o /dev/null -H 'Prefer: wait=10' -H 'Content-Type: {JSON}' "
    f'-d \'{{"estimator": "polynomial"}}\' {{base}}/models/{MODEL}/fit'
)
SET_EXAMPLE = (
    f"{FIT_EXAMPLE}; curl -s -o /dev/null -X PUT -H 'Content-Type: {JSON}' "
    f"-d '{{\"version\": 1}}' {{base}}/models/{MODEL}/aliases/champion"
)
NO_ALIAS = ResponseSpec("There is no such model or alias.")
BAD_ALIAS = ResponseSpec("The alias is not valid, or is `latest`, which follows the fits.")
MOVED = ResponseSpec("The alias is not where `if_version` expects it; `detail` says where it is.")
IF_VERSION = Parameter(
    "if_version",
    Annotated[int, Meta(ge=1, le=10**9)],
    "Where the alias must stand; without it, anywhere.",
)


class AliasResource:
    """GET, PUT and DELETE /models/{name}/aliases/{alias}, and GET /models/{name}/history."""

    def __init__(self, service: Service, bodies: BodyReader) -> None:
        self._service = service
        self._registry = service.store.registry
        self._bodies = bodies

    @route(
        "/models/{name}/aliases/{alias}",
        "Moves an alias to a version, or makes it. With `if_version` it moves from that version alone.",
        {
            **BODY_ERRORS,
            200: ResponseSpec("The alias is there.", {JSON: Alias}),
            404: ResponseSpec("There is no such model or version."),
            409: MOVED,
            415: ResponseSpec("The body is not JSON."),
            422: BAD_ALIAS,
            503: STORE_DOWN,
        },
        body=RequestBody({JSON: AliasBody}, {JSON: '{"version": 1}'}),
        operation="set_alias",
        setup=FIT_EXAMPLE,
        example_path=f"/models/{MODEL}/aliases/champion",
    )
    async def on_put_alias(self, req: Request, resp: Response, name: str, alias: str) -> None:
        body = await self._bodies.read(req)
        try:
            wanted = decode_object(req, body, AliasBody)
        finally:
            self._bodies.release(body)
        await self._move(name, alias, wanted.version, Author(wanted.why, _key_name()), wanted.if_version)
        send_json(resp, Alias(alias, wanted.version))

    @route(
        "/models/{name}/aliases/{alias}",
        "The version that an alias names.",
        {200: ResponseSpec("The alias.", {JSON: Alias}), 404: NO_ALIAS, 503: STORE_DOWN},
        operation="get_alias",
        setup=SET_EXAMPLE,
        example_path=f"/models/{MODEL}/aliases/champion",
    )
    async def on_get_alias(self, req: Request, resp: Response, name: str, alias: str) -> None:  # noqa: ARG002
        send_json(resp, Alias(alias, await asyncio.to_thread(self._resolved, name, alias)))

    @route(
        "/models/{name}/aliases/{alias}",
        "Removes an alias; without a `champion`, the latest version serves.",
        {
            200: ResponseSpec("The alias is gone.", {JSON: Removed}),
            404: NO_ALIAS,
            409: MOVED,
            422: BAD_ALIAS,
            503: STORE_DOWN,
        },
        parameters=(IF_VERSION,),
        operation="delete_alias",
        setup=SET_EXAMPLE,
        example_path=f"/models/{MODEL}/aliases/champion",
    )
    async def on_delete_alias(self, req: Request, resp: Response, name: str, alias: str) -> None:
        expected = _if_version(req)
        if await self._move(name, alias, None, Author("request", _key_name()), expected) is None:
            raise NotFound.at("/alias", f"model {name!r} has no alias {alias[:64]!r}")
        send_json(resp, Removed(name, alias=alias))

    @route(
        "/models/{name}/history",
        "The moves of a model's aliases, newest first; ?alias=, ?limit=.",
        {
            200: ResponseSpec("The moves.", {JSON: Moves}),
            404: ResponseSpec("There is no such model."),
            422: ResponseSpec("A value in the query is not allowed."),
            503: STORE_DOWN,
        },
        parameters=(
            Parameter("alias", str, "Only moves of this alias."),
            Parameter(
                "limit", Annotated[int, Meta(ge=1, le=MAX_LISTED)], f"The most moves, by default {LISTED}.", example=10
            ),
        ),
        operation="get_history",
    )
    async def on_get_history(self, req: Request, resp: Response, name: str) -> None:
        await asyncio.to_thread(self._service.model, name)
        limit = _limit(req)
        send_json(resp, Moves(await asyncio.to_thread(self._moves, name, req.get_param("alias"), limit)))

    async def _move(self, name: str, alias: str, to: int | None, author: Author, expected: Expected) -> object:
        await asyncio.to_thread(self._service.model, name)
        return await changed(partial(self._registry.move, name, alias, to, author, expected))

    def _resolved(self, name: str, alias: str) -> int:
        self._service.model(name)
        try:
            return self._service.store.resolve(name, alias)
        except NotFound:
            raise NotFound.at("/version", f"model {name!r} has no alias {alias[:64]!r}") from None

    def _moves(self, name: str, alias: str | None, limit: int) -> list[Move]:
        moves = (move for move in self._registry.history(name) if alias in {None, move.alias})
        return list(islice(moves, limit))


def _key_name() -> str:
    return REQUEST.get().key_name


def _if_version(req: Request) -> Expected:
    text = req.get_param("if_version")
    if text is None:
        return UNSET
    number = parse_version(text)
    if not isinstance(number, int):
        raise Invalid.at("/if_version", "if_version must be the number of a version")
    return number


def _limit(req: Request) -> int:
    text = req.get_param("limit", default=str(LISTED))
    limit = parse_version(text)  # a number as those of versions are
    if not isinstance(limit, int) or limit > MAX_LISTED:
        raise Invalid.at("/limit", f"limit must be a whole number from 1 to {MAX_LISTED}")
    return limit
