"""The routes of object detection: start a task with a picture, see what it found, and a page that does both."""

from collections.abc import Iterable
from pathlib import Path

from falcon.asgi import Request, Response
from msgspec import UNSET, Struct, UnsetType, field

from app.schemas.media_types import JSON
from app.serve.application import Application
from app.serve.openapi.forms import file_form
from app.serve.openapi.parts import ResponseSpec
from app.serve.resources.route import Route, route, routes_of
from app.serve.resources.task_states import TaskState
from examples.object_detection.model import Detector


class Box(Struct):
    """Corners in pixels of the upright picture."""

    x1: float
    y1: float
    x2: float
    y2: float


class Found(Struct):
    """An object of one of COCO's 80 classes, counted from 0."""

    name: str
    kind: int = field(name="class")
    confidence: float
    box: Box


class Started(Struct):
    """What a start answers."""

    task_id: str
    image: str
    status: str


class Result(TaskState):
    """The state of a task; with the picture's name and the objects once it has succeeded."""

    image_name: str | UnsetType = UNSET
    result: list[Found] | UnsetType = UNSET


class Tasks:
    """POST /start_task, GET /task_result/{task_id}."""

    def __init__(self, app: Application) -> None:
        self._app = app

    @route(
        "/start_task",
        "Starts to look for objects in a picture, JPEG or PNG, in the field `file` of a form.",
        {
            202: ResponseSpec("It is accepted.", {JSON: Started}),
            413: ResponseSpec("The file is larger than TRINITY_MAX_FILE bytes."),
            415: ResponseSpec("The file is no JPEG or PNG picture."),
            422: ResponseSpec("There is no file in the form, or it is empty."),
        },
        body=file_form("file"),
        example_file="examples/object_detection/samples/astronaut.jpg",
        example_field="file",
        takes_file=True,
    )
    async def on_post(self, req: Request, resp: Response) -> None:
        """Keep the picture, submit it, and answer where the task is."""
        upload = await self._app.receive(req)
        job = await self._app.submit_upload(req, upload, Detector.name)
        self._app.accepted(req, resp, job, Started(job.id, upload.name, self._app.status(job)))

    @route(
        "/task_result/{task_id}",
        "The state of a task, and the objects that it found.",
        {200: ResponseSpec("The state.", {JSON: Result}), 404: ResponseSpec("There is no such task.")},
    )
    async def on_get(self, _req: Request, resp: Response, task_id: str) -> None:
        """Answer the state, and with it what was found or what went wrong."""
        job = await self._app.job(task_id)
        answer = self._app.state(job, Result)
        if answer.status == "SUCCESS" and (job.model, job.verb) == (Detector.name, "predict"):
            found = await self._app.result(job)
            answer.image_name, answer.result = found["image_name"], found["objects"]
        self._app.answer(resp, answer)


def routes(app: Application) -> Iterable[Route]:
    """Return the routes of the application."""
    page = app.page("/object_detection", Path(__file__).parent, "A page: drop a picture, see the boxes drawn on it.")
    return [*routes_of(Tasks(app)), *page]
