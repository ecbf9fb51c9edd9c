"""The gate of a fit: the new version takes over an alias only if it scores better on the same rows; in every mode."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from app import client as trinity
from tests.behaviour.test_registry import put, served
from tests.behaviour.test_versions import steep
from tests.support.api import Api, Json, pointers, problem

NUMBER = count(1)
ON = {"X": [[0], [1], [2], [5]], "y": [1, 3, 5, 11]}
"""The line itself, where the factor of `steep` is 1."""


@pytest.fixture
def name(api: Api) -> Iterator[str]:
    """A name that no model has; at the end none has it."""
    found = f"gated-{next(NUMBER)}"
    yield found
    api.http.delete(f"/models/{found}")


def gated(api: Api, name: str, factor: float, gate: Json, **more: Any) -> Json:
    """The result of a fit of a line of this factor, with a gate."""
    body = {"estimator": "multivariate", "data": steep(factor), "promote": {"on": ON, **gate}, **more}
    return api.result(f"models/{name}/fit", body)


def test_the_first_version_becomes_champion(api: Api, name: str) -> None:
    """There is nothing to compare with; the history says that the gate did it."""
    result = gated(api, name, 2, {})
    assert result["promotion"] == {
        "alias": "champion",
        "promoted": True,
        "metric": "r2",
        "gain": 0.0,
        "score": pytest.approx(api.result("score", {"model": name, "version": 1, "data": ON})["r2"]),
        "champion": None,
        "champion_score": None,
        "detail": "there was no champion to compare with",
    }
    history = api.http.get(f"/models/{name}/history").json()["history"]
    assert [(move["alias"], move["from"], move["to"], move["why"]) for move in history] == [
        ("champion", None, 1, "gate"),
        ("latest", None, 1, "fit"),
    ]


def test_a_better_version_takes_over(api: Api, name: str) -> None:
    """And a worse or equal one does not; requests without a version use the champion all along."""
    for factor, promoted, champion in ((2, True, None), (3, False, 1), (1, True, 1), (1, False, 3), (1.5, False, 3)):
        result = gated(api, name, factor, {})
        decided = result["promotion"]
        assert (decided["promoted"], decided["champion"]) == (promoted, champion)
        scores = [api.result("score", {"model": name, "version": v, "data": ON})["r2"] for v in (result["version"],)]
        assert decided["score"] == pytest.approx(scores[0])
        if champion:
            old = api.result("score", {"model": name, "version": champion, "data": ON})["r2"]
            assert decided["champion_score"] == pytest.approx(old)
    assert served(api, model=name) == (3, 3)
    assert api.http.get(f"/models/{name}/aliases/champion").json()["version"] == 3


def test_metrics_where_less_is_better(api: Api, name: str) -> None:
    """And a gain that must be reached."""
    gated(api, name, 2, {"metric": "rmse"})
    first = gated(api, name, 1.9, {"metric": "rmse", "gain": 1})["promotion"]
    assert not first["promoted"] and "not better by 1 or more" in first["detail"]
    assert gated(api, name, 1.1, {"metric": "mae", "gain": 1})["promotion"]["promoted"]
    assert not gated(api, name, 3, {"metric": "mae"})["promotion"]["promoted"]
    assert served(api, model=name) == (3, 3.3)


def test_another_alias(api: Api, name: str) -> None:
    """The champion stays where it is."""
    gated(api, name, 1, {})
    assert gated(api, name, 9, {"alias": "trial"})["promotion"]["promoted"]
    assert api.http.get(f"/models/{name}").json()["aliases"] == {"champion": 1, "latest": 2, "trial": 2}


def test_a_source_gives_the_rows(api: Api, name: str) -> None:
    """In JSON with its parameters, in the query by its name."""
    data = {"source": "dummy", "params": {"number": 40, "seed": 7}}
    body = {"estimator": "polynomial", "params": {"degree": 1}, "data": data}
    first = api.result(f"models/{name}/fit", {**body, "promote": {"on": data}})
    assert first["promotion"]["promoted"]
    better = api.result(f"models/{name}/fit", {**body, "params": {"degree": 3}, "promote": {"on": data}})
    assert better["promotion"]["promoted"] and better["promotion"]["score"] > first["promotion"]["score"]
    table = "x,y\n0,1\n1,3\n2,5\n"
    query = {"promote": "champion", "promote_source": "dummy", "promote_metric": "rmse", "promote_gain": "0.5"}
    third = api.csv(f"models/{name}/fit", table, target="y", degree=1, **query)["promotion"]
    assert (third["promoted"], third["champion"], third["metric"], third["gain"]) == (False, 2, "rmse", 0.5)


def test_rows_with_other_columns_than_the_champion_s(api: Api, name: str) -> None:
    """Each version takes the columns of its own fit; what cannot be compared is not promoted, and the fit succeeds."""
    rows = [{"city": "Bern" if i % 2 else "Chur", "size": i, "floor": 1} for i in range(8)]
    y = [2 * i + (i % 2) for i in range(8)]
    on = {"X": rows, "y": y}
    fit = {"estimator": "multivariate", "data": on, "promote": {"on": on}}
    assert api.result(f"models/{name}/fit", {**fit, "inputs": ["size"]})["promotion"]["promoted"]
    better = api.result(f"models/{name}/fit", {**fit, "inputs": ["size", "city"]})["promotion"]
    assert better["promoted"] and better["score"] == pytest.approx(1)
    narrow = {"X": [{"size": row["size"]} for row in rows], "y": y}
    body = {"data": narrow, "promote": {"on": narrow}}
    decided = api.result(f"models/{name}/fit", body)["promotion"]
    assert not decided["promoted"] and decided["champion_score"] is None
    assert "champion cannot be scored" in decided["detail"] and "city" in decided["detail"]
    one = {"X": [rows[0]], "y": [0.0]}
    undefined = api.result(f"models/{name}/fit", {**fit, "promote": {"on": one}})
    assert not undefined["promotion"]["promoted"] and "not defined" in undefined["promotion"]["detail"]


@pytest.mark.parametrize(
    ("gate", "status", "pointer"),
    [
        ({"alias": "latest"}, 422, "/promote/alias"),
        ({"alias": "Bad"}, 422, "/promote/alias"),
        ({"metric": "accuracy"}, 422, "/promote/metric"),
        ({"gain": -1}, 422, "/promote/gain"),
        ({"on": {}}, 422, "/promote/on"),
        ({"on": {"X": [[1]]}}, 422, "/promote/on/y"),
        ({"on": {"X": [[1], ["a"]], "y": [1, 2]}}, 422, "/promote/on/X/1/0"),
        ({"on": {"X": [[1], [2]], "y": [1]}}, 422, "/promote/on/y"),
        ({"on": {"source": "nope"}}, 422, "/promote/on/source"),
        ({"on": {"source": "dummy", "params": {"number": 0}}}, 422, "/promote/on/params/number"),
        ({"on": {"source": "dummy", "X": [[1]]}}, 422, "/promote/on"),
        ({"on": None}, 422, "/promote/on"),
        ({"if": 1}, 422, "/promote/if"),
    ],
)
def test_gates_that_cannot_be(api: Api, gate: Json, status: int, pointer: str) -> None:
    """Are refused before anything is fitted."""
    body = {"model": "multivariate", "data": steep(1), "promote": {"on": ON, **gate}}
    assert pointers(problem(api.post("fit", body), status)) == [pointer]


def test_gates_belong_to_fits(api: Api) -> None:
    """Predict and score know none; in a query without rows there is none either."""
    assert pointers(problem(api.post("predict", {"promote": {"on": ON}}), 422)) == ["/promote"]
    for query, pointer in (
        ({"promote": "champion"}, "/promote/on"),
        ({"promote": "champion", "promote_source": "dummy", "promote_gain": "x"}, "/promote_gain"),
    ):
        options: Any = {"params": {"target": "y", **query}, "headers": {"Content-Type": "text/csv"}}
        answer = api.http.post("/fit", content="x,y\n1,2\n2,3\n", **options)
        assert pointers(problem(answer, 422)) == [pointer]


def test_the_client(api: Api, name: str) -> None:
    """Takes arrays and frames for the rows of a gate."""
    frame = pytest.importorskip("pandas").DataFrame(ON["X"], columns=["x"])
    with trinity.Client(str(api.http.base_url)) as client:
        line = steep(2)
        given = {"model": name, "estimator": "multivariate"}
        first = client.fit(line["X"], line["y"], **given, promote={"on": ON})
        assert first["promotion"]["promoted"]
        line = steep(1)
        second = client.fit(line["X"], line["y"], **given, promote={"on": {"X": frame, "y": ON["y"]}, "metric": "mae"})
        assert second["promotion"]["promoted"] and client.alias(name) == 2
        assert client.rollback(name) == 1


def test_a_move_beside_a_gate(api: Api, name: str) -> None:
    """The gate compares with the version that has the alias when it moves it."""
    gated(api, name, 5, {})
    api.result(f"models/{name}/fit", {"data": steep(1)})
    assert put(api, "champion", 2, model=name).status_code == 200
    assert gated(api, name, 2, {})["promotion"]["champion"] == 2
    assert served(api, model=name) == (2, 3)


def test_classifiers(api: Api, name: str) -> None:
    """They are compared by accuracy, or by another of their metrics."""
    rows = {"X": [[-2.0], [-1.0], [1.0], [2.0]], "y": ["no", "no", "yes", "yes"]}
    wrong = {"X": rows["X"], "y": ["yes", "yes", "no", "no"]}
    body = {"estimator": "bayes", "data": wrong, "promote": {"on": rows}}
    first = api.result(f"models/{name}/fit", body)["promotion"]
    assert (first["promoted"], first["metric"], first["score"]) == (True, "accuracy", 0.0)
    second = api.result(f"models/{name}/fit", {"data": rows, "promote": {"on": rows, "metric": "log_loss"}})
    assert second["promotion"]["promoted"] and second["promotion"]["champion_score"] > second["promotion"]["score"]
    third = api.result(f"models/{name}/fit", {"data": wrong, "promote": {"on": rows}})["promotion"]
    assert (third["promoted"], third["champion"], third["champion_score"]) == (False, 2, 1.0)


def test_labels_of_another_kind_are_no_rows_to_compare_on(api: Api, name: str) -> None:
    """A champion of texts cannot be scored on whole numbers, so a version of whole numbers does not take its place."""
    on = {"X": [[0], [3]], "y": [1, 2]}
    texts = {"estimator": "logistic", "data": {"X": [[0], [1], [2], [3]], "y": ["1", "1", "2", "2"]}}
    first = api.result(f"models/{name}/fit", {**texts, "promote": {"on": {**on, "y": ["1", "2"]}}})
    assert first["promotion"]["promoted"]
    numbers = {"data": {"X": [[0], [1], [2], [3]], "y": [1, 1, 2, 2]}, "promote": {"on": on}}
    decided = api.result(f"models/{name}/fit", numbers)["promotion"]
    assert (decided["promoted"], decided["champion_score"]) == (False, None)
    assert "y holds whole numbers, the labels of the model are texts" in decided["detail"]


def test_a_form_has_the_rows_in_a_second_file(api: Api, name: str) -> None:
    """Written as the first one is, with the same target; it goes with `promote` alone."""
    first = "size;floor;rent\n1;0;2,5\n2;1;4,5\n3;0;6,5\n"

    def fit(table: str, held_out: str, **fields: str) -> Any:
        files = {"file": ("june.csv", table, "text/csv"), "promote_on": ("held.csv", held_out, "text/csv")}
        data = {"target": "rent", "inputs": "size", "estimator": "multivariate", **fields}
        return api.http.post(f"/models/{name}/fit", data=data, files=files)

    rows = "rent;size;floor\n10,5;5;1\n12,5;6;0\n"
    assert api.finished(fit(first, rows, promote="champion"))["result"]["promotion"]["promoted"]
    worse = api.finished(fit(first.replace("6,5", "9,5"), rows, promote="champion"))["result"]["promotion"]
    assert (worse["promoted"], worse["champion"], worse["champion_score"]) == (False, 1, pytest.approx(1))
    assert pointers(problem(fit(first, rows), 422)) == ["/promote_on"]
    assert pointers(problem(fit(first, rows, promote="champion", promote_source="dummy"), 422)) == ["/promote_on"]


@pytest.mark.parametrize("name", ["promote_metric", "promote_gain", "promote_source"])
def test_what_belongs_to_a_gate_goes_with_one(api: Api, name: str) -> None:
    """In the query of a fit, and as a field of its form."""
    table = b"x,y\n1,2\n2,3\n3,4\n"
    sent = api.http.post("/fit", params={"target": "y", name: "1"}, content=table, headers={"Content-Type": "text/csv"})
    form = api.http.post("/fit", data={"target": "y", name: "1"}, files={"file": ("t.csv", table)})
    for answer in (sent, form):
        refused = problem(answer, 422)
        assert pointers(refused) == [f"/{name}"]
        assert "needs `promote`" in refused["detail"]
