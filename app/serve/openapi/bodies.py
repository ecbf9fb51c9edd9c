"""What fit, predict and score take: the Structs that decode it, with the models and sources served filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from app.data.dummy import DummyParams
from app.model.base import Regressor
from app.schemas.requests import Data, FitBody, PredictBody, Rows, Targets
from app.schemas.verbs import VERBS, Verb
from app.serve.openapi.derived import Kind, derived, either
from app.serve.openapi.terms import BYTES, CSV, JSON, NOTHING, NPY, Parameter, RequestBody
from app.settings import Mode, Settings

SCALARS = {"integer", "number", "boolean", "string"}
X = Annotated[
    Annotated[Rows, Meta(min_length=1)], Meta(description="n rows of p numbers, or n rows that name their numbers.")
]
Y = Annotated[
    Annotated[Targets, Meta(min_length=1)], Meta(description="n numbers, or n rows of k numbers for k outputs.")
]
TABLE = Annotated[
    str,
    Meta(
        description="A table in UTF-8 with a header; every column but the target is an input.",
        extra_json_schema={"format": "csv"},
    ),
]


def camel(name: str) -> str:
    """Return a model's name as that of a Struct."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("-"))


def params_of(models: Mapping[str, type[Regressor]]) -> dict[str, Kind]:
    """Return the parameters of each model, as Structs that bear the model's name."""
    named: dict[str, Kind] = {}
    for name, kind in sorted(models.items()):
        title = f"{camel(name)}Params"
        taken = {params.__name__ for params in named.values()} | {DummyParams.__name__}
        named[name] = derived(
            kind.parameters(), f"{name}Params" if title in taken else title, f"Parameters of the model {name}."
        )
    return named


class BodySchemas:
    """The bodies of the verbs, for the models that are served and in the mode of the settings."""

    def __init__(self, models: Mapping[str, type[Regressor]], settings: Settings) -> None:
        self.params = params_of(models)
        self._settings = settings
        self._timeout = Annotated[float, Meta(gt=0, le=settings.max_timeout)]
        self._idle = "" if settings.mode is Mode.ASYNC else ", in async mode; here it is checked and has no effect"
        self._model = Literal[tuple(sorted(models))] | None
        dummy = msgspec.defstruct(
            "DummySource",
            [("source", Literal["dummy"]), ("params", DummyParams, msgspec.field(default_factory=DummyParams))],
            forbid_unknown_fields=True,
            namespace={"__doc__": "Points that the service makes up: seeded, so the same parameters give the same."},
        )
        only = {"source", "params"}
        pairs = derived(Data, "Pairs", "Inputs and outputs, row by row.", without=only, X=(X,), y=(Y,))
        points = derived(Data, "Points", "Inputs, row by row; y is not looked at.", without=only, X=(X,))
        self._data: dict[Verb, Any] = {
            verb: either(f"{verb.title()}Data", pairs if spec.needs_y else points, dummy)
            for verb, spec in VERBS.items()
        }
        self.members = [pairs, points, dummy, DummyParams, *self.params.values()]

    def body(self, verb: Verb) -> RequestBody:
        """Return what a verb takes; an empty body asks for the default model on the dummy source."""
        types: dict[str, Any] = {
            "model": self._model,
            "data": self._data[verb] | None,
            "timeout": Annotated[self._timeout | None, Meta(description=f"Seconds it may take{self._idle}.")],
        }
        spec = VERBS[verb]
        if spec.publishes:
            types["params"] = either("ModelParams", *self.params.values())
        else:
            types["version"] = VERSION_REF | None
        base = FitBody if spec.publishes else PredictBody
        kind = derived(base, f"{verb.title()}Body", f"JSON body of a {verb}.", without=self._missing(), **types)
        contents = {JSON: kind, CSV: TABLE, **({} if spec.needs_y else {NPY: BYTES})}
        return RequestBody(contents, {CSV: spec.csv_example}, required=False)

    def query(self, verb: Verb) -> tuple[Parameter, ...]:
        """Return what goes into the query beside numbers in CSV or npy; with JSON these are members of the body."""
        spec = VERBS[verb]
        kinds = "CSV" if spec.needs_y else "CSV or npy"
        names = list[Annotated[str, Meta(min_length=1)]]
        target = Parameter(
            "target",
            names,
            "CSV: the columns to predict.",
            examples={"json": [], "csv": ["y"]} if spec.needs_y else NOTHING,
        )
        model = Parameter("model", Literal[tuple(self.params)], f"{kinds}: the model, else the default.")
        timeout = Parameter("timeout", self._timeout, f"{kinds}: seconds it may take{self._idle}.")
        common = [target, model, timeout]
        if "webhook" not in self._missing():
            common.append(Parameter("webhook", str, f"{kinds}: where to tell of its end."))
        if spec.publishes:
            return (*common, *self._model_parameters({parameter.name for parameter in common}))
        return (*common, Parameter("version", VERSION_REF, f"{kinds}: a version, else the latest."))

    def _missing(self) -> set[str]:
        """Return the members that have no use with these settings."""
        there = self._settings.mode is Mode.ASYNC and self._settings.webhook_secret is not None
        return set() if there else {"webhook"}

    def _model_parameters(self, taken: set[str]) -> list[Parameter]:
        """Return the models' own parameters, as far as a query can hold them."""
        kinds = list(self.params.values())
        refs, components = msgspec.json.schema_components(kinds)
        found: dict[str, list[Any]] = {}
        for ref in refs:
            for name, schema in components[ref["$ref"].rpartition("/")[2]]["properties"].items():
                bare = {key: value for key, value in schema.items() if key != "default"}
                if schema.get("type") in SCALARS and name not in taken and bare not in found.setdefault(name, []):
                    found[name].append(bare)
        return [Parameter(name, _one(schemas), _said(schemas)) for name, schemas in found.items() if schemas]


VERSION_REF = Annotated[int, Meta(ge=1)] | Annotated[str, Meta(pattern="^[a-z][a-z0-9_-]{0,63}$")]


def _one(schemas: list[Any]) -> dict[str, Any]:
    return dict(schemas[0]) if len(schemas) == 1 else {"anyOf": schemas}


def _said(schemas: list[Any]) -> str:
    said = next((schema["description"] for schema in schemas if "description" in schema), "")
    return f"CSV: the model's parameter. {said}".strip()
