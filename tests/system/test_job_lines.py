"""Each job that a real stack ends has one line in the log of one of its processes, with who asked for it."""

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.api_keys import new_key
from tests.support import servers
from tests.support.api import WAIT_S, Api, Json, Mode, gate
from tests.support.trinity import trinity

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
DATA = {"X": [[1.0], [2.0]], "y": [1.0, 3.0]}


@pytest.mark.parametrize("mode", ["redis", "rabbit"])
def test_every_end_of_a_job_is_one_line(tmp_path: Path, mode: Mode) -> None:
    """Success, a bug of the model, a refusal, a cancel while it waits or runs, and a timeout."""
    if mode == "rabbit" and (missing := servers.missing_rabbitmq()):
        pytest.skip(missing)
    secret, key = new_key("alice", "read+predict+fit")
    with trinity(mode, tmp_path, TRINITY_API_KEYS=key.entry) as api, gate(tmp_path) as closed:
        api.http.headers["Authorization"] = f"Bearer {secret}"
        assert api.call("fit", {"model": "picky", "data": {"X": [[0.0]], "y": [0.0]}})["by"] == "alice"
        api.post("predict", {"model": "picky", "data": {"X": [[1.0]]}})
        api.post("fit", {"model": "raising", "data": {"X": [[0.0]] * 13, "y": [0.0] * 13}})
        _cancel_all(api, [api.post("fit", closed.body()).json() for _ in range(3)])
        servers.until(closed.nobody_waits, "the end of their processes")
        api.post("fit", closed.body() | {"timeout": 0.5})
        servers.until(lambda: len(_lines(api, "job")) >= 7, "the lines of all jobs")
        lines = _lines(api, "job")
        found = Counter((line["verb"], line["status"], line.get("error", "")) for line in lines if line["counted"])
        assert found == {
            ("fit", "SUCCESS", ""): 1,
            ("predict", "FAILURE", "invalid"): 1,
            ("fit", "FAILURE", "model-failed"): 1,
            ("fit", "REVOKED", "cancelled"): 3,
            ("fit", "FAILURE", "timeout"): 1,
        }
        assert {line["key_name"] for line in lines} == {"alice"}
        assert all(line["request_id"] for line in lines)
        _check_errors(api, {line["job_id"]: line for line in lines})


def _cancel_all(api: Api, jobs: list[Json]) -> None:
    """Cancel jobs once two of them run, so that one waits."""
    locations = [job["links"]["self"] for job in jobs]
    statuses = lambda: [api.http.get(each).json()["status"] for each in locations]  # noqa: E731
    servers.until(lambda: statuses().count("STARTED") == 2, "two jobs that run", WAIT_S)
    for each in reversed(locations):
        assert api.http.delete(each).status_code == 200


def _check_errors(api: Api, jobs: dict[str, Any]) -> None:
    """The bug and the refusal each have one line with their place, and lead to their job and request."""
    errors = [line for line in _lines(api) if line.get("logger") == "app.dispatch.execute"]
    assert {line["error"]: "tests/support/models.py" in line["event"] for line in errors} == {
        "ValueError": True,
        "KeyError": True,
    }
    assert len(errors) == 2
    assert all(line["request_id"] == jobs[line["job_id"]]["request_id"] for line in errors)


def _lines(api: Api, event: str = "") -> list[Any]:
    texts = [text for server in api.servers for text in server.log.read_bytes().splitlines() if text.startswith(b"{")]
    return [line for line in map(msgspec.json.decode, texts) if not event or line["event"] == event]
