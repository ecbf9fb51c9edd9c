"""What the page shows of models and versions, gathered from the store; whatever can't be read is said, not raised."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from http import HTTPStatus
from typing import NamedTuple

from app.errors import NotFound, TrinityError
from app.schemas.problems import STATUSES
from app.serve.page.charts import Chart, charts
from app.serve.page.forms import Field, fields
from app.service import Service
from app.storage.model_store import Arrays, Manifest

VERSIONS = 8  # of a model that are listed
OUTPUTS = 24  # of a version that can be chosen to be drawn
FIELDS = 12  # inputs up to which the form for predictions has a field for each
UNREADABLE = (TrinityError, OSError)


class PageQuery(NamedTuple):
    """What of the page was asked for."""

    model: str | None = None
    version: str | None = None
    output: str | None = None


class ListedVersion(NamedTuple):
    """A version in the list; without its manifest when that is damaged."""

    number: int
    manifest: Manifest | None
    aliases: list[str]


class ListedModel(NamedTuple):
    """A model, the parameters of a fit, and its newest versions, of which there are `total`.

    `unread` says what of them can't be read.
    """

    name: str
    description: str
    fields: list[Field]
    versions: list[ListedVersion]
    total: int
    unread: str = ""


class ShownVersion(NamedTuple):
    """The version that is shown: drawn if rows of its data were kept, and `why_not` otherwise."""

    manifest: Manifest
    charts: list[Chart]
    why_not: str
    output: int
    outputs: list[str]
    sample_rows: int
    inputs: list[Field]


class PageData(NamedTuple):
    """All of it; `notice` says what was asked for in vain, and `status` whether that isn't there or can't be read."""

    models: list[ListedModel]
    chosen: str
    shown: ShownVersion | None
    notice: str = ""
    status: HTTPStatus = HTTPStatus.OK


def page_data(service: Service, default_model: str, wanted: PageQuery) -> PageData:
    """Gather what the page shows. It reads files and draws: call it in a thread."""
    models = [_model(service, name) for name in sorted(service.models, key=lambda name: (name != default_model, name))]
    notice, status = "", HTTPStatus.OK
    for asked in (wanted, PageQuery()):
        try:
            chosen = _chosen(models, service, asked)
            return PageData(models, chosen, _shown(service, chosen, asked), notice, status)
        except UNREADABLE as error:
            notice, status = notice or _said(error), max(status, _status(error))
    return PageData(models, default_model, None, notice, status)


def _said(error: TrinityError | OSError) -> str:
    """Return an error for people; the system's own words have paths in them, which are nobody's business."""
    return error.detail if isinstance(error, TrinityError) else "The store can’t be read now."


def _status(error: TrinityError | OSError) -> HTTPStatus:
    return STATUSES[error.kind] if isinstance(error, TrinityError) else HTTPStatus.SERVICE_UNAVAILABLE


def _chosen(models: Iterable[ListedModel], service: Service, wanted: PageQuery) -> str:
    """Return the model asked for, or else the first that has a version; raise NotFound."""
    if wanted.model is not None:
        return service.model(wanted.model)[0]
    return next((model.name for model in models if model.total), service.model(None)[0])


def _model(service: Service, name: str) -> ListedModel:
    kind = service.models[name]
    unread = ""
    numbers: list[int] = []
    aliases: dict[str, int] = {}
    try:
        numbers = service.store.versions(name)
        aliases = service.store.aliases(name)
    except OSError:
        unread = f"The {'aliases' if numbers else 'versions'} can’t be read now."
    listed = [
        ListedVersion(
            number, _manifest(service, name, number), [alias for alias, at in aliases.items() if at == number]
        )
        for number in reversed(numbers[-VERSIONS:])
    ]
    description = (inspect.getdoc(kind) or "").partition("\n")[0]
    return ListedModel(name, description, fields(kind.parameters()), listed, len(numbers), unread)


def _manifest(service: Service, name: str, number: int) -> Manifest | None:
    try:
        return service.store.manifest(name, number)
    except UNREADABLE:
        return None


def _shown(service: Service, name: str, wanted: PageQuery) -> ShownVersion | None:
    """Return the version asked for or the latest, None when there is none at all; raise what is UNREADABLE."""
    if wanted.version is None and not service.store.versions(name):
        return None
    text = wanted.version or ""
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text or None  # noqa: PLR2004
    manifest = service.store.manifest(name, service.store.resolve(name, number))
    output = _output(manifest, wanted.output)
    try:
        sample = service.store.sample(manifest)
        why_not = "" if sample else "No sample of the data was kept with this version."
    except UNREADABLE as error:
        sample, why_not = {}, _said(error)
    return ShownVersion(
        manifest,
        charts(manifest, sample, output) if sample else [],
        why_not,
        output,
        manifest.schema.outputs[:OUTPUTS],
        len(sample["y"]) if sample else 0,
        _inputs(manifest, sample),
    )


def _output(manifest: Manifest, wanted: str | None) -> int:
    """Return which output is drawn: its number from 1 was asked for."""
    if wanted is None:
        return 0
    count = len(manifest.schema.outputs)
    if not (wanted.isascii() and wanted.isdigit() and len(wanted) < 10 and 1 <= int(wanted) <= count):  # noqa: PLR2004
        raise NotFound(f"there are the outputs 1 to {count}")
    return int(wanted) - 1


def _inputs(manifest: Manifest, sample: Arrays) -> list[Field]:
    """Return a field for each input, filled with a row of the data; one field for all of them when they are many."""
    names = manifest.schema.inputs
    row = [f"{value:.6g}" for value in sample["X"][len(sample["X"]) // 2]] if sample else [""] * len(names)
    if len(names) > FIELDS:
        return [Field(f"{len(names)} values, comma separated", "text", ", ".join(filter(None, row)))]
    return [Field(name, "number", value) for name, value in zip(names, row, strict=True)]
