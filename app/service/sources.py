"""Sources of data, which requests name instead of sending numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

import msgspec
import numpy as np

from app.data.label_encoding import from_array
from app.errors import Invalid, Unavailable
from app.schemas.columns import Kind
from app.schemas.decoding import convert
from app.schemas.pointers import located, moved
from app.schemas.requests import Request, Source
from app.schemas.tables import Matrix, Table
from app.schemas.tasks import LabelKind, Task
from app.schemas.wording import counted
from app.service.model_calls import refusal

PARAMS = "/data/params"
DEFAULT_SOURCE = "dummy"  # of requests without data
DUMMY_KINDS: Mapping[Task, str] = {"regression": "numbers", "classification": "classes"}  # its y for each task


class DataSource(Protocol):
    """The interface of a public class in a module of TRINITY_SOURCES. It is called with the fields of `Params`.

    A source whose parameters determine its size also has a property `shape`, (rows, inputs), which allocates nothing:
    data that are too large are then refused before they are read. Any other source limits its size itself. A source
    whose parameters determine the task of y has a property `task`: a model of another task is refused before reading.
    """

    name: ClassVar[str]
    """The source's name in requests."""
    Params: ClassVar[type[msgspec.Struct]]
    """The parameters that a request may set: types, limits and defaults."""

    def __init__(self, **params: Any) -> None:
        """Store the parameters."""

    def read(self) -> Table:
        """Return X (n, p), and y if there is one, with the names of the columns if they have any.

        y is numbers (n,) or (n, k), or for a classifier an array (n,) of labels. Raises ValueError for data that are
        wrong, OSError for those that cannot be read now, Invalid with a pointer into the parameters for one of these.
        """


SourceKinds = Mapping[str, type[DataSource]]


def choose_source(
    kinds: SourceKinds, request: Request, task: Task, *, inputs: int | None = None, needs_y: bool = True
) -> Source:
    """Return the source that a request names, with all parameters; the dummy source when it has no data.

    The dummy source then has y for the task, and that many `inputs`. Raise Invalid for an unknown name, a bad
    parameter, or y for another task if y is needed.
    """
    if request.source is None and DEFAULT_SOURCE not in kinds:
        raise Invalid.at("/data", f"there is no data: send X, or name a source: {listed(kinds)}")
    defaults: dict[str, Any] = {"kind": DUMMY_KINDS[task], **({} if inputs is None else {"inputs": inputs})}
    source = check_source(kinds, request.source or Source(DEFAULT_SOURCE, defaults))
    if needs_y:
        check_task(kinds, source, task)
    source.inputs, source.ignore = request.inputs, request.ignore
    source.weight, source.keep = request.weight, request.keep
    return source


def listed(kinds: SourceKinds) -> str:
    """Return the names of all sources."""
    return ", ".join(sorted(kinds))


def check_task(kinds: SourceKinds, source: Source, task: Task) -> None:
    """Raise Invalid for a checked source whose y is for models of another task."""
    gives: Task | None = getattr(kinds[source.name](**source.params), "task", None)
    if gives is None or gives == task:
        return
    what, wanted = ("numbers", "labels") if task == "classification" else ("labels", "numbers")
    words = f"the y that source {source.name!r} gives is {what}, this model needs {wanted}"
    if source.name != DEFAULT_SOURCE:
        raise Invalid.at("/data/params", words)
    raise Invalid.at("/data/params/kind", f"{words}: kind={DUMMY_KINDS[task]}")


def source_shape(kinds: SourceKinds, source: Source) -> tuple[int, int] | None:
    """Return rows and inputs of a source; None for one that does not declare them."""
    shape: tuple[int, int] | None = getattr(kinds[source.name](**source.params), "shape", None)
    return shape


def check_source(kinds: SourceKinds, source: Source) -> Source:
    """Return the source with all of its parameters; raise Invalid for an unknown name or a bad parameter."""
    if source.name not in kinds:
        raise Invalid.at("/data/source", f"no source {source.name[:64]!r}; there are {listed(kinds)}")
    params = check_params(kinds[source.name].Params, source.params, PARAMS)
    return msgspec.structs.replace(source, params=params)


def read_source(
    kinds: SourceKinds,
    source: Source,
    labels: LabelKind | None = None,
    *,
    takes_missing: bool = False,
    with_y: bool = True,
) -> Table:
    """Read a checked source; raise Invalid unless X is a matrix of finite numbers, and y is valid.

    X may have NaN for missing values if the model accepts them. y is numbers, which models check themselves, or labels
    of the kind `labels`; without `with_y` it is ignored. A ValueError of the source becomes Invalid, like a model's;
    an OSError becomes Unavailable. Pointers of an Invalid that it raises lead into its parameters.
    """
    try:
        table = kinds[source.name](**source.params).read()
    except Invalid as error:
        raise moved(error, "", PARAMS) from error
    except ValueError as error:
        raise refusal(error) from error
    except OSError as error:
        raise Unavailable(f"source {source.name!r} could not be read ({type(error).__name__}); try again") from error
    X = np.ascontiguousarray(table.X, dtype=np.float64)
    if X.ndim != 2 or not X.size:  # noqa: PLR2004  a matrix
        raise Invalid.at("/data", f"the source gave X of shape {X.shape}, expected rows and columns")
    kinds_of_columns = _kinds_of_columns(table, X, takes_missing=takes_missing)
    table = msgspec.structs.replace(table, X=X, kinds=kinds_of_columns)
    return _with_y(table, labels) if with_y else msgspec.structs.replace(table, y=None)


def _kinds_of_columns(table: Table, X: Matrix, *, takes_missing: bool) -> list[Kind] | None:
    """Return the kinds of the columns of X, None if all are complete numbers; raise Invalid for bad values."""
    missing = np.isnan(X)
    if np.isinf(X).any() or (missing.any() and not takes_missing):
        raise Invalid.at("/data", "the source gave a value in X that is not a finite number")
    if table.kinds is None:
        return ["number"] * X.shape[1] if missing.any() else None
    if len(table.kinds) != X.shape[1]:
        raise Invalid.at("/data", f"the source gave {len(table.kinds)} kinds for {counted(X.shape[1], 'column')}")
    for position, kind in enumerate(table.kinds):
        if kind == "text":
            codes, texts = X[~missing[:, position], position], table.categories.get(position, [])
            odd = codes[(codes != np.floor(codes)) | (codes < 0) | (codes >= len(texts))]
            if odd.size:
                held = counted(len(texts), "category", "categories")
                raise Invalid.at("/data", f"the source gave {odd[0]:g} in column {position} of text, which has {held}")
    return table.kinds


def _with_y(table: Table, labels: LabelKind | None) -> Table:
    """Return a table with y as numbers, or as labels."""
    if table.y is None:
        return table
    if labels is not None:
        codes, classes = from_array(table.y, labels)
        return msgspec.structs.replace(table, y=codes, labels=classes)
    try:
        return msgspec.structs.replace(table, y=np.ascontiguousarray(table.y, dtype=np.float64))
    except ValueError:
        raise Invalid.at("/data", "the source gave a y that is not of numbers, which this model needs") from None


def check_params(
    schema: type[msgspec.Struct], params: Mapping[str, Any], pointer: str, *, strict: bool = True
) -> dict[str, Any]:
    """Return parameters with defaults; raise Invalid for one that doesn't match the schema."""
    try:
        return msgspec.structs.asdict(convert(params, schema, strict=strict))
    except msgspec.ValidationError as error:
        raise located(error, msgspec.json.encode(params), pointer, kind=schema) from None
