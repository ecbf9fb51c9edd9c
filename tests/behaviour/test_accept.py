"""Accept: what names no form that an answer has is passed over (RFC 9110 §12.5.1); the answer has its usual form."""

import pytest

from tests.support.api import Api

JSON = "application/json"
USUAL = {
    "/": JSON,
    "/ping": JSON,
    "/models": JSON,
    "/models/polynomial": JSON,
    "/models/polynomial/versions/latest": JSON,
    "/openapi.json": JSON,
    "/docs": "text/html",
    "/metrics": "text/plain",
    "/health/ready": JSON,
    "/v2": JSON,
    "/v2/models/polynomial": JSON,
    "/nowhere": "application/problem+json",
    "/models/nobody": "application/problem+json",
    "/jobs/0123456789abcdef0123456789abcdef": "application/problem+json",
}
UNKNOWN = ["image/png", "image/png, audio/*;q=0.5", "application/xml", "application/json;q=0", "no type at all", ""]


@pytest.mark.parametrize("path", USUAL)
def test_what_no_answer_has_is_passed_over(api: Api, path: str) -> None:
    """By every route, for answers and for problems alike: the status is that without Accept."""
    api.result("fit")
    usual = api.http.get(path, headers={"Accept": "*/*"})
    assert usual.headers["Content-Type"].split(";")[0] == USUAL[path]
    for accept in UNKNOWN:
        answer = api.http.get(path, headers={"Accept": accept})
        assert answer.status_code == usual.status_code, accept
        assert answer.headers["Content-Type"] == usual.headers["Content-Type"], accept


@pytest.mark.parametrize("accept", UNKNOWN)
def test_so_are_those_of_the_verbs(api: Api, accept: str) -> None:
    headers = {"Accept": accept, "Prefer": "wait=20"}
    for verb in ("fit", "predict", "score"):
        answer = api.http.post(f"/{verb}", json={}, headers=headers)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, JSON)
        assert answer.json()["status"] == "SUCCESS"
    refused = api.http.post("/predict", json={"data": 1}, headers=headers)
    assert (refused.status_code, refused.headers["Content-Type"]) == (422, "application/problem+json")


def test_a_form_that_this_prediction_cannot_have_is_not_acceptable(api: Api) -> None:
    """npy is named, and holds no labels: JSON in its place would not be what was asked for."""
    api.result("models/logistic/fit")
    for accept, status in (("application/x-npy", 406), ("text/csv", 200), (f"application/x-npy, {JSON}", 406)):
        headers = {"Accept": accept, "Prefer": "wait=20"}
        assert api.http.post("/models/logistic/predict", json={}, headers=headers).status_code == status, accept
