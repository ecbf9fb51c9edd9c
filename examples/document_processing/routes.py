"""The routes of document processing: upload a document, see how far it is, fetch the new one; and a page."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from falcon.asgi import Request, Response
from msgspec import Meta, Struct

from app.schemas.media_types import JSON
from app.serve.application import Application
from app.serve.openapi.forms import file_form
from app.serve.openapi.parts import BYTES, ResponseSpec
from app.serve.resources.queries import query_parameters
from app.serve.resources.route import Route, route, routes_of
from examples.document_processing.model import FORMATS, Documents, Format

TIMEOUT_S = 300  # longer than the process that reads a document may take


class UploadQuery(Struct):
    """What the new document is."""

    format: Annotated[Format, Meta(description="What the new document is: markdown without it.")] = "markdown"


class Task(Struct):
    """A task that was accepted."""

    task_id: str


class Processing:
    """Takes documents, and gives the new ones back."""

    def __init__(self, app: Application) -> None:
        self._app = app

    @route(
        "/upload",
        "Starts to process a document: text, Markdown, HTML, PDF, DOCX or CSV, in the field `document` of a form.",
        {
            202: ResponseSpec("It is accepted.", {JSON: Task}),
            413: ResponseSpec("The document is larger than TRINITY_MAX_FILE bytes."),
            422: ResponseSpec("There is no document in the form, or the format is none of these."),
        },
        parameters=query_parameters(UploadQuery),
        body=file_form("document", UploadQuery),
        takes_file=True,
        setup="printf 'Bees make honey.\\n' > bees.txt",
        example_file="bees.txt",
        example_field="document",
    )
    async def on_post_upload(self, req: Request, resp: Response) -> None:
        """Store the document as it comes, and submit it."""
        job = await self._app.submit_file(req, Documents.name, field="document", timeout=TIMEOUT_S)
        self._app.accepted(req, resp, job, Task(job.id))

    @route(
        "/elab_result/{task_id}",
        "The new document, as a download; 409 while there is none yet.",
        {
            200: ResponseSpec("The document.", {media_type: BYTES for _, media_type in FORMATS.values()}),
            404: ResponseSpec("There is no such task."),
            409: ResponseSpec("It has not ended."),
        },
    )
    async def on_get_result(self, req: Request, resp: Response, task_id: str) -> None:
        """Send the new document; raise the problem of a task that failed, or has not ended."""
        job = await self._app.job(task_id)
        await self._app.result(job)
        await self._app.send_result_file(req, resp, job)


def routes(app: Application) -> Iterable[Route]:
    """Return the routes of the application."""
    page = app.page("/document_processing", Path(__file__).parent, "A page: upload a document, fetch the new one.")
    return [*routes_of(Processing(app)), app.task_state("/elab_status/{task_id}", "How far a task is."), *page]
