"""The routes below /models but for the verbs: what each takes and may answer."""

from __future__ import annotations

from app.serve.openapi import parameters, responses
from app.serve.openapi.envelopes import VERSION_INFO
from app.serve.openapi.terms import JSON, ResponseSpec, problem_response
from app.serve.resources.models import ModelList, ModelResource, Models, VersionResource
from app.serve.resources.route import Route
from app.service import Service
from app.service.descriptions import Model


def model_routes(service: Service, default_model: str) -> list[Route]:
    """Return the routes that describe models and their versions."""
    name = parameters.name(service.models, default_model)
    away = problem_response(responses.STORE_DOWN, responses.RETRY_AFTER)
    return [
        Route(
            "GET",
            "/models",
            ModelList(service),
            "All models with their parameters and versions.",
            answers={200: ResponseSpec("The models.", {JSON: Models}), 503: away},
            operation="list_models",
        ),
        Route(
            "GET",
            "/models/{name}",
            ModelResource(service),
            "One model with its parameters and versions.",
            shown=f"/models/{default_model}",
            answers={
                200: ResponseSpec("The model.", {JSON: Model}),
                404: problem_response("There is no such model."),
                503: away,
            },
            parameters=(name,),
            operation="get_model",
        ),
        Route(
            "GET",
            "/models/{name}/versions/{version}",
            VersionResource(service),
            "What is known of a version (a number or `latest`): parameters, columns, metrics, digests.",
            shown=f"/models/{default_model}/versions/latest",
            answers={
                200: ResponseSpec("The version.", {JSON: VERSION_INFO}),
                404: problem_response("There is no such model or version."),
                500: problem_response("The version is damaged on disk."),
                503: away,
            },
            parameters=(name, parameters.VERSION_IN_PATH),
            operation="get_version",
        ),
    ]
