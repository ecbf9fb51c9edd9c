"""execute: work ends in an outcome, whatever the model does, and nothing of the data reaches the log."""

import logging
from typing import Any, cast

import pytest

from app.dispatch.execute import execute, finished_job
from app.errors import Busy, Invalid, ModelFailed, NotFound, TrinityError
from app.schemas.jobs import Outcome
from app.schemas.requests import Work
from app.service import Service
from tests.support.fakes import Clock, FakeService, work


def outcome(raised: BaseException | None = None, result: Any = None) -> Outcome:
    """What comes of work that raises, or gives a result; it takes two seconds."""
    clock = Clock()

    def body(_: Work) -> Any:
        clock.now += 2
        if raised is not None:
            raise raised
        return result

    return execute(cast("Service", FakeService(body)), work(), "job", clock)


def test_success() -> None:
    """The result as JSON, the version, the times of the clock."""
    done = outcome(result={"y": [1.5, -0.0], "name": "é"})
    assert (done.started_s, done.finished_s, done.version, done.failure) == (1000, 1002, 1, None)
    assert bytes(done.result or b"") == '{"y":[1.5,-0.0],"name":"é"}'.encode()


@pytest.mark.parametrize("error", [NotFound.at("/version", "gone"), ModelFailed("damaged"), Busy("full")])
def test_a_domain_error_keeps_its_kind(error: TrinityError) -> None:
    """What the domain refuses is the failure, word for word."""
    done = outcome(error)
    assert done.failure == error.failure()
    assert (done.result, done.version, done.finished_s) == (None, None, 1002)


@pytest.mark.parametrize(
    "error",
    [KeyError("17.25"), ZeroDivisionError("17.25"), MemoryError("17.25"), RecursionError("17.25"), SystemExit("17.25")],
)
def test_a_bug_of_the_model_is_named_and_not_quoted(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    """The caller and the log learn which error it was, and neither its message: it may quote data."""
    with caplog.at_level(logging.DEBUG):
        failure = outcome(error).failure
    assert failure is not None
    assert failure.kind == "model-failed"
    assert type(error).__name__ in failure.detail and type(error).__name__ in caplog.text
    assert "17.25" not in failure.detail + caplog.text
    assert "test_execute.py" in caplog.text


@pytest.mark.parametrize("result", [{"y": object()}, {"y": 1j}, {1j: 1}])
def test_a_result_that_is_no_json_is_a_bug_of_the_model(result: Any) -> None:
    """It fails as any other bug does."""
    failure = outcome(result=result).failure
    assert failure is not None and failure.kind == "model-failed"


def test_the_job_of_a_success_has_the_version_made() -> None:
    """A fit's job names its new version."""
    job = finished_job("id", work("fit"), 999.0, outcome(result={}))
    assert (job.status, job.version, job.created_s, job.started_s, job.finished_s) == ("SUCCESS", 1, 999, 1000, 1002)


def test_the_job_of_a_failure_has_the_version_asked_for() -> None:
    """A failed prediction's job names the version it was for."""
    job = finished_job("id", work(version=5), 999.0, outcome(Invalid("no")))
    assert (job.status, job.version) == ("FAILURE", 5)
