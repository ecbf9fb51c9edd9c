"""The registry through the client: which version serves, how it is rolled back, and what is removed."""

from collections.abc import Iterator

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
