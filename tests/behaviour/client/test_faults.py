"""A network that loses responses: a request that is sent again makes one job, one version, one result."""

from collections.abc import Iterator

import numpy as np
import pytest

from app.client import Client
from tests.faults.wire import Wire
from tests.support.api import Api

X = np.arange(12.0).reshape(-1, 1)
CUTS = 3


@pytest.fixture
def wire(api: Api) -> Iterator[Wire]:
    wire = Wire(str(api.http.base_url).rstrip("/"))
    yield wire
    wire.close()


def cut(wire: Wire, words: bytes, times: int, *, after: bool) -> list[bool]:
    """Reset the connection whenever `words` pass, `times` times: before they arrive, or when the response is there."""
    done: list[bool] = []

    def act() -> None:
        done.append(True)
        wire.partition()
        wire.heal()
        if len(done) < times:
            wire.strike(words, act, after=after)

    wire.strike(words, act, after=after)
    return done


@pytest.mark.parametrize("after", [True, False], ids=["answer lost", "request lost"])
def test_a_lost_submission_makes_no_second_job(api: Api, wire: Wire, *, after: bool) -> None:
    """One fit, cut off several times in a row, makes one version and one job."""
    with Client(str(api.http.base_url)) as plain, Client(wire.url) as client:
        before = plain.models("multivariate")["versions"], jobs(api, plain)
        cuts = cut(wire, b"dempotency-", CUTS, after=after)
        model = client.model("multivariate").fit(X, X[:, 0])
        assert len(cuts) == CUTS
        versions = plain.models("multivariate")["versions"]
        assert len(versions) == len(before[0]) + 1
        assert model.version_ == versions[-1]
        assert jobs(api, plain) - before[1] == api.queued


def test_a_lost_prediction_is_predicted(wire: Wire) -> None:
    """The second response is that of the first."""
    with Client(wire.url) as client:
        model = client.model("multivariate").fit(X, X[:, 0])
        cuts = cut(wire, b"/predict", CUTS, after=True)
        np.testing.assert_allclose(model.predict([[3.0]]), [3.0], atol=1e-9)
        assert len(cuts) == CUTS


def jobs(api: Api, client: Client) -> int:
    return len(list(client.jobs())) if api.queued else 0
