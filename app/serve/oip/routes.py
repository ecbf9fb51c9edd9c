"""Routes of the Open Inference Protocol: below /v2, where every error has the protocol's form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from msgspec import Meta

from app.serve.oip.messages import BINARY, HEADER, InferenceRequest, InferenceResponse
from app.serve.openapi import parts
from app.serve.openapi.parts import JSON, Parameter, RequestBody, ResponseSpec, ResponseSpecs
from app.serve.resources.route import Responder, route

TENSOR = '{"inputs": [{"name": "X", "shape": [2, 1], "datatype": "FP64", "data": [-0.5, 0.5]}]}'
MODEL_ERRORS: ResponseSpecs = {
    404: ResponseSpec("There is no such model or version, or no fitted one."),
    500: ResponseSpec("The version is damaged on disk."),
    503: parts.STORE_DOWN,
}
INFER_ERRORS: ResponseSpecs = {
    **parts.BODY_ERRORS,
    **parts.QUEUED_ERRORS,
    415: ResponseSpec("The body is neither JSON nor binary tensors, or it is compressed."),
    504: ResponseSpec("The prediction did not end in time.", headers=parts.RETRY_AFTER),
}


def model_route(
    path: str, description: str, responses: ResponseSpecs, operation: str, **more: Any
) -> Callable[[Responder], Responder]:
    """Declare two routes of the responder below: of a model's latest version, and of a named one."""
    responses = {**MODEL_ERRORS, **responses}
    model = "/v2/models/{name}"
    latest = route(f"{model}{path}", description, responses, operation=operation, **more)
    version = f"{model}/versions/{{version}}{path}"
    named = route(version, description, responses, operation=f"{operation}_version", **more)

    def declare(responder: Responder) -> Responder:
        return latest(named(responder))

    return declare


infer_route = model_route(
    "/infer",
    "Predicts y for the tensor X, by the Open Inference Protocol: JSON or binary tensors.",
    {
        **INFER_ERRORS,
        200: ResponseSpec(
            "The output.",
            {JSON: InferenceResponse, BINARY: parts.BYTES},
            {HEADER: "Bytes of JSON before the binary y."},
        ),
    },
    "v2_infer",
    parameters=(
        Parameter(
            HEADER,
            Annotated[str, Meta(pattern="^[0-9]{1,18}$")],
            "How many bytes of the body are JSON; binary tensors follow.",
            "header",
        ),
        parts.IDEMPOTENCY_KEY,
    ),
    body=RequestBody({JSON: InferenceRequest, BINARY: parts.BYTES}, {JSON: TENSOR}),
)
