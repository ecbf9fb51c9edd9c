"""The schemas of the verbs' bodies and responses, derived from the Structs that decode and encode them.

They are stricter than those Structs where the models, sources and settings of the service allow less.
"""

from __future__ import annotations

import inspect
from collections.abc import Container, Mapping, Sequence
from typing import Annotated, Any, Literal, Union, get_type_hints

import msgspec
from msgspec import Meta

from app.model.estimator import AnyEstimator
from app.schemas import results
from app.schemas.bodies import Data, FitBody, PredictBody, Promote
from app.schemas.jobs import Envelope, Time
from app.schemas.requests import Gain
from app.schemas.tables import Rows
from app.schemas.verbs import VERBS, Verb
from app.serve.bodies.formats import readers
from app.serve.bodies.multipart import FILE, HELD_OUT, MULTIPART
from app.serve.openapi.forms import form
from app.serve.openapi.parts import ALIAS, MODEL_REF, NOTHING, VERSION_REF, Parameter, RequestBody
from app.service.sources import DataSource
from app.settings import Mode, Settings
from app.storage.manifest import Manifest

Struct = type[msgspec.Struct]
REF = "#/components/schemas/{name}"
X = Annotated[Rows, Meta(min_length=1)]
Y = Annotated[list[float | str | bool | list[float]], Meta(min_length=1)]


ABOUT: Mapping[tuple[Struct, str], str] = {
    (
        Data,
        "X",
    ): "n rows of p cells, or n objects with a cell for each column. A cell is a number, a string, true, false "
    "or null (missing); texts are times if all of a column are RFC 3339 times. A column keeps the kind of the fit.",
    (Data, "y"): "n numbers, or n rows of k numbers for k outputs; for a classifier n labels of one kind: texts, "
    "integers, or true and false.",
    (Data, "columns"): "The names of the columns of X, if its rows are lists.",
    (Data, "sample_weight"): "The weight of each row, in fit and score; 0 or more.",
    (FitBody, "estimator"): "The estimator of the model, at its first fit; afterwards it may be left out.",
    (FitBody, "promote"): "The new version takes over an alias if it scores better than the version that has it.",
    (FitBody, "inputs"): "The columns that are inputs; by default all columns that no other member names.",
    (FitBody, "ignore"): "Columns that are not inputs.",
    (FitBody, "weight"): "The column with the weights of the rows.",
    (PredictBody, "weight"): "The column with the weights of the rows, for score.",
    (PredictBody, "keep"): "Columns that are returned with the predictions.",
    (PredictBody, "outputs"): "The outputs of a predict: by default y; for some classifiers also probabilities.",
}
"""The descriptions of members of bodies."""


def derive(base: Struct, name: str, doc: str, *, without: Container[str] = (), tag: str = "", **types: Any) -> Struct:
    """Return a Struct with the fields of another one, some left out and some with another type.

    A type in a tuple makes its field required. With a `tag` the field `verb` has only that value, so that several
    such Structs can be in a union.
    """
    hints = get_type_hints(base, include_extras=True)
    fields: list[Any] = []
    for field in msgspec.structs.fields(base):
        if field.name in without or (tag and field.name == "verb"):
            continue
        kind = types.get(field.name, hints[field.name])
        required = isinstance(kind, tuple)
        if required:
            (kind,) = kind
        if text := ABOUT.get((base, field.name)):
            kind = Annotated[kind, Meta(description=text)]
        if required:
            fields.append((field.name, kind))
        else:
            absent = None if isinstance(field.default, msgspec.Raw) else field.default  # JSON that is decoded later
            default: Any = {"default": absent, "default_factory": field.default_factory}
            fields.append((field.name, kind, msgspec.field(**default)))
    return msgspec.defstruct(
        name,
        fields,
        kw_only=True,
        tag_field="verb" if tag else None,
        tag=tag or None,
        forbid_unknown_fields=base.__struct_config__.forbid_unknown_fields,
        namespace={"__doc__": doc},
    )


def union(members: Sequence[Struct], *, nullable: bool = False) -> Any:
    """Return a type with the schema of a union of Structs without tags, which msgspec does not support.

    If there are several, each must be a component; null may be another choice.
    """
    choices: list[dict[str, str]] = [{"$ref": REF.format(name=member.__name__)} for member in members]
    if nullable:
        choices.append({"type": "null"})
    return Annotated[msgspec.Raw, Meta(extra_json_schema={"anyOf": choices})] if len(members) > 1 else members[0]


RESULTS: dict[Verb, list[Struct]] = {
    verb: [getattr(results, name) for name in spec.results] for verb, spec in VERBS.items()
}
ANY_RESULT = union([each for results in RESULTS.values() for each in results])
ENVELOPES: dict[Verb, Struct] = {
    verb: derive(
        Envelope,
        f"{verb.title()}Job",
        f"A {verb} job; times are RFC 3339 in UTC.",
        tag=verb,
        result=results[0] | None if len(results) == 1 else union(results, nullable=True),
    )
    for verb, results in RESULTS.items()
}
ANY_JOB: Any = Union[tuple(ENVELOPES.values())]  # noqa: UP007  made from the table
_LISTS = {
    "inputs": "the columns that are inputs; by default all others. Repeated, or with commas.",
    "ignore": "columns that are not inputs. Repeated, or with commas.",
    "keep": "columns that are returned with the predictions. Repeated, or with commas.",
    "outputs": "the outputs: by default y; for some classifiers also probabilities. Repeated, or with commas.",
}
_GATE: dict[str, tuple[Any, str]] = {
    "promote": (ALIAS, "the alias that the new version takes over if it scores better, such as `champion`."),
    "promote_source": (str, "the source of the rows on which they are compared."),
    "promote_metric": (str, "the metric by which they are compared; by default R², or accuracy for a classifier."),
    "promote_gain": (Gain, "how much better the new version must be; by default 0."),
}
_DIALECT: dict[str, tuple[Any, str]] = {
    "separator": (str, "the separator of cells, such as `;` or `tab`; by default detected."),
    "decimal": (Literal[".", ","], "the decimal mark; by default detected."),
    "header": (Literal["present", "absent"], "whether the first row has names; by default detected."),
    "encoding": (str, "the text encoding, such as `windows-1252`; by default UTF-8, or that of a byte order mark."),
    "na": (list[str], "a text that means a missing value, like an empty cell; may be repeated."),
}
JOB_PAGE = msgspec.defstruct(
    "JobPage",
    [("jobs", list[ANY_JOB]), ("next", str | None)],
    namespace={"__doc__": "Jobs without their results, newest first; `next` is the cursor of the next page."},
)
VERSION_INFO = derive(
    Manifest,
    "ModelVersion",
    "One version of a model.",
    without={"learned"},
    created=Time,
    version=(int,),
    by=(str,),
    arrays_sha256=(str,),
    sha256=(str,),
)


class BodySchemas:
    """The bodies and queries of the verbs, for the served models and sources."""

    def __init__(
        self, models: Mapping[str, AnyEstimator], sources: Mapping[str, type[DataSource]], settings: Settings
    ) -> None:
        queued = settings.mode is Mode.ASYNC
        self._unused = set() if queued and settings.webhook_secret is not None else {"webhook"}
        takes_files = any(each.files is not None for each in models.values())
        self._form_file = {"type": "string", "format": "binary" if takes_files else "csv"}
        self._estimator = Literal[tuple(sorted(models))]
        self._timeout = Annotated[float, Meta(gt=0, le=settings.max_timeout)]
        no_effect = "" if queued else ", in async mode; in sync mode it has no effect"
        self._timeout_text = f"The timeout in seconds{no_effect}."
        by_source = [_source(name, kind) for name, kind in sorted(sources.items())]
        self._params = _model_params(models, taken={f"{_camel(name)}Params" for name in sources})
        only = {"source", "params"}
        pairs = derive(Data, "Pairs", "Inputs and outputs, row by row.", without=only, X=(X,), y=(Y,))
        points = derive(Data, "Points", "Inputs, row by row; y is ignored.", without=only, X=(X,), y=Y | None)
        self._data: dict[Verb, Any] = {
            verb: union([pairs if spec.needs_y else points, *by_source]) for verb, spec in VERBS.items()
        }
        self.members = [pairs, points, *by_source, *self._params]
        self.members += [each for results in RESULTS.values() for each in results]
        """The Structs that unions refer to."""

    def body(self, verb: Verb) -> RequestBody:
        """Return the body of a verb; an empty body means the default model and the dummy source."""
        spec = VERBS[verb]
        types: dict[str, Any] = {
            "model": MODEL_REF | None,
            "data": self._data[verb] | None,
            "timeout": Annotated[self._timeout | None, Meta(description=self._timeout_text)],
        }
        if spec.publishes:
            types["params"] = union(self._params)
            types["estimator"] = self._estimator | None
            types["promote"] = derive(Promote, "Promote", "A gate.", on=(self._data[verb],), alias=ALIAS) | None
        else:
            types["version"] = VERSION_REF | None
        base = FitBody if spec.publishes else PredictBody
        kind = derive(base, f"{verb.title()}Body", f"JSON body of a {verb}.", without=self._unused, **types)
        contents = {reader.media_type: kind if reader.schema is None else reader.schema for reader in readers(verb)}
        contents[MULTIPART] = form(FILE, *([HELD_OUT] if spec.publishes else []), kind=self._form_file)
        return RequestBody(contents, spec.examples, required=False)

    def query(self, verb: Verb) -> tuple[Parameter, ...]:
        """Return the query for formats such as CSV; in JSON these values are members of the body."""
        spec = VERBS[verb]
        with_query = [reader for reader in readers(verb) if reader.with_query]
        kinds = " or ".join(reader.name for reader in with_query)
        target = f"{' or '.join(reader.name for reader in with_query if reader.holds_y)}: the columns to predict."
        model = f"{kinds}: the model, by default the service's default model."
        if spec.publishes:
            model += " Its parameters are also members of the query, such as `degree=3`."
        examples = {"json": [], "csv": ["y"]} if spec.needs_y else NOTHING
        found = [
            Parameter("target", list[Annotated[str, Meta(min_length=1)]], target, examples=examples),
            Parameter("model", MODEL_REF, model),
            Parameter("timeout", self._timeout, f"{kinds}: {self._timeout_text}"),
        ]
        if "webhook" not in self._unused:
            found.append(Parameter("webhook", str, f"{kinds}: the URL to call when the job ends."))
        if spec.publishes:
            found.append(Parameter("estimator", self._estimator, f"{kinds}: {ABOUT[FitBody, 'estimator']}"))
        else:
            found.append(Parameter("version", VERSION_REF, f"{kinds}: a version, by default the latest."))
        found += [
            Parameter(name, list[Annotated[str, Meta(min_length=1)]], f"{kinds}: {text}")
            for name, text in _LISTS.items()
            if (not spec.needs_y if name in {"keep", "outputs"} else spec.publishes)
        ]
        if spec.publishes:
            found += [Parameter(name, kind, f"{kinds}: {text}") for name, (kind, text) in _GATE.items()]
        if spec.needs_y:
            found.append(Parameter("weight", str, f"{kinds}: the column with the weights of the rows."))
        found += [Parameter(name, kind, f"CSV: {text}") for name, (kind, text) in _DIALECT.items()]
        return tuple(found)


def _source(name: str, kind: type[DataSource]) -> Struct:
    """Return the form of the member `data` that names a source."""
    params = _params(kind.Params, name, "source")
    fields: list[Any] = [("source", Literal[name]), ("params", params)]
    if not any(field.required for field in msgspec.structs.fields(params)):
        fields[1] = (*fields[1], msgspec.field(default_factory=params))
    doc = (inspect.getdoc(kind) or "").partition("\n")[0]
    return msgspec.defstruct(f"{_camel(name)}Source", fields, forbid_unknown_fields=True, namespace={"__doc__": doc})


def _model_params(models: Mapping[str, AnyEstimator], taken: set[str]) -> list[Struct]:
    """Return the parameters of each model, as Structs with unique names that begin with the model's."""
    found: list[Struct] = []
    for name, estimator in sorted(models.items()):
        params = _params(estimator.parameters(), name, "model")
        if params.__name__ in taken:
            params = derive(params, f"{name}Params", params.__doc__ or "")
        taken.add(params.__name__)
        found.append(params)
    return found


def _params(params: Struct, name: str, what: str) -> Struct:
    """Return the parameters of a model or source as a Struct with its name."""
    return derive(params, f"{_camel(name)}Params", f"Parameters of the {what} {name}.")


def _camel(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("-"))
