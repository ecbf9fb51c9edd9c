"""Requests of the verbs whose body is a file, for models whose input is one."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from falcon.asgi import Request as HttpRequest
from falcon.asgi import Response

from app.data.file_types import ZIP
from app.dispatch.dispatcher import Dispatcher
from app.errors import Invalid, NotFound
from app.queue.job_options import check_job_options
from app.schemas.jobs import Job
from app.schemas.media_types import JSON, essence
from app.schemas.pointers import escaped
from app.schemas.query import OpenQuery
from app.schemas.requests import Work
from app.schemas.verbs import VERBS, Verb
from app.serve.bodies.multipart import FILE, HELD_OUT
from app.serve.bodies.query import check_named, take_file_request
from app.serve.bodies.stored_files import StoredUpload
from app.serve.openapi.parts import NOTHING
from app.serve.preferences import preference
from app.serve.resources.route import PLACEHOLDER, Route
from app.serve.resources.upload_jobs import UploadJobs
from app.serve.responses import send_submitted
from app.serve.waiting import awaited
from app.service import Service
from app.settings import Settings

FORM_BYTES = 65_536  # what a form may have around its file
_VERB_PATH = re.compile(rf"(?:/models/(?P<name>[^/]+))?/(?:{'|'.join(VERBS)})")


class FileRequests:
    """Receives the file of a verb, which is written to the store while it arrives, and submits the work."""

    def __init__(
        self, verb: Verb, service: Service, dispatcher: Dispatcher, uploads: UploadJobs, settings: Settings
    ) -> None:
        self._verb: Verb = verb
        self._service = service
        self._dispatcher = dispatcher
        self._uploads = uploads
        self._settings = settings

    async def concerns(self, req: HttpRequest, name: str | None) -> bool:
        """Return whether the body is a file for the model; a fit without one may be JSON, as those of other models."""
        models, name = self._service.models, self._service.default_model if name is None else name
        if not models.takes_files(name):
            return False
        if not models.is_known(name):  # it has to be looked up in the store
            try:
                await asyncio.to_thread(models.check, name)
            except NotFound:
                if not VERBS[self._verb].publishes or (req.content_type or "").startswith(ZIP):
                    raise
                return False  # a fit to rows may make a model of that name
        if not models.takes_files(name):
            return False
        if not VERBS[self._verb].publishes:
            return True
        return bool(req.content_length) if req.content_type is None else essence(req.content_type) != JSON

    async def answer(self, req: HttpRequest, resp: Response, name: str | None) -> None:
        """Have the work done and answer its envelope."""
        preferred = preference(req, self._settings.max_wait)
        upload = await self._received(req)
        job = await self._submitted(req, upload, name, dict(upload.sent.query))
        job, preferred = await awaited(self._dispatcher, job, preferred)
        send_submitted(resp, job, preferred, root_path=req.root_path)

    async def submit(
        self, req: HttpRequest, name: str, options: Mapping[str, Any], *, field: str, fields: Sequence[str]
    ) -> Job:
        """Receive a file for an application, check it, and return the job of its work.

        `options` are the application's. Other members may be in the query and, if `fields` has their names, in the
        form; `options` override those of the query.
        """
        upload = await self._received(req, field, fields)
        return await self._submitted(req, upload, name, dict(upload.sent.query), options)

    async def submit_upload(self, req: HttpRequest, upload: StoredUpload, name: str, options: Mapping[str, Any]) -> Job:
        """Check a file that an application received, and return the job of its work; all members are `options`."""
        return await self._submitted(req, upload, name, {}, options)

    async def _received(self, req: HttpRequest, field: str = FILE, fields: Sequence[str] | None = None) -> StoredUpload:
        held_out = HELD_OUT if VERBS[self._verb].publishes else None
        return await self._uploads.receive(req, self._settings.max_file, field=field, held_out=held_out, fields=fields)

    async def _submitted(
        self,
        req: HttpRequest,
        upload: StoredUpload,
        name: str | None,
        members: OpenQuery,
        options: Mapping[str, Any] = NOTHING,
    ) -> Job:
        in_form = members.keys() - req.params.keys()
        return await self._uploads.submit(req, upload, partial(self._checked, name, members, in_form, options))

    def _checked(
        self,
        name: str | None,
        members: OpenQuery,
        in_form: Collection[str],
        options: Mapping[str, Any],
        upload: StoredUpload,
    ) -> Work:
        if set_twice := next((option for option in options if option in in_form), None):
            raise Invalid.at(escaped(set_twice), "this is no field of the form; it goes into the query")
        query = {**members, **_as_sent(options)}
        request = take_file_request(self._verb, query)
        check_named(request, name)
        check_job_options(self._settings, request)
        held_out = None if upload.held_out is None else upload.held_out.input
        named = request.model if name is None else name
        model = self._service.default_model if named is None else named
        return self._service.check_file(self._verb, model, upload.sent.input, request, query, held_out)


def _as_sent(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options of an application, those that every request has as a query would have them."""
    return {name: str(value) if name in {"timeout", "version"} else value for name, value in options.items()}


def file_limits(routes: Iterable[Route], service: Service, settings: Settings) -> Callable[[str], int | None]:
    """Return what says how large the body at a path may be, None where it is no file."""
    paths = [re.compile(PLACEHOLDER.sub("[^/]+", route.path)) for route in routes if route.takes_file]
    limit_bytes = max(settings.max_file + FORM_BYTES, settings.max_body)

    def limit_of(path: str) -> int | None:
        verb = _VERB_PATH.fullmatch(path)
        takes_files = verb is not None and service.models.takes_files(verb["name"] or service.default_model)
        return limit_bytes if takes_files or any(each.fullmatch(path) for each in paths) else None

    return limit_of
