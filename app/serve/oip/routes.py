"""The routes below /v2, the Open Inference Protocol: what each takes and may answer."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from app.serve.health_checks import HealthChecks
from app.serve.oip.infer import Infer
from app.serve.oip.messages import BINARY, HEADER, InferenceRequest, InferenceResponse
from app.serve.oip.metadata import (
    ModelMetadata,
    ModelReadiness,
    ModelReady,
    ModelTensors,
    Server,
    ServerInfo,
    ServerLive,
    ServerLiveness,
    ServerReadiness,
    ServerReady,
)
from app.serve.openapi import parameters, responses
from app.serve.openapi.terms import (
    BYTES,
    JSON,
    Parameter,
    RequestBody,
    ResponseSpec,
    ResponseSpecs,
    protocol_error_response,
)
from app.serve.resources.route import Route
from app.service import Service

TENSOR = '{"inputs": [{"name": "X", "shape": [2, 1], "datatype": "FP64", "data": [-0.5, 0.5]}]}'
JSON_LENGTH = Parameter(
    HEADER,
    Annotated[str, Meta(pattern="^[0-9]{1,18}$")],
    "How many bytes of the body are JSON; binary tensors follow.",
    "header",
)


def v2_routes(service: Service, infer: Infer, probes: HealthChecks, default_model: str) -> list[Route]:
    """Return the routes of the server, of its models, and of their versions."""
    parts = ServerReady(probes)
    server = [
        Route(
            "GET",
            "/v2",
            Server(),
            "The server's name and extensions, by the Open Inference Protocol.",
            answers={200: ResponseSpec("The server.", {JSON: ServerInfo})},
            operation="v2_server",
        ),
        Route(
            "GET",
            "/v2/health/live",
            ServerLive(),
            "Whether the process answers.",
            answers={200: ResponseSpec("It does.", {JSON: ServerLiveness})},
            operation="v2_live",
        ),
        Route(
            "GET",
            "/v2/health/ready",
            parts,
            "Whether each part answers; 503 when one doesn't.",
            answers={
                200: ResponseSpec("Each part answers.", {JSON: ServerReadiness}),
                503: ResponseSpec("A part doesn't answer.", {JSON: ServerReadiness}, responses.RETRY_AFTER),
            },
            operation="v2_ready",
        ),
    ]
    name = parameters.name(service.models, default_model)
    of_latest = _of_model(service, infer)
    of_version = [
        route._replace(
            path=route.path.replace("{name}", "{name}/versions/{version}"),
            shown=route.path.replace("{name}", f"{default_model}/versions/latest"),
            parameters=(parameters.VERSION_IN_PATH, *route.parameters),
            operation=f"{route.operation}_version",
        )
        for route in of_latest
    ]
    shown = [route._replace(shown=route.path.replace("{name}", default_model)) for route in of_latest]
    return server + [route._replace(parameters=(name, *route.parameters)) for route in [*shown, *of_version]]


def _of_model(service: Service, infer: Infer) -> list[Route]:
    path, missing = (
        "/v2/models/{name}",
        protocol_error_response("There is no such model or version, or nothing is fitted."),
    )
    away = protocol_error_response(responses.STORE_DOWN, responses.RETRY_AFTER)
    damaged = protocol_error_response("The version is damaged on disk.")
    return [
        Route(
            "GET",
            path,
            ModelMetadata(service),
            "The tensors of a model, by the Open Inference Protocol.",
            answers={200: ResponseSpec("The tensors.", {JSON: ModelTensors}), 404: missing, 500: damaged, 503: away},
            operation="v2_model",
        ),
        Route(
            "GET",
            f"{path}/ready",
            ModelReady(service),
            "Whether a model can predict, by the Open Inference Protocol.",
            answers={200: ResponseSpec("It can.", {JSON: ModelReadiness}), 404: missing, 500: damaged, 503: away},
            operation="v2_model_ready",
        ),
        Route(
            "POST",
            f"{path}/infer",
            infer,
            "Predicts y for the tensor X, by the Open Inference Protocol: JSON or binary tensors.",
            TENSOR,
            answers={
                200: ResponseSpec(
                    "The output.", {JSON: InferenceResponse, BINARY: BYTES}, {HEADER: "Where binary y begins."}
                ),
                404: missing,
                **INFER_REFUSALS,
            },
            parameters=(JSON_LENGTH, parameters.IDEMPOTENCY),
            body=RequestBody({JSON: InferenceRequest, BINARY: BYTES}),
            operation="v2_infer",
        ),
    ]


INFER_REFUSALS: ResponseSpecs = {
    400: protocol_error_response("The request can't be read, or a tensor is wrong."),
    408: protocol_error_response("The body stopped coming."),
    409: protocol_error_response("The job was taken from its worker, and what it made counts no more."),
    410: protocol_error_response("The job was cancelled while this request waited for it."),
    413: protocol_error_response("The body is over TRINITY_MAX_BODY bytes."),
    415: protocol_error_response("The body is of another type, or it is compressed."),
    429: protocol_error_response("As many jobs wait as may.", responses.RETRY_AFTER),
    500: protocol_error_response("The model failed, or its worker was lost each time it was tried."),
    503: protocol_error_response(
        "The ledger doesn't answer, or as much goes on as this process allows.", responses.RETRY_AFTER
    ),
    504: protocol_error_response("The prediction was not done in time.", responses.RETRY_AFTER),
}
