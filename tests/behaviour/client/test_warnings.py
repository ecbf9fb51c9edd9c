"""What the service warns of is a warning of Python, at the line of the caller."""

import json
import warnings
from typing import Any

import pytest

from app.client import Client
from tests.support.scripted_server import Answer, scripted

TEXT = "2 of 5 terms are redundant: x2, x3"
MODEL = {"name": "line", "params": {"properties": {}}, "versions": [], "aliases": {}}
MANIFEST = {
    "model": "line",
    "version": 3,
    "params": {},
    "metrics": {},
    "created": "",
    "schema": {"inputs": ["x"], "outputs": ["y"]},
}


def answer(document: Any) -> Answer:
    return Answer(200, json.dumps(document), {"Content-Type": "application/json"})


def ended(verb: str, **result: Any) -> Answer:
    """The envelope of a finished job, with a warning."""
    envelope = {"id": "1f", "verb": verb, "model": "line", "version": 3, "status": "SUCCESS", "error": None}
    return answer({**envelope, "result": {**result, "warnings": [TEXT]}, "created": "", "links": {}})


def test_the_caller_is_warned_at_his_line() -> None:
    """By the estimator and by the client's own fit and score."""
    fitted = ended("fit", version=3, terms=["1", "x"], coefficients=[1, 2], metrics={})
    scored = ended("score", r2=1.0, rmse=0.0, mae=0.0, n=2)
    answers = answer(MODEL), fitted, answer(MANIFEST), scored, fitted, scored
    with scripted(*answers) as server, Client(server.url) as client, warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        model = client.model("line").fit([[1.0], [2.0]], [3.0, 5.0])
        model.score([[1.0], [2.0]], [3.0, 5.0])
        client.fit([[1.0], [2.0]], [3.0, 5.0])
        assert client.score([[1.0], [2.0]], [3.0, 5.0])["warnings"] == [TEXT]
    assert [(str(each.message), each.category, each.filename) for each in seen] == [(TEXT, UserWarning, __file__)] * 4


def test_a_warning_may_be_an_error() -> None:
    """As in these tests; the estimator is fitted all the same."""
    fitted = ended("fit", version=3, terms=["1", "x"], coefficients=[1, 2], metrics={})
    with scripted(answer(MODEL), fitted, answer(MANIFEST)) as server, Client(server.url) as client:
        model = client.model("line")
        with pytest.raises(UserWarning, match="redundant"):
            model.fit([[1.0], [2.0]], [3.0, 5.0])
        assert model.version_ == 3
