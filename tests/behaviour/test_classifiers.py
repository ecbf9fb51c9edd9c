"""Classifiers over HTTP in every mode: labels in and out, probabilities, and metrics as scikit-learn's."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
import pytest
from sklearn import metrics
from sklearn.datasets import load_iris
from sklearn.naive_bayes import GaussianNB

from tests.support.api import Api, pointers, problem

IRIS = load_iris()
X = IRIS.data
NAMES = [str(name) for name in IRIS.target_names]
KINDS: dict[str, list[Any]] = {
    "text": [NAMES[code] for code in IRIS.target],
    "integer": [int(code) * 10 - 10 for code in IRIS.target],
    "boolean": [bool(code == 1) for code in IRIS.target],
}
by_kind = pytest.mark.parametrize("kind", KINDS)
CSV = {"Content-Type": "text/csv"}


def fit(api: Api, y: list[Any], model: str = "bayes", **members: Any) -> Any:
    return api.result("fit", {"model": model, "data": {"X": X.tolist(), "y": y, **members}})


def table(y: list[Any]) -> str:
    """X and labels as CSV."""
    cells = [str(label).lower() if isinstance(label, bool) else label for label in y]
    out = io.StringIO()
    csv.writer(out).writerows(
        [["a", "b", "c", "d", "kind"], *([*row, cell] for row, cell in zip(X.tolist(), cells, strict=True))]
    )
    return out.getvalue()


def expected_score(y: list[Any], reference: GaussianNB, weight: Any = None) -> dict[str, Any]:
    """The metrics of scikit-learn's own model by scikit-learn's own functions."""
    predicted, shares = reference.predict(X), reference.predict_proba(X)
    several = {} if shares.shape[1] == 2 else {"multi_class": "ovr"}
    return {
        "accuracy": metrics.accuracy_score(y, predicted, sample_weight=weight),
        "balanced_accuracy": metrics.balanced_accuracy_score(y, predicted, sample_weight=weight),
        "f1_macro": metrics.f1_score(y, predicted, average="macro", sample_weight=weight),
        "log_loss": metrics.log_loss(y, shares, labels=reference.classes_, sample_weight=weight),
        "roc_auc": metrics.roc_auc_score(y, shares if several else shares[:, 1], sample_weight=weight, **several),
    }


@by_kind
def test_labels_are_given_back_as_they_came(api: Api, kind: str) -> None:
    """With their type, whichever way they came in; and probabilities are those of scikit-learn."""
    y = KINDS[kind]
    reference = GaussianNB().fit(X, y)
    labels, shares = reference.predict(X).tolist(), reference.predict_proba(X)
    rows = [dict(zip("abcd", row, strict=True)) for row in X.tolist()]
    for fitted in (fit(api, y), api.csv("models/bayes/fit", table(y), target="kind")):
        assert fitted["classes"] == sorted(set(y))
        body: Any = {"version": fitted["version"], "data": {"X": X.tolist()}}
        found = api.result("models/bayes/predict", body)
        assert found == {"y": labels}
        assert [type(label) for label in found["y"]] == [type(label) for label in y]
        body["outputs"] = ["y", "probabilities"]
        found = api.result("models/bayes/predict", body)
        assert (found["y"], found["classes"]) == (labels, sorted(set(y)))
        np.testing.assert_allclose(found["probabilities"], shares, rtol=1e-9, atol=1e-12)
        body["outputs"] = ["probabilities"]
        assert api.result("models/bayes/predict", body).keys() == {"classes", "probabilities"}
    named = api.result("models/bayes/predict", {"data": {"X": rows}})
    assert named == {"y": labels}


@by_kind
def test_metrics_are_those_of_scikit_learn(api: Api, kind: str) -> None:
    """Of the fit and of a score, with weights and without, to 1e-12 of what the same probabilities give."""
    y = KINDS[kind]
    reference = GaussianNB().fit(X, y)
    fitted = fit(api, y)
    expected = expected_score(y, reference)
    assert fitted["metrics"] == pytest.approx({**expected, "n": len(y)}, rel=1e-9)
    assert api.http.get(f"/models/bayes/versions/{fitted['version']}").json()["metrics"] == fitted["metrics"]
    scored = api.result("score", {"model": "bayes", "data": {"X": X.tolist(), "y": y}})
    confusion = metrics.confusion_matrix(y, reference.predict(X), labels=reference.classes_).tolist()
    assert (scored.pop("classes"), scored.pop("confusion")) == (sorted(set(y)), confusion)
    assert scored == pytest.approx({**expected, "n": len(y)}, rel=1e-9)
    assert api.csv("models/bayes/score", table(y).replace("a,b,c,d", "x1,x2,x3,x4"), target="kind")["n"] == len(y)

    weight = np.linspace(0.5, 2.0, len(y))
    data = {"X": X.tolist(), "y": y, "sample_weight": weight.tolist()}
    weighted = api.result("score", {"model": "bayes", "data": data})
    assert weighted["accuracy"] == pytest.approx(expected_score(y, reference, weight)["accuracy"], rel=1e-12)
    assert weighted["log_loss"] == pytest.approx(expected_score(y, reference, weight)["log_loss"], rel=1e-9)
    assert np.sum(weighted["confusion"]) == pytest.approx(weight.sum())


def test_labels_that_the_fit_never_saw_are_errors(api: Api) -> None:
    """They stand after the classes of the fit, and what needs their probability is not known."""
    y = KINDS["text"]
    fit(api, y)
    odd = ["tulip", *y[1:-1], "rose"]
    found = api.result("score", {"model": "bayes", "data": {"X": X.tolist(), "y": odd}})
    predicted = GaussianNB().fit(X, y).predict(X)
    assert found["classes"] == [*NAMES, "rose", "tulip"]
    assert found["confusion"] == metrics.confusion_matrix(odd, predicted, labels=found["classes"]).tolist()
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(odd, predicted))
    assert found["f1_macro"] == pytest.approx(metrics.f1_score(odd, predicted, average="macro"))
    assert (found["log_loss"], found["roc_auc"], found["n"]) == (None, None, 150)


def test_a_csv_answer_has_a_column_for_each_class(api: Api) -> None:
    fitted = api.csv("models/bayes/fit", table(KINDS["text"]), target="kind")
    query: dict[str, Any] = {"outputs": "y,probabilities", "keep": "a", "version": fitted["version"]}
    headers = {**CSV, "Accept": "text/csv", "Prefer": "wait=30"}
    content = table(KINDS["text"])
    answer = api.http.post("/models/bayes/predict", content=content, params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    first, *rows = list(csv.reader(io.StringIO(answer.text)))
    assert first == ["a", "kind", *(f"probability({name})" for name in NAMES)]
    reference = GaussianNB().fit(X, KINDS["text"])
    assert [row[1] for row in rows] == reference.predict(X).tolist()
    np.testing.assert_allclose(np.array([row[2:] for row in rows], float), reference.predict_proba(X), rtol=1e-9)


def test_an_npy_answer_holds_numbers_alone(api: Api) -> None:
    """Labels that are whole numbers, or probabilities; texts are a 406."""
    headers = {"Accept": "application/x-npy", "Prefer": "wait=30"}

    def ask(y: list[Any], outputs: list[str]) -> Any:
        version = fit(api, y)["version"]
        body = {"model": "bayes", "version": version, "data": {"X": X.tolist()}, "outputs": outputs}
        return api.post("predict", body, headers=headers)

    numbers = GaussianNB().fit(X, KINDS["integer"])
    np.testing.assert_array_equal(np.load(io.BytesIO(ask(KINDS["integer"], []).content)), numbers.predict(X))
    shares = np.load(io.BytesIO(ask(KINDS["text"], ["probabilities"]).content))
    np.testing.assert_allclose(shares, numbers.predict_proba(X), rtol=1e-9)
    assert "JSON or CSV" in problem(ask(KINDS["text"], []), 406)["detail"]
    assert "one output" in problem(ask(KINDS["integer"], ["y", "probabilities"]), 406)["detail"]


@pytest.mark.parametrize(
    ("outputs", "model", "pointer", "words"),
    [
        (["y", "odds"], "bayes", "/outputs/1", "no output 'odds'; there are y, probabilities"),
        (["probabilities"], "majority", "/outputs/0", "has no probabilities; there is y"),
        (["y", "probabilities"], "multivariate", "/outputs/1", "a regression has no probabilities"),
    ],
)
def test_outputs_that_a_version_does_not_have_are_refused(
    api: Api, outputs: list[str], model: str, pointer: str, words: str
) -> None:
    numbers = model == "multivariate"
    fit(api, IRIS.target.tolist() if numbers else KINDS["text"], model)
    refused = problem(api.post("predict", {"model": model, "data": {"X": X[:1].tolist()}, "outputs": outputs}), 422)
    assert pointers(refused) == [pointer]
    assert words in refused["detail"]
    body = {"model": model, "data": {"X": X[:1].tolist(), "y": [0]}, "outputs": ["y"]}
    assert pointers(problem(api.post("score", body), 422)) == ["/outputs"]


def test_a_classifier_without_probabilities_is_scored_by_its_labels(api: Api) -> None:
    y = KINDS["text"][:120]
    fitted = api.result("fit", {"model": "majority", "data": {"X": X[:120].tolist(), "y": y}})
    found = fitted["metrics"]
    assert (found["accuracy"], found["log_loss"], found["roc_auc"]) == (pytest.approx(50 / 120), None, None)
    assert api.http.get("/models/majority/versions/latest").json()["outputs"] == ["y"]


@pytest.mark.parametrize(
    ("y", "pointer"),
    [
        ([1, "b", 1], "/data/y/1"),
        (["a", None, "b"], "/data/y/1"),
        ([0, 1, 1.5], "/data/y/2"),
        ([True, 0, False], "/data/y/1"),
        ([["a"], ["b"], ["c"]], "/data/y/0"),
        (["a", "b"], "/data/y"),
    ],
)
def test_what_is_no_label_is_refused_before_there_is_a_job(api: Api, y: list[Any], pointer: str) -> None:
    refused = problem(api.post("fit", {"model": "bayes", "data": {"X": [[1], [2], [3]], "y": y}}), 422)
    assert pointers(refused) == [pointer]


def test_labels_of_another_kind_than_those_of_the_fit_are_refused(api: Api) -> None:
    fit(api, KINDS["text"])
    body = {"model": "bayes", "data": {"X": X[:2].tolist(), "y": [1, 2]}}
    refused = problem(api.post("score", body), 422)
    assert pointers(refused) == ["/data/y/0"]
    assert "those of the fit are text" in refused["detail"]


def test_a_label_in_csv_is_refused_with_its_line(api: Api) -> None:
    content = "x,y\n1,3\n2,4\n3,x\n4,5\n"
    answer = api.http.post("/models/bayes/fit", content=content, params={"target": "y"}, headers=CSV)
    refused = problem(answer, 422)
    assert pointers(refused) == ["/data/y/2"]
    assert "line 4, column 'y'" in refused["detail"]


def test_many_labels_are_answered_in_their_order(api: Api) -> None:
    """More than one part of an answer holds."""
    fit(api, KINDS["text"])
    many = np.repeat(X, 300, axis=0)
    reference = GaussianNB().fit(X, KINDS["text"])
    found = api.result("predict", {"model": "bayes", "data": {"X": many.tolist()}})
    assert found["y"] == np.repeat(reference.predict(X), 300).tolist()
    body = {"model": "bayes", "data": {"X": many.tolist()}, "outputs": ["y", "probabilities"]}
    assert "too many for one answer" in problem(api.post("predict", body), 422)["detail"]
    body["data"] = {"X": many[:9_000].tolist()}
    assert len(api.result("predict", body)["probabilities"]) == 9_000


def test_the_dummy_source_has_classes_for_who_asks(api: Api) -> None:
    """A version of it is used without data afterwards; a classifier without any data takes it by itself."""
    source = {"source": "dummy", "params": {"kind": "classes", "number": 500}}
    fitted = api.result("models/bayes/fit", {"data": source})
    assert (fitted["classes"], fitted["source"]) == (["high", "low"], "dummy")
    assert fitted["metrics"]["accuracy"] > 0.8
    assert set(api.result("models/bayes/predict", {})["y"]) == {"high", "low"}
    assert api.result("models/bayes/score", {})["accuracy"] > 0.8
    assert api.result("models/bayes/fit", {})["classes"] == ["high", "low"]


def test_a_source_of_another_kind_than_the_model_needs_is_refused(api: Api) -> None:
    """Where the data is known only when the work is done, the job fails with the same words."""
    for model, kind in (("multivariate", "classes"), ("bayes", "numbers")):
        body = {"data": {"source": "dummy", "params": {"kind": kind}}}
        answer = api.post(f"models/{model}/fit", body, headers={"Prefer": "wait=30"})
        if answer.status_code == 202:
            answer = api.http.get(answer.headers["Location"] + "/result", params={"wait": 30})
        assert answer.status_code == 422, answer.text


def test_a_model_and_its_versions_say_what_they_predict(api: Api) -> None:
    version = fit(api, KINDS["text"])["version"]
    assert api.http.get("/models/bayes").json()["task"] == "classification"
    assert api.http.get("/models/multivariate").json()["task"] == "regression"
    found = api.http.get(f"/models/bayes/versions/{version}").json()
    assert (found["task"], found["classes"], found["outputs"]) == ("classification", NAMES, ["y", "probabilities"])
