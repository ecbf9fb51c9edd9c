"""The registry through the client: which version serves, how it is rolled back, and what is removed."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from app import client as trinity
from tests.behaviour.test_versions import steep
from tests.support.api import Api

MODEL = "multivariate"


@pytest.fixture
def client(api: Api) -> Iterator[trinity.Client]:
    """A client; at the end the model has no champion."""
    with trinity.Client(str(api.http.base_url)) as found:
        yield found
    api.http.delete(f"/models/{MODEL}/aliases/champion")


def fits(client: trinity.Client, *factors: float) -> list[int]:
    jobs = [client.submit("fit", steep(factor), MODEL) for factor in factors]
    return [job.result()["version"] for job in jobs]


def test_a_champion_is_set_and_rolled_back(client: trinity.Client) -> None:
    """Back to where it was before, and before that; each move is in the history."""
    one, two, three = fits(client, 1, 2, 3)
    for version, before in ((one, None), (two, one), (three, two)):
        client.set_alias(MODEL, version, if_version=before)
    assert client.alias(MODEL) == three
    assert client.predict([[1]], MODEL) == pytest.approx([9])
    assert client.rollback(MODEL) == two == client.alias(MODEL)
    assert client.predict([[1]], MODEL) == pytest.approx([6])
    assert [(move["from"], move["to"], move["why"]) for move in client.history(MODEL, "champion", 2)] == [
        (three, two, "rollback"),
        (two, three, "request"),
    ]
    assert client.rollback(MODEL, one) == one
    client.delete_alias(MODEL, if_version=one)
    assert client.predict([[1]], MODEL) == pytest.approx([9])


def test_without_a_champion_the_version_before_the_latest_becomes_it(client: trinity.Client) -> None:
    """One call after a bad fit."""
    good, _ = fits(client, 1, 100)
    assert client.rollback(MODEL) == good
    assert client.predict([[1]], MODEL) == pytest.approx([3])


def test_who_comes_too_late_is_told_so(client: trinity.Client) -> None:
    """Conflict for another version than expected, NotFound for what is not there."""
    one, two = fits(client, 1, 2)
    client.set_alias(MODEL, one)
    with pytest.raises(trinity.Conflict, match=f"stands at version {one}"):
        client.set_alias(MODEL, two, if_version=two)
    with pytest.raises(trinity.Conflict, match="expected none"):
        client.set_alias(MODEL, two, if_version=None)
    with pytest.raises(trinity.Conflict):
        client.delete_alias(MODEL, if_version=two)
    with pytest.raises(trinity.NotFound):
        client.alias(MODEL, "trial")
    with pytest.raises(trinity.NotFound):
        client.set_alias(MODEL, 99999)
    with pytest.raises(trinity.Invalid):
        client.set_alias(MODEL, one, "latest")


def test_versions_are_deleted(client: trinity.Client) -> None:
    """Where no alias names them; a model of its estimator's name stays."""
    one, two = fits(client, 1, 2)
    client.delete_version(MODEL, one)
    assert one not in client.models(MODEL)["versions"]
    with pytest.raises(trinity.NotFound):
        client.delete_version(MODEL, one)
    with pytest.raises(trinity.Conflict, match="latest"):
        client.delete_version(MODEL, two)
    with pytest.raises(trinity.Conflict, match="estimator"):
        client.delete_model(MODEL)


def test_without_a_version_it_is_the_one_that_predicts(client: trinity.Client) -> None:
    """The champion, or else the latest; an estimator stays with the version that it is of."""
    old, new = fits(client, 1, 2)
    assert client.version(MODEL)["version"] == client.fitted(MODEL).version_ == new
    client.set_alias(MODEL, old)
    serving = client.fitted(MODEL)
    assert client.version(MODEL)["version"] == serving.version_ == old
    assert client.version(MODEL, "latest")["version"] == new
    assert serving.predict([[1.0]]) == client.predict([[1.0]], MODEL)
    client.set_alias(MODEL, new)
    assert serving.version_ == old
    with pytest.raises(trinity.NotFound):
        client.version("nowhere")


X = np.arange(12.0).reshape(-1, 1)
TABLES = {
    "arrays": (X, 3 * X[:, 0]),
    "lists": (X.tolist(), (3 * X[:, 0]).tolist()),
    "frames": (pd.DataFrame({"a": X[:, 0], "t": ["u", "v"] * 6}), pd.DataFrame({"y": 3 * X[:, 0]})),
    "rows": ([{"a": float(a)} for a in X[:, 0]], pd.Series(3 * X[:, 0])),
}


@pytest.mark.parametrize("kind", TABLES)
def test_the_rows_of_a_gate_are_what_a_fit_takes(client: trinity.Client, kind: str) -> None:
    """Arrays, lists and frames, of numbers and labels, for a model of another name too."""
    rows, y = TABLES[kind]
    gate = {"alias": "champion", "on": {"X": rows, "y": y}, "gain": np.float64(0)}
    name = f"gated-{kind}"
    assert client.fit(rows, y, name, estimator="multivariate", promote=gate)["promotion"]["promoted"]
    labels = np.resize(["high", "low", "low"], 12)
    gate["on"] = {"X": rows, "y": labels}
    assert client.fit(rows, labels, f"{name}-c", estimator="logistic", promote=gate)["promotion"]["promoted"]
    model = client.fitted(f"{name}-c")
    assert model.predict_proba(rows).shape == (12, 2)
    assert repr(model).startswith("Gated") and "version 1" in repr(model)


@pytest.mark.parametrize("rows", [X, (X, 3 * X[:, 0]), pd.DataFrame({"a": [1.0]})])
def test_other_rows_of_a_gate_are_refused_in_words(client: trinity.Client, rows: object) -> None:
    """Before anything is sent."""
    with pytest.raises(trinity.Invalid, match='"on" is') as refused:
        client.fit(X, 3 * X[:, 0], MODEL, promote={"alias": "champion", "on": rows})
    assert refused.value.pointers == ["/promote/on"]
