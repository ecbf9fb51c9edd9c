"""Files that the client sends: read from disk once more for each try, and refused when they cannot be sent."""

import json
import os
from pathlib import Path

import httpx
import pytest

from app.client.file_forms import PIECE_BYTES, FileForm, FormFile
from app.client.model_files import NamedFile, encode_files
from app.client.transport import Deadline, OutgoingRequest, Transport
from tests.support.scripted_server import Answer, scripted

OK = Answer(200, '{"fine": true}')
BUSY = Answer(503, json.dumps({"status": 503}), {"Retry-After": "1"})
CONTENT = bytes(range(256)) * 1025


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / 'a "b".bin'
    found.write_bytes(CONTENT)
    return found


def test_each_try_sends_the_whole_file_with_its_length(path: Path) -> None:
    body = encode_files({}, file=NamedFile(path.name, path))
    with scripted(BUSY, OK) as server:
        transport = Transport(server.url, None, lambda _: None)
        assert transport.json(OutgoingRequest("POST", "/predict", body=body), Deadline(20)) == {"fine": True}
        transport.close()
    first, second = server.bodies
    assert first == second
    assert CONTENT in first
    assert b'name="file"; filename="a %22b%22.bin"\r\n' in first
    assert [int(asked["content-length"]) for asked in server.asked] == [len(first)] * 2
    assert all("transfer-encoding" not in asked for asked in server.asked)


def test_a_file_that_grows_or_shrinks_while_it_is_sent_is_an_error(path: Path) -> None:
    for size in (len(CONTENT) + 1, len(CONTENT) - 1):
        form = FileForm([FormFile("file", path.name, path)])
        os.truncate(path, size)
        with pytest.raises(OSError, match="was changed while it was sent"):
            list(form)
        path.write_bytes(CONTENT)


def test_pieces_are_small(path: Path) -> None:
    sizes = [len(piece) for piece in FileForm([FormFile("file", path.name, path)])]
    assert max(sizes) == PIECE_BYTES < len(CONTENT)


def test_what_cannot_be_sent_twice_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(IsADirectoryError, match="is a folder: send a file, or a zip file"):
        FileForm([FormFile("file", "a", tmp_path)])
    with pytest.raises(OSError, match="is not a regular file"):
        FileForm([FormFile("file", "a", tmp_path / "pipe")])
    with pytest.raises(FileNotFoundError):
        FileForm([FormFile("file", "a", tmp_path / "none")])


def test_a_result_file_is_written_from_its_beginning_at_each_try(tmp_path: Path) -> None:
    """Also where an answer broke off in the middle; an error is none of its content."""
    cut = Answer(200, "half", {"Content-Length": "8"})
    with scripted(BUSY, cut, Answer(200, "whole")) as server, (tmp_path / "out").open("w+b") as sink:
        transport = Transport(server.url, None, lambda _: None)
        answer = transport.send(OutgoingRequest("GET", "/file", sink=sink), Deadline(20))
        transport.close()
        assert answer.status_code == httpx.codes.OK
        assert sink.seek(0) == 0 and sink.read() == b"whole"
