"""Tables of an application's database, read by pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from falcon.asgi import Request, Response
from msgspec import Meta, Struct

from app.errors import NotFound
from app.schemas.media_types import JSON
from app.serve.openapi.parts import Parameter, ResponseSpec
from app.serve.resources.queries import query_parameters, read_query
from app.serve.resources.route import Route, last_placeholder
from app.serve.responses import send_json

if TYPE_CHECKING:
    from app.data.database import Database, Tables

MAX_SHOWN = 64
MAX_ROWS = 100


class TableQuery(Struct):
    """Which rows."""

    limit: Annotated[int, Meta(ge=1, le=MAX_ROWS, description=f"How many, 1 to {MAX_ROWS}; 10 without it.")] = 10
    after: Annotated[str, Meta(description="The `next` of the page before.")] = ""


class TablePage(Struct):
    """Rows of a table, and what `after` of the next page is; null on the last one."""

    items: list[dict[str, Any]]
    next: str | None


class TableResource:
    """GET of one of the tables, which the last part of the path names."""

    def __init__(self, database: Database, tables: Tables, run: Callable[[Callable[[], Any]], Awaitable[Any]]) -> None:
        self._database, self._tables, self._run = database, tables, run

    async def on_get(self, req: Request, resp: Response, **path: str) -> None:
        """Answer a page; raise NotFound for an unknown table."""
        name = list(path.values())[-1]
        if name not in self._tables:
            raise NotFound(f"there is no {name[:MAX_SHOWN]!r}; there are {', '.join(self._tables)}")
        query = read_query(req.params, TableQuery)
        read = partial(self._database.read_page, self._tables[name], query.after, query.limit)
        send_json(resp, TablePage(*await self._run(read)))


def table_route(path: str, resource: TableResource, tables: Mapping[str, Any], description: str) -> Route:
    """Return the route of tables at a path that ends in a placeholder for the table's name; ValueError for another."""
    name = last_placeholder(path, "the name of the table", "/content/{table}")
    listed = Parameter(name, str, f"One of {', '.join(tables)}.", "path", example=next(iter(tables)))
    return Route(
        "GET",
        path,
        description,
        {200: ResponseSpec("A page of rows.", {JSON: TablePage}), 404: ResponseSpec("There is no such table.")},
        parameters=(listed, *query_parameters(TableQuery)),
        scope="read",
        resource=resource,
    )
