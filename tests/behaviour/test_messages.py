"""Foreign messages on the broker: none ends or blocks a worker, and none has an effect."""

import json
import uuid
from typing import Any

import pytest
from kombu import Connection

from tests.support.api import Api, Json, only_queued

pytestmark = only_queued

JSON = {"content_type": "application/json", "content_encoding": "utf-8"}
BYTES = {"content_type": "application/octet-stream", "content_encoding": "binary"}
PICKLE = {"content_type": "application/x-python-serialize", "content_encoding": "binary"}
EMBED = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
CALLBACK = {"task": "app.tasks.fit", "args": [], "kwargs": {}, "options": {}, "subtask_type": None, "immutable": False}
LATER = "9999-12-31T23:59:59+00:00"


def headers(**other: Any) -> dict[str, Any]:
    """The headers of a task as Celery writes them, with `other` instead; values of ... are left out."""
    usual = {
        "lang": "py",
        "task": "app.tasks.predict",
        "id": uuid.uuid4().hex,
        "eta": None,
        "expires": None,
        "retries": 0,
        "timelimit": [None, None],
        "root_id": None,
        "parent_id": None,
        "argsrepr": "",
        "kwargsrepr": "{}",
        "origin": "somebody",
        "ignore_result": True,
    }
    return {name: value for name, value in {**usual, **other}.items() if value is not ...}


def body(arguments: Json, options: Json = None, embed: Json = None) -> bytes:
    """The body of a task."""
    return json.dumps([arguments, {} if options is None else options, EMBED if embed is None else embed]).encode()


IDS = body([["a"]])
BY_HEADERS: dict[str, dict[str, Any]] = {
    "no headers": {},
    "unknown task": headers(task="os.system"),
    "unknown task without id": {"task": "os.system"},
    "task is a list": headers(task=["app.tasks.predict"]),
    "task is null": headers(task=None),
    "task alone": {"task": "app.tasks.predict"},
    "no id": headers(id=...),
    "id is a dict": headers(id={"a": 1}),
    "id is long": headers(id="a" * 100_000),
    "eta is a word": headers(eta="tomorrow"),
    "eta is a number": headers(eta=5),
    "eta is far": headers(eta=LATER),
    "expires is a list": headers(expires=[1]),
    "timelimit is a word": headers(timelimit="x"),
    "timelimit of words": headers(timelimit=["a", "b"]),
    "retries is a word": headers(retries="x"),
    "unknown compression": headers(compression="brotli?"),
    "wrong compression": headers(compression="application/x-gzip"),
    "stamps are numbers": headers(stamps=7, stamped_headers=5),
}
BY_BODY: dict[str, bytes] = {
    "empty": b"",
    "not json": b"{nope",
    "not text": b"\xff\xfe\x00",
    "number": b"5",
    "null": b"null",
    "text": b'"args"',
    "nested json": b"[" * 50_000,
    "args is a number": body(5),
    "no args": body([]),
    "ids are numbers": body([[1, 2, 3]]),
    "ids is a number": body([7]),
    "ids is a dict": body([{"a": 1}]),
    "ids is text": body(["abc"]),
    "ids are nested": body([[["a"], [{}]]]),
    "ids are null": body([[None]]),
    "a million ids": body([[f"{number:032x}" for number in range(1_000_000)]]),
    "huge": b'"' + b"x" * 8_000_000 + b'"',
    "ids that aren't there": body([["a", "../b", "*", "c" * 1000]]),
    "kwargs is a list": body([["a"]], [1]),
    "unknown kwargs": body([["a"]], {"b": 1}),
    "embed is a list": body([["a"]], None, [1]),
    "callbacks": body([["a"]], None, {**EMBED, "callbacks": [CALLBACK], "chain": [CALLBACK]}),
    "callbacks are numbers": body([["a"]], None, {"callbacks": 5, "errbacks": 7, "chain": 9, "chord": 3}),
    "protocol 1": json.dumps({"task": "app.tasks.predict", "id": "x", "args": 5, "kwargs": []}).encode(),
}
BY_TYPE: dict[str, tuple[bytes, dict[str, Any]]] = {
    "bytes": (b"\xff\xfe", {**BYTES, "headers": headers()}),
    "bytes without headers": (b"\xff\xfe", BYTES),
    "pickle": (b"\x80\x04K\x01.", {**PICKLE, "headers": headers()}),
    "pickle without headers": (b"\x80\x04K\x01.", PICKLE),
    "unknown encoding": (IDS, {**JSON, "content_encoding": "klingon", "headers": headers()}),
    "protocol 1 without headers": (BY_BODY["protocol 1"], JSON),
    "task of protocol 1 is a list": (b'{"task": ["x"]}', JSON),
}
MESSAGES = {
    **{name: (IDS, {**JSON, "headers": given}) for name, given in BY_HEADERS.items()},
    **{name: (content, {**JSON, "headers": headers()}) for name, content in BY_BODY.items()},
    **BY_TYPE,
}


def send(api: Api, content: bytes, lane: str = "predict", **properties: Any) -> None:
    """Put a message into a lane."""
    assert api.ledger_url is not None
    rabbit = next((server.url for server in api.servers if server.name == "rabbitmq"), None)
    with Connection(rabbit or api.ledger_url.removesuffix("0") + "1") as broker:
        broker.Producer().publish(content, exchange="trinity", routing_key=lane, **properties)


def check_alive(api: Api) -> None:
    """Check that the one worker still runs, and does a new job."""
    assert api.result("predict", {"model": "multivariate", "data": {"X": [[1.0]]}})["y"] == pytest.approx([2.0])
    assert [server.name for server in api.servers if server.process.poll() is not None] == []


@pytest.mark.parametrize("kind", MESSAGES)
def test_a_foreign_message_is_dropped(api: Api, kind: str) -> None:
    """The worker continues with the next message."""
    api.result("fit", {"model": "multivariate", "data": {"X": [[0.0], [1.0]], "y": [0.0, 2.0]}})
    content, properties = MESSAGES[kind]
    send(api, content, **properties)
    check_alive(api)


@pytest.mark.parametrize("task", ["app.tasks.fit", "app.tasks.predict"])
def test_a_forged_message_for_a_finished_job_changes_nothing(api: Api, task: str) -> None:
    """Neither its result nor its times, and no version is made again."""
    fitted = api.call("fit", {"model": "multivariate", "data": {"X": [[0.0], [1.0]], "y": [0.0, 2.0]}})
    for lane in ("fit", "predict"):
        send(api, body([[fitted["id"], uuid.uuid4().hex]]), lane, **JSON, headers=headers(task=task))
    check_alive(api)
    assert api.http.get(fitted["links"]["self"]).json() == fitted
    versions = api.http.get("/models/multivariate").json()["versions"]
    assert max(versions) == fitted["version"]
