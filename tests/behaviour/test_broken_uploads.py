"""Clients that hang up during an upload, or right after it, leave nothing in the store, and the service goes on."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.api import Api
from tests.support.model_files import onnx_regressor
from tests.support.servers import until
from tests.support.trinity import trinity

LENGTH = 50_000_000


@pytest.fixture(scope="module", params=["inline", "redis"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, Path]]:
    folder = tmp_path_factory.mktemp(request.param)
    with trinity(request.param, folder) as api:
        yield api, folder / "store"


def begin(api: Api, name: str, length: int, form: bytes = b"") -> socket.socket:
    """A connection on which an upload has begun."""
    url = api.http.base_url
    peer = socket.create_connection((url.host, url.port or 80), timeout=10)
    kind = b"multipart/form-data; boundary=cut" if form else b"application/octet-stream"
    head = f"POST /models/{name}/versions HTTP/1.1\r\nHost: {url.host}\r\nContent-Length: {length}\r\n"
    peer.sendall(head.encode() + b"Content-Type: " + kind + b"\r\n\r\n" + form)
    return peer


def hang_up(peer: socket.socket, *, at_once: bool) -> None:
    """Close a connection; at once is by a reset, which what was sent may not outlive."""
    if at_once:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def left(store: Path) -> list[Path]:
    return [path for path in (store / "payloads").rglob("*") if path.is_file()]


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("sent_bytes", [0, 1, 300_000, 3_000_000])
@pytest.mark.parametrize(
    "form", [b"", b'--cut\r\nContent-Disposition: form-data; name="file"; filename="m.onnx"\r\n\r\n']
)
def test_a_client_that_hangs_up_during_an_upload_leaves_nothing(
    running: tuple[Api, Path], form: bytes, sent_bytes: int, *, at_once: bool
) -> None:
    api, store = running
    peer = begin(api, "broken", LENGTH, form)
    peer.sendall(onnx_regressor().content.ljust(sent_bytes, b"\0")[:sent_bytes])
    if sent_bytes > 1_000_000:
        until(lambda: bool(left(store)), "a file of the upload")
    hang_up(peer, at_once=at_once)
    until(lambda: not left(store), "the removal of the file")
    assert api.http.get("/models/broken").status_code == 404
    assert api.http.get("/ping").status_code == 200


@pytest.mark.parametrize("at_once", [False, True])
def test_a_client_that_hangs_up_right_after_an_upload_leaves_a_version_or_nothing(
    running: tuple[Api, Path], *, at_once: bool
) -> None:
    """The job may have begun by then: its version is whole, and the file of the upload is gone either way."""
    api, store = running
    content = onnx_regressor().content
    name = f"after-{'reset' if at_once else 'close'}"
    for _ in range(4):
        peer = begin(api, name, len(content))
        peer.sendall(content)
        hang_up(peer, at_once=at_once)

    def imported() -> bool:
        """While those before are tried out, a process that runs its own jobs takes no more of them."""
        answer = api.http.post(f"/models/{name}/versions", content=content, headers={"Prefer": "wait=30"})
        return answer.status_code != 503 and api.finished(answer)["status"] == "SUCCESS"

    until(imported, "an import that succeeds")
    until(lambda: not left(store), "the removal of the files")
    versions = api.http.get(f"/models/{name}").json()["versions"]
    assert 1 <= len(versions) <= 5
    for version in versions:
        assert api.result(f"models/{name}/predict", {"version": version, "data": {"X": [[1, 2, 3, 4]]}})
    assert len(list((store / "models" / name / "versions").iterdir())) == len(versions)
