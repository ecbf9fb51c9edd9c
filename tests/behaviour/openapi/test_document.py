"""The OpenAPI document: valid, complete, right for its mode and cached; every example in it works."""

import io
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate

from app.api_keys import new_key
from tests.support.api import WAIT_S, Api, Json, Mode, problem
from tests.support.servers import until
from tests.support.trinity import trinity

MODES: list[Mode] = ["inline", "redis"]
BINARY = {"application/x-npy", "application/octet-stream", "multipart/form-data"}
DIALECT = ("separator", "decimal", "header", "encoding", "na")
SYNC_HAS_NOT = {"/jobs", "/jobs/{job_id}", "/jobs/{job_id}/result", "/jobs/{job_id}/events", "/jobs/{job_id}/retry"}


@pytest.fixture(scope="module", params=MODES)
def plain(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A Trinity of its own, with the models shipped and nothing fitted."""
    with trinity(request.param, tmp_path_factory.mktemp("plain"), TRINITY_MODELS="app.model.models") as running:
        yield running


@pytest.fixture(scope="module")
def document(plain: Api) -> Json:
    return plain.http.get("/openapi.json").json()


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    """Every operation: path, method, description."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_it_is_openapi(document: Json) -> None:
    """By the judgement of openapi-spec-validator."""
    assert document["openapi"].startswith("3.1")
    validate(document)


def test_every_route_is_documented(plain: Api, document: Json) -> None:
    """Every route that GET / lists is in the document, with at least one response that is not an error."""
    listed = {(route["path"], route["method"].lower()) for route in plain.http.get("/").json()["routes"]}
    assert listed == {(path, method) for path, method, _ in operations(document)}
    silent = [path for path, _, said in operations(document) if not any(code < "4" for code in said["responses"])]
    assert silent == [], "routes without responses (see app/serve/resources/route.py)"


def test_an_import_below_the_name_of_an_estimator_is_documented(plain: Api, document: Json) -> None:
    """A 409: an estimator has the model of its name."""
    path = "/models/{name}/versions"
    headers = {"Content-Type": "application/octet-stream"}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:  # as skops writes it
        archive.writestr("schema.json", "{}")
    answer = plain.http.post(path.format(name="multivariate"), content=file.getvalue(), headers=headers)
    assert answer.status_code == 409, answer.text
    assert "409" in document["paths"][path]["post"]["responses"]


def test_every_placeholder_is_a_parameter(document: Json) -> None:
    """And each parameter and response has a description."""
    for path, _, said in operations(document):
        parameters = said.get("parameters", [])
        named = {f"{{{each['name']}}}" for each in parameters if each["in"] == "path"}
        assert named == {word for word in path.split("/") if word.startswith("{")}, path
        assert all(each["description"] for each in [*parameters, *said["responses"].values()]), path


def test_what_a_parameter_goes_with(document: Json) -> None:
    """Predict is the only verb that reads npy, with the query of CSV but for the target and the dialect."""
    for verb, kinds in (("fit", "CSV"), ("predict", "CSV or npy"), ("score", "CSV")):
        said = document["paths"][f"/{verb}"]["post"]
        assert ("application/x-npy" in said["requestBody"]["content"]) is ("npy" in kinds)
        words = {each["name"]: each["description"] for each in said["parameters"] if each["in"] == "query"}
        for name in ("target", *DIALECT):
            assert words.pop(name).startswith("CSV: ")
        assert all(each.startswith(f"{kinds}: ") for each in words.values()), words


def test_the_page_and_its_errors_are_documented(document: Json) -> None:
    said = document["paths"]["/"]["get"]
    assert {each["name"] for each in said["parameters"]} == {"model", "version", "output"}
    assert {code: list(answer["content"]) for code, answer in said["responses"].items()} == {
        "200": ["application/json", "text/html"],
        "404": ["text/html"],
        "422": ["application/problem+json"],
        "500": ["text/html"],
        "503": ["text/html"],
    }


def test_an_inference_may_be_cancelled_or_late(document: Json) -> None:
    answers = document["paths"]["/v2/models/{name}/infer"]["post"]["responses"]
    assert answers["410"]["content"].keys() == {"application/json"}
    assert "Retry-After" in answers["504"]["headers"]


def test_it_is_right_for_its_mode(plain: Api, document: Json) -> None:
    """Sync mode has no jobs and no 202; async mode has both, with the job's address."""
    assert (set(document["paths"]) >= SYNC_HAS_NOT) is plain.queued
    assert bool(set(document["paths"]) & SYNC_HAS_NOT) is plain.queued
    answers = document["paths"]["/fit"]["post"]["responses"]
    assert ("202" in answers) is plain.queued
    if plain.queued:
        assert answers["202"]["headers"].keys() == {"Location", "Retry-After"}


def test_what_sync_mode_does_not_do_is_not_promised(plain: Api, document: Json) -> None:
    """Sync mode accepts a key that was used for another request, and has no timeout; the document and GET / say so."""
    sync = plain.mode == "inline"
    listed = {route["path"]: route["answers"] for route in plain.http.get("/").json()["routes"]}
    for verb in ("fit", "predict", "score"):
        said = document["paths"][f"/{verb}"]["post"]
        assert ("used for another request" in said["responses"]["422"]["description"]) is not sync
        assert ("used for another request" in listed[f"/{verb}"]["422"]) is not sync
        member = document["components"]["schemas"][f"{verb.title()}Body"]["properties"]["timeout"]
        (parameter,) = (each for each in said["parameters"] if each["name"] == "timeout")
        assert all(("has no effect" in each["description"]) is sync for each in (member, parameter))


def test_each_models_parameters_are_a_schema(document: Json) -> None:
    """With the model's name, types, limits and defaults; so are the parameters of the dummy source."""
    schemas = document["components"]["schemas"]
    assert schemas["PolynomialParams"]["properties"]["degree"]["maximum"] == 50
    assert schemas["MultivariateParams"]["properties"]["fit_intercept"]["type"] == "boolean"
    assert schemas["DummyParams"]["properties"]["number"]["default"] == 50
    params = schemas["FitBody"]["properties"]["params"]["anyOf"]
    names = {"LogisticParams", "PolynomialParams", "MultivariateParams"}
    assert {choice["$ref"].rpartition("/")[2] for choice in params} == names


def test_results_of_classifiers_are_schemas_of_their_own(document: Json) -> None:
    """Beside those of regressors; predictions are one schema, whose y holds labels too."""
    schemas = document["components"]["schemas"]
    for job, results in (
        ("FitJob", ["FitResult", "ClassFitResult", "OwnFitResult", None]),
        ("ScoreJob", ["ScoreMetrics", "ClassScoreMetrics", "OwnMetrics", None]),
    ):
        choices = schemas[job]["properties"]["result"]["anyOf"]
        assert [choice["$ref"].rpartition("/")[2] if "$ref" in choice else None for choice in choices] == results
    assert {"accuracy", "roc_auc", "confusion"} <= set(schemas["ClassScoreMetrics"]["required"])
    assert "probabilities" in schemas["Predictions"]["properties"]


def test_it_is_cached(plain: Api) -> None:
    """A caller that has the document gets a 304; the compressed and the plain form have different ETags."""
    first = plain.http.get("/openapi.json")
    assert first.headers["Content-Encoding"] == "gzip"
    again = plain.http.get("/openapi.json", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    for known in (f"W/{first.headers['ETag']}", f'"older", W/{first.headers["ETag"]}', "*"):  # a proxy may weaken it
        assert plain.http.get("/openapi.json", headers={"If-None-Match": known}).status_code == 304
    assert plain.http.get("/openapi.json", headers={"If-None-Match": '"older"'}).status_code == 200
    bare = plain.http.get("/openapi.json", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in bare.headers
    assert bare.headers["ETag"] != first.headers["ETag"]
    assert bare.json() == first.json()
    assert "ETag" in plain.http.head("/openapi.json").headers


def test_every_example_works(plain: Api, document: Json) -> None:
    """Each body in each media type, with the parameters' examples, in the order of the document."""
    sent = []
    for path, method, said in operations(document):
        if "{job_id}" in path:
            continue  # there is no job before one is submitted: test_listed_examples_run
        if (method, path) == ("delete", "/models/{name}"):
            continue  # a model of an estimator's name is not removed: as before
        bodies = said.get("requestBody", {}).get("content", {"": {}})
        for media, content in bodies.items():
            if media in BINARY:  # which has no example that JSON could hold
                continue
            answer = send(plain, method, path, said.get("parameters", []), media, content.get("example"))
            assert answer.status_code in (200, 202), (method, path, media, answer.text)
            if plain.queued and answer.status_code == 202:
                assert plain.finished(answer)["status"] == "SUCCESS"
            sent.append((method, path, media))
    assert len(sent) == len(set(sent)) > 20


def send(api: Api, method: str, path: str, parameters: list[Json], media: str, example: Any) -> Any:
    """The answer to an example, sent with the parameters' examples for the media type."""
    query: dict[str, Any] = {}
    for parameter in parameters:
        value = parameter.get("example")
        if media == "text/csv":
            value = parameter.get("examples", {}).get("csv", {}).get("value", value)
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", str(value))
        elif value is not None:
            query[parameter["name"]] = value
    content = {"json": example} if media == "application/json" else {"content": example} if media else {}
    headers = {"Content-Type": media} if media else {}
    return api.http.request(method, path, params=query, headers=headers, **content)


@pytest.mark.slow
def test_listed_examples_run(plain: Api) -> None:
    """Every example of GET / is a command that a shell runs as it stands, in the order of the list."""
    routes = plain.http.get("/").json()["routes"]
    for route in routes:
        assert "200" in route["answers"] or "202" in route["answers"]
        command = f"{route['example']} --fail-with-body --silent --show-error --max-time {WAIT_S}"
        ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=WAIT_S * 2, check=False)
        assert ended.returncode == 0, (command, ended.stdout[-500:], ended.stderr)
        if plain.queued and route["method"] == "POST":
            until(lambda: not waiting(plain), "the jobs to end")


def waiting(api: Api) -> Json:
    """The jobs that have not ended."""
    return [job for job in api.http.get("/jobs").json()["jobs"] if job["finished"] is None]


def test_keys_are_documented(tmp_path: Path) -> None:
    """With TRINITY_API_KEYS the document says how to send a key, which scope each route needs, and the errors."""
    secret, key = new_key("reader", "read")
    with trinity("inline", tmp_path, TRINITY_API_KEYS=key.entry) as keyed:
        problem(keyed.http.get("/openapi.json"), 401)
        document = keyed.http.get("/openapi.json", headers={"X-API-Key": secret}).json()
        listed = keyed.http.get("/", headers={"X-API-Key": secret}).json()["routes"]
        assert keyed.http.get("/v2").headers["Content-Type"] == "application/json"
    validate(document)
    assert set(document["components"]["securitySchemes"]) == {"bearer", "key"}
    assert document["paths"]["/fit"]["post"]["security"] == [{"bearer": ["fit"]}, {"key": ["fit"]}]
    assert document["paths"]["/models/{name}/predict"]["post"]["security"][0] == {"bearer": ["predict"]}
    assert document["paths"]["/ping"]["get"]["security"] == []
    for path, method, said in operations(document):
        kinds = {kind for code in ("401", "403") for kind in said["responses"].get(code, {}).get("content", {})}
        form = "application/json" if path.startswith("/v2") else "application/problem+json"
        assert kinds == ({form} if said["security"] else set()), (method, path)
    assert [route["path"] for route in listed if "401" not in route["answers"]] == [
        "/ping",
        "/health/live",
        "/health/ready",
        "/v2/health/live",
        "/v2/health/ready",
    ]
