"""Uploads: a raw body or a field of a form goes to disk piece by piece, and what is refused leaves nothing."""

import asyncio
import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from falcon import testing
from falcon.asgi import Request

from app.errors import Busy, Invalid, Malformed, TooLarge
from app.serve.bodies.stored_files import StoredUpload
from app.serve.bodies.uploads import MAX_SAMPLE_BYTES, SAMPLE, UploadReader
from app.storage.payload_store import Payloads, PayloadWriter

MAX_BYTES = 3_000_000
BOUNDARY = "trinity-boundary"


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as threads:
        yield threads


class Uploads:
    def __init__(self, folder: Path, pool: ThreadPoolExecutor) -> None:
        self.folder = folder
        self.payloads = Payloads(folder)
        self.reader = UploadReader(self.payloads, pool)

    def send(self, body: bytes, content_type: str | None = None, query: str = "") -> StoredUpload:
        headers = {} if content_type is None else {"Content-Type": content_type}
        scope = testing.create_scope(path="/", query_string=query, headers=headers, content_length=len(body))
        pieces = [body[at : at + 65_536] for at in range(0, len(body), 65_536)] or [b""]
        events = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
        events[-1]["more_body"] = False

        async def receive() -> dict[str, Any]:
            return events.pop(0)

        async def read() -> StoredUpload:
            return await self.reader.read(Request(scope, receive), MAX_BYTES, sample=SAMPLE)

        return asyncio.run(read())

    def files(self) -> list[str]:
        return [path.name for path in self.folder.rglob("*") if path.is_file()]


@pytest.fixture
def stored(tmp_path: Path, pool: ThreadPoolExecutor) -> Uploads:
    return Uploads(tmp_path, pool)


def form(*parts: tuple[str, str | None, bytes], end: str = "--") -> bytes:
    found = b""
    for name, filename, content in parts:
        named = "" if filename is None else f'; filename="{filename}"'
        found += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode()
        found += content + b"\r\n"
    return found + f"--{BOUNDARY}{end}\r\n".encode()


FORM = f"multipart/form-data; boundary={BOUNDARY}"
CONTENT = bytes(range(256)) * 9_000


def test_a_raw_body_is_in_the_store_with_its_digest(stored: Uploads) -> None:
    upload = stored.send(CONTENT, "application/octet-stream", "format=onnx")
    assert stored.payloads.get(upload.reference) == CONTENT
    assert upload.reference.endswith(hashlib.sha256(CONTENT).hexdigest())
    assert (upload.sent.head, upload.size_bytes) == (CONTENT[:4096], len(CONTENT))
    assert (upload.sent.filename, upload.sent.sample, upload.sent.query) == ("", None, {"format": "onnx"})
    assert stored.files() == [f"{upload.id}.file"]
    assert stored.payloads.path(upload.reference).read_bytes() == CONTENT


def test_a_form_has_a_file_a_sample_and_fields(stored: Uploads) -> None:
    body = form(("file", "model.skops", CONTENT), ("sample", "rows.csv", b"a,b\n1,2\n"), ("classes", None, b"no,yes"))
    upload = stored.send(body, FORM, "strict=true")
    assert stored.payloads.get(upload.reference) == CONTENT
    assert (upload.sent.filename, upload.sent.sample) == ("model.skops", b"a,b\n1,2\n")
    assert upload.sent.query == {"strict": "true", "classes": "no,yes"}


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ('filename="../a\\\\b/c.jpg"', "c.jpg"),
        ('filename="say %22hi%22%0D%0A.png"', 'say "hi".png'),
        ('filename="say \\"hi\\".png"', 'say "hi".png'),
        ('filename="caf\xe9 \U0001f600\u202egnp.exe"', "caf\xe9 \U0001f600gnp.exe"),
        ("filename*=UTF-8''..%2F%E2%82%AC%00.png", "\u20ac.png"),
        ('filename=".."', ""),
        ("filename=plain.png", "plain.png"),
    ],
)
def test_the_name_of_a_file_is_safe_however_it_is_sent(stored: Uploads, sent: str, name: str) -> None:
    body = form(("file", "HERE", b"x")).replace(b'filename="HERE"', sent.encode())
    assert stored.send(body, FORM, "").name == name


@pytest.mark.parametrize(
    ("body", "content_type", "query", "error"),
    [
        (b"x" * (MAX_BYTES + 1), None, "", TooLarge),
        (form(("file", "m", b"x" * (MAX_BYTES + 1))), FORM, "", TooLarge),
        (form(("file", "m", b"x"), ("sample", "s", b"a"), ("sample", "s", b"b")), FORM, "", Invalid),
        (form(("file", "m", b"x"), ("sample", "s", b"x" * (MAX_SAMPLE_BYTES + 1))), FORM, "", Invalid),
        (form(("file", "m", b"x"), ("file", "m", b"x")), FORM, "", Invalid),
        (form(("sample", "s", b"x")), FORM, "", Invalid),
        (form(("file", "m", b"x"), ("format", None, b"onnx")), FORM, "format=skops", Invalid),
        (form(("file", "m", CONTENT))[:-100], FORM, "", Malformed),
        (form(("file", "m", b"x"), ("a", None, b"\xff")), FORM, "", Malformed),
        (b"", FORM, "", Malformed),
        (b"x", "multipart/form-data", "", Malformed),
    ],
)
def test_what_is_refused_leaves_nothing(
    stored: Uploads, body: bytes, content_type: str, query: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        stored.send(body, content_type, query)
    assert stored.files() == []


def test_a_process_receives_few_files_at_once(stored: Uploads, pool: ThreadPoolExecutor) -> None:
    stored.reader = UploadReader(stored.payloads, pool, max_uploads=0, wait_s=0)
    with pytest.raises(Busy):
        stored.send(b"x")


class HeldPayloads(Payloads):
    """One step of its writers waits until it is freed."""

    def __init__(self, folder: Path, step: str) -> None:
        super().__init__(folder)
        self.step = step
        self.reached, self.free = Event(), Event()

    def writer(self, name: str) -> PayloadWriter:
        found = super().writer(name)
        original = getattr(found, self.step)

        def held(*arguments: Any) -> Any:
            self.reached.set()
            assert self.free.wait(10)
            return original(*arguments)

        setattr(found, self.step, held)
        return found


@pytest.mark.parametrize("step", ["begin", "write", "finish"])
def test_a_client_that_hangs_up_leaves_nothing_at_any_step(tmp_path: Path, pool: ThreadPoolExecutor, step: str) -> None:
    """Also while a thread writes: its step ends before the file is removed."""
    payloads = HeldPayloads(tmp_path, step)
    reader = UploadReader(payloads, pool)

    async def hang_up() -> None:
        scope = testing.create_scope(path="/", content_length=len(CONTENT))

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": CONTENT, "more_body": False}

        task = asyncio.create_task(reader.read(Request(scope, receive), MAX_BYTES))
        await asyncio.to_thread(payloads.reached.wait, 10)
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()  # the process ends as well
        payloads.free.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(hang_up())
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
