"""Routes of an application over models of files, for TRINITY_ROUTES."""

from collections.abc import Iterable
from typing import Annotated

from falcon.asgi import Request, Response
from msgspec import Meta, Struct

from app.serve.application import Application
from app.serve.openapi.forms import file_form
from app.serve.resources.queries import query_parameters
from app.serve.resources.route import Route, route, routes_of


class Copies(Struct):
    """Options of the model."""

    copies: Annotated[int, Meta(description="How many.")] = 1
    named: str = "copy"


class Noted(Struct):
    """What a route reads itself."""

    copies: Annotated[int, Meta(ge=1)] = 1
    note: str = ""


class Uploads:
    def __init__(self, app: Application) -> None:
        self._app = app

    @route("/upload", "Takes a document, and gives the id of its task.", takes_file=True)
    async def on_post(self, req: Request, resp: Response) -> None:
        job = await self._app.submit_file(req, "upper", field="document", copies=2, timeout=30)
        self._app.accepted(req, resp, job, {"task_id": job.id})

    @route(
        "/copies",
        "Copies a document so many times.",
        parameters=query_parameters(Copies),
        body=file_form("document", Copies),
        takes_file=True,
    )
    async def on_post_copies(self, req: Request, resp: Response) -> None:
        named = self._app.read_query(req, Copies).named.lower()
        job = await self._app.submit_file(req, "upper", field="document", named=named)
        self._app.accepted(req, resp, job, {"task_id": job.id})

    @route("/noted", "Takes a document and a note.", parameters=query_parameters(Noted), takes_file=True)
    async def on_post_noted(self, req: Request, resp: Response) -> None:
        upload = await self._app.receive(req)
        noted = self._app.read_query(upload, Noted)
        job = await self._app.submit_upload(req, upload, "upper", copies=noted.copies)
        self._app.accepted(req, resp, job, {"task_id": job.id, "note": noted.note})

    @route("/upload/{job_id}", "Gives the document in capital letters.")
    async def on_get_one(self, req: Request, resp: Response, job_id: str) -> None:
        await self._app.send_result_file(req, resp, await self._app.job(job_id, wait_s=10), "copy2.txt")


def routes(app: Application) -> Iterable[Route]:
    return routes_of(Uploads(app))
