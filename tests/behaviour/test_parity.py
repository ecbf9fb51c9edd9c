"""The same request gives the same result, to the last bit, inline, over Redis and over RabbitMQ."""

import pytest

from tests.support.api import Api, Json

CROWD: Json = {"source": "dummy", "params": {"number": 5_000, "inputs": 4, "seed": 3, "noise": 0.5}}
ROWS: Json = {"X": [[0.1 * row, (row * 37 % 11) / 3] for row in range(40)], "columns": ["a", "b"]}
Y = [1.5 + 0.3 * a - 0.7 * b + 0.01 * a * b * ((place % 5) - 2) for place, (a, b) in enumerate(ROWS["X"])]
SEQUENCE: list[tuple[str, Json]] = [
    ("fit", None),
    ("predict", None),
    ("score", None),
    ("fit", {"params": {"degree": 5}, "data": {"source": "dummy", "params": {"number": 300, "seed": 4}}}),
    ("predict", {"version": 1}),
    ("predict", {"version": "latest", "data": {"X": [[0.123456789], [-0.987654321], [1e-9]]}}),
    ("score", {"version": 2, "data": {"source": "dummy", "params": {"seed": 9}}}),
    ("fit", {"model": "multivariate", "data": CROWD}),
    ("score", {"model": "multivariate", "data": CROWD}),
    ("predict", {"model": "multivariate", "data": CROWD}),
    ("fit", {"params": {"degree": 4}, "data": ROWS | {"y": Y}}),
    ("predict", {"data": {"X": [{"b": 1.25, "a": 0.5}]}}),
    ("fit", {"params": {"degree": 2}, "data": ROWS | {"y": [[y, y * y, -y] for y in Y]}}),
    ("predict", {"data": ROWS}),
    ("score", {"data": ROWS | {"y": [[y, 1.0, y] for y in Y]}}),
]


def with_fresh_version(body: Json, versions: dict[tuple[str, int], int]) -> Json:
    """The request with its version, counted from 1 on a fresh store, as this store counts it."""
    if not body or not isinstance(body.get("version"), int):
        return body
    return body | {"version": versions[body.get("model", "polynomial"), body["version"]]}


def results(api: Api) -> list[Json]:
    """The results of the whole sequence, with versions as on a fresh store."""
    versions: dict[tuple[str, int], int] = {}
    collected = []
    for verb, body in SEQUENCE:
        envelope = api.call(verb, with_fresh_version(body, versions))
        assert envelope["status"] == "SUCCESS", envelope
        result = envelope["result"]
        if verb == "fit":
            model = envelope["model"]
            fresh = 1 + sum(1 for name, _ in versions if name == model)
            versions[model, fresh] = result["version"]
            result = result | {"version": fresh}
        collected.append(result)
    return collected


def test_same_request_same_result(api: Api, golden: Api) -> None:
    """A sequence of calls gives exactly the results of a fresh Trinity in sync mode."""
    for (verb, body), here, there in zip(SEQUENCE, results(api), results(golden), strict=True):
        assert here == there, f"{verb} {str(body)[:200]}"


@pytest.mark.parametrize("rows", [1, 7, 300, 9_000])
def test_predictions_do_not_depend_on_other_rows(api: Api, rows: int) -> None:
    """A row alone, among others, and in a large request gets the same prediction to the bit."""
    version = api.result("fit", {"data": {"source": "dummy", "params": {"number": 80, "inputs": 2}}})["version"]
    table = [[(row * 7919 % 1000) / 499, (row * 104729 % 1000) / 777] for row in range(rows)]
    together = api.result("predict", {"version": version, "data": {"X": table}})["y"]
    for place in {0, rows // 2, rows - 1}:
        alone = api.result("predict", {"version": version, "data": {"X": [table[place]]}})["y"]
        assert alone == [together[place]]
