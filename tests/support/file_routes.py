"""Routes of an application over models of files, for TRINITY_ROUTES."""

from collections.abc import Iterable

from falcon.asgi import Request, Response

from app.serve.application import Application
from app.serve.resources.route import Route, route, routes_of


class Uploads:
    def __init__(self, app: Application) -> None:
        self._app = app

    @route("/upload", "Takes a document, and gives the id of its task.", takes_file=True)
    async def on_post(self, req: Request, resp: Response) -> None:
        job = await self._app.submit_file(req, "upper", field="document", copies=2, timeout=30)
        self._app.accepted(req, resp, job, {"task_id": job.id})

    @route("/upload/{job_id}", "Gives the document in capital letters.")
    async def on_get_one(self, req: Request, resp: Response, job_id: str) -> None:
        await self._app.send_result_file(req, resp, await self._app.job(job_id, wait_s=10), "copy2.txt")


def routes(app: Application) -> Iterable[Route]:
    return routes_of(Uploads(app))
