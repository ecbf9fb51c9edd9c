"""What schemathesis must know beside the document, and one more check: every 422 points to the wrong value."""

from itertools import count
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis.core.parameters import ParameterLocation

from tests.behaviour.openapi.fixed_champion import leave_champion

NUMBER = count()
JSON_LENGTH = "Inference-Header-Content-Length"
NUMBERS = st.floats(-1e6, 1e6).map(lambda number: f"{number:.6g}")


@st.composite
def tables(draw: st.DrawFn) -> str:
    """Small tables with one to three inputs x… and the output y."""
    names = ["y", *draw(st.sampled_from([["x"], ["x1", "x2"], ["x1", "x2", "x3"]]))]
    rows = draw(st.lists(st.tuples(*[NUMBERS] * len(names)), min_size=1, max_size=8))
    return "\n".join(",".join(line) for line in [names, *rows])


schemathesis.openapi.format("csv", tables())


@schemathesis.serializer("text/csv")
def csv(context: schemathesis.SerializationContext, value: Any) -> bytes:
    """A table as it is; any other value as text."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict[str, Any]) -> None:
    """Remove valid values that make a request fail for a reason that the document cannot express.

    These are query parameters beside JSON, an Idempotency-Key that was used for another request, and a length of the
    JSON that is not its length. Invalid values stay.
    """
    leave_champion(case.path, case.path_parameters, case.query, case.body)
    if case.meta is None:
        return
    if case.media_type == "application/json" and not case.meta.is_negative_at(ParameterLocation.QUERY):
        case.query = {}
    if "Idempotency-Key" in (case.headers or {}) and not case.meta.is_negative_at(ParameterLocation.HEADER):
        case.headers["Idempotency-Key"] = f'"{next(NUMBER)}"'
    if JSON_LENGTH in (case.headers or {}) and not case.meta.is_negative_at(ParameterLocation.HEADER):
        del case.headers[JSON_LENGTH]


@schemathesis.check
def refusals_point(
    context: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case
) -> None:
    """Every 422 has a pointer to each bad value in the body or the query; headers have no pointer."""
    if response.status_code == 422 and "Idempotency-Key" not in response.json()["detail"]:
        errors = response.json().get("errors", [])
        assert errors, "a 422 that points to nothing"
        assert all(error["pointer"] == "" or error["pointer"].startswith("/") for error in errors)
