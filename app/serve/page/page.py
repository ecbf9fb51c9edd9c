"""GET /: the list of routes as JSON, or the page for browsers."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, partial
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from falcon.asgi import Request, Response

from app.dispatch.dispatcher import FEED_JOBS, Dispatcher
from app.errors import NotFound, TrinityError, Unavailable
from app.schemas.jobs import FINISHED, Job, JobQuery, envelope
from app.schemas.media_types import JSON
from app.schemas.tasks import Task
from app.schemas.wording import seen
from app.serve.caching import IMMUTABLE, MEDIA_TYPES, StaticFile, send_cached, set_security_headers
from app.serve.health_checks import HealthChecks
from app.serve.openapi.parts import TEXT, Parameter, ResponseSpec
from app.serve.page.format import clock, day, duration, number
from app.serve.page.forms import source_forms
from app.serve.page.page_data import PageData, PageQuery, page_data
from app.serve.preferences import prefers_html
from app.serve.problems import set_retry_after
from app.serve.resources.documents import RouteList, route_list
from app.serve.resources.pages import page_titles
from app.serve.resources.route import Route, route
from app.serve.responses import send_json
from app.service import Service
from app.settings import Settings
from app.telemetry.traffic import TrafficRing

if TYPE_CHECKING:
    from jinja2 import Template

TEMPLATES = Path(__file__).parent / "templates"
STATIC = Path(__file__).parent / "static"
PAGE = {"text/html": TEXT}
DIALECT = (
    ("separator", "Between cells", ("comma", "semicolon", "tab", "pipe", "blank")),
    ("decimal", "Decimal mark", ("point", "comma")),
    ("header", "Names in the first row", ("present", "absent")),
    ("encoding", "Encoding", ("utf-8", "windows-1250", "windows-1251", "windows-1252", "iso-8859-15", "shift_jis")),
)
"""Members of the query that say how a CSV file is written, with their labels and some values."""
FIGURES: Mapping[Task, tuple[tuple[str, str], ...]] = {
    "regression": (("r2", "R²"), ("rmse", "RMSE"), ("mae", "MAE")),
    "classification": (("accuracy", "Accuracy"), ("f1_macro", "F1"), ("log_loss", "Log loss")),
    "image": (),
    "document": (),
}
"""The metrics that are shown of a version, with their titles."""
LINKS = {"/docs": "Docs", "/openapi.json": "OpenAPI", "/metrics": "Metrics"}


class HomePage:
    """GET /, and the page's files under a path that changes with their content: browsers keep them for a year.

    `routes` is called at each request: it returns these routes too, so they are made later.
    """

    def __init__(
        self,
        service: Service,
        dispatcher: Dispatcher,
        checks: HealthChecks,
        settings: Settings,
        traffic: TrafficRing,
        routes: Callable[[], Iterable[Route]],
    ) -> None:
        self._service = service
        self._dispatcher = dispatcher
        self._checks = checks
        self._settings = settings
        self._traffic = traffic
        self._routes = routes
        files = sorted(file for file in STATIC.iterdir() if file.suffix in MEDIA_TYPES)
        self._files = {file.name: StaticFile(file.read_bytes()) for file in files}
        content = b"\0".join(file.plain for file in self._files.values())
        self._digest = hashlib.sha256(content).hexdigest()[:16]

    @route(
        "/",
        "This list; a page where a browser asks for HTML.",
        {
            200: ResponseSpec("The routes, or the page.", {JSON: RouteList, **PAGE}),
            404: ResponseSpec("The page, without the model or version in the query: it does not exist.", PAGE),
            500: ResponseSpec("The page, without the version in the query: it is damaged on disk.", PAGE),
            503: ResponseSpec("The page, without what cannot be read from the store now.", PAGE),
        },
        parameters=(
            Parameter("model", str, "The page: the model to show, by default one that is fitted."),
            Parameter("version", str, "The page: its version, a number or an alias, by default the latest."),
            Parameter("output", str, "The page: the output to draw, a number from 1."),
        ),
        operation="index",
    )
    async def on_get(self, req: Request, resp: Response) -> None:
        resp.append_header("Vary", "Accept")
        if not prefers_html(req.get_header("Accept")):
            send_json(
                resp, route_list(self._routes(), self._settings.mode, f"{req.scheme}://{req.netloc}", req.root_path)
            )
            return
        query = PageQuery(*(next(iter(req.get_param_as_list(name) or ()), None) for name in PageQuery._fields))
        parts, (jobs, no_jobs), data = await asyncio.gather(
            self._checks.states(),
            self._jobs(),
            asyncio.to_thread(page_data, self._service, self._settings.default_model, query),
        )
        resp.status = data.status
        if data.status == HTTPStatus.SERVICE_UNAVAILABLE:
            set_retry_after(resp, Unavailable.retry_after_s)
        resp.content_type = "text/html; charset=utf-8"
        set_security_headers(resp, forms="'self'")
        resp.set_header("Cache-Control", "private, no-cache")
        resp.data = await asyncio.to_thread(self._render, parts, jobs, no_jobs, data, req)

    @route("/page/{digest}/{file}", "A file of the page at /.", public=False)
    async def on_get_file(self, req: Request, resp: Response, digest: str, file: str) -> None:
        if digest != self._digest or file not in self._files:
            raise NotFound("the page has changed; load it again")
        set_security_headers(resp)
        send_cached(req, resp, self._files[file], MEDIA_TYPES[Path(file).suffix], IMMUTABLE)

    async def _jobs(self) -> tuple[list[Job], str]:
        """Return the newest jobs, or the reason why none can be shown."""
        try:
            found, _ = await self._dispatcher.jobs(JobQuery(FEED_JOBS))
        except NotFound:
            return [], "Sync mode has no queue and so no jobs: each request is answered with its result."
        except TrinityError as error:
            return [], f"The jobs can’t be read now: {error.detail}."
        return found, ""

    def _render(self, parts: Mapping[str, str], jobs: list[Job], no_jobs: str, data: PageData, req: Request) -> bytes:
        text = self._template.render(
            mode=self._settings.mode.value,
            with_keys=bool(self._settings.api_keys),
            static=f"{req.root_path}/page/{self._digest}",
            parts=parts,
            root=req.root_path,
            traffic=self._traffic.history()._asdict(),
            links=self._links(req.root_path),
            url=f"{req.prefix}/",
            jobs=[(job, envelope(job), job.status in FINISHED) for job in jobs],
            no_jobs=no_jobs,
            sources=source_forms(self._service.sources),
            dialect=DIALECT,
            figures=FIGURES,
            seen=partial(seen, number=number),
            **data._asdict(),
        )
        return text.encode()

    def _links(self, root_path: str) -> dict[str, str]:
        links = page_titles(self._routes()) | LINKS | ({url: "Flower"} if (url := self._settings.flower_url) else {})
        return {f"{root_path}{url}" if url.startswith("/") else url: name for url, name in links.items()}

    @cached_property
    def _template(self) -> Template:
        """Return the page's template; Jinja is imported at the first request for the page."""
        from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415

        environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=StrictUndefined,
            auto_reload=False,
        )
        environment.filters |= {each.__name__: each for each in (number, day, clock, duration)}
        return environment.get_template("page.html")
