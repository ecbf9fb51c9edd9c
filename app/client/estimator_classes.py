"""Creates the estimator classes of a service's models from their descriptions."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import Parameter, Signature
from typing import Any

from app.client.classifier import ClassifierEstimator
from app.client.estimator import Estimator
from app.client.session import Session


def estimator_class(client: Session, name: str) -> type[Estimator]:
    """Return the estimator class of a model, the same class at each call; raise NotFound."""
    if name not in client.estimator_classes:
        client.estimator_classes[name] = _make_class(client, client.models(name))
    return client.estimator_classes[name]


def _make_class(client: Session, model: Mapping[str, Any]) -> type[Estimator]:
    """Create the class from the description of a model, which has the JSON Schema of its parameters.

    Its `__init__` has a real signature, because scikit-learn's `clone` and Python's `help` read it.
    """
    name, schema = model["name"], model["params"]
    properties = schema.get("properties", {})
    given = [
        Parameter(each, Parameter.KEYWORD_ONLY, default=about.get("default", Parameter.empty))
        for each, about in properties.items()
    ]
    signature = Signature([Parameter("self", Parameter.POSITIONAL_OR_KEYWORD), *given])

    def __init__(self: Estimator, **params: Any) -> None:  # noqa: N807  it becomes a method
        bound = signature.bind(self, **params)
        bound.apply_defaults()
        for key in properties:
            setattr(self, key, bound.arguments[key])

    vars(__init__)["__signature__"] = signature  # the inspect module reads it
    title = "".join(part.capitalize() for part in name.replace("_", "-").split("-"))
    takes_missing = model.get("takes_missing", False)
    members = {"__init__": __init__, "client": client, "model_name": name, "takes_missing": takes_missing}
    base = ClassifierEstimator if model.get("task") == "classification" else Estimator
    return type(title, (base,), {**members, "__doc__": schema.get("description"), "__module__": __name__})
