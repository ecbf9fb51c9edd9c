"""The routes of fit, predict and score: what each takes and may answer."""

from __future__ import annotations

from collections.abc import Mapping

from app.schemas.verbs import VERBS, Verb
from app.serve.openapi import parameters, responses
from app.serve.openapi.bodies import BodySchemas
from app.serve.resources.route import Route
from app.serve.resources.verbs import VerbResource
from app.settings import Mode, Settings


def verb_routes(verbs: Mapping[Verb, VerbResource], bodies: BodySchemas, settings: Settings) -> list[Route]:
    """Return the verbs on the default model, then those on a named one."""
    queued = settings.mode is Mode.ASYNC
    head = (parameters.PREFER, parameters.IDEMPOTENCY) if queued else (parameters.IDEMPOTENCY,)
    plain = [
        Route(
            "POST",
            f"/{verb}",
            verbs[verb],
            spec.description,
            spec.example,
            answers=responses.verb_responses(verb, queued=queued),
            parameters=(*bodies.query(verb), *head),
            body=bodies.body(verb),
            operation=verb,
        )
        for verb, spec in VERBS.items()
    ]
    name = parameters.name(bodies.params, settings.default_model)
    named = [
        route._replace(
            path=f"/models/{{name}}{route.path}",
            description=f"The same as {route.path}, on a named model.",
            shown=f"/models/{settings.default_model}{route.path}",
            parameters=(name, *route.parameters),
            operation=f"{route.operation}_model",
        )
        for route in plain
    ]
    return plain + named
