"""A timeout and a webhook with a request: granted by what the mode and the settings allow, over HTTP."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.bootstrap import build
from app.dispatch.dispatcher import Dispatcher, IdempotencyKey
from app.dispatch.inline import InlineDispatcher
from app.schemas.jobs import Job
from app.schemas.requests import Work
from app.serve.app import create_app
from app.settings import Mode, Settings
from tests.support.fakes import job, pool, run

SECRET = "whsec_" + "A" * 32
URL = "https://hooks.example/x"
CSV = {"Content-Type": "text/csv"}
ROW = {"X": [[0.5]]}


class Accepts:
    """A dispatcher that keeps what it is given."""

    turns = None

    def __init__(self) -> None:
        self.accepted: list[Work] = []

    async def submit(self, work: Work, key: IdempotencyKey | None = None, *, as_array: bool = False) -> Job:
        self.accepted.append(work)
        return job(str(len(self.accepted)), work)

    async def job(self, job_id: str, wait_s: float, past_stop_s: float = 0) -> Job:
        raise AssertionError("nobody asks")

    async def close(self) -> None:
        pass


class Trinity:
    """An API in this process."""

    def __init__(self, settings: Settings, threads: ThreadPoolExecutor) -> None:
        self.queue = Accepts()
        service = build(settings).service
        dispatcher: Dispatcher = InlineDispatcher(service, threads, 1) if settings.mode is Mode.SYNC else self.queue
        self._api: Any = create_app(settings, service, dispatcher, threads, {})

    def post(self, path: str, **content: Any) -> httpx.Response:
        async def answered() -> httpx.Response:
            transport = httpx.ASGITransport(self._api)
            async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
                return await client.post(path, **content)

        return run(answered())

    def refusal(self, path: str, **content: Any) -> tuple[str, str]:
        """The pointer and the words of a 422."""
        answer = self.post(path, **content)
        assert answer.status_code == 422, answer.text
        assert self.queue.accepted == []
        (error,) = answer.json()["errors"]
        return error["pointer"], error["detail"]


@contextmanager
def trinity(folder: Path, mode: Mode = Mode.ASYNC, **settings: Any) -> Iterator[Trinity]:
    with pool() as threads:
        yield Trinity(Settings(mode=mode, store=str(folder), **settings), threads)


@pytest.fixture
def queued(tmp_path: Path) -> Iterator[Trinity]:
    with trinity(tmp_path, webhook_secret=SECRET, webhook_hosts="10.0.0.1:8080") as running:
        yield running


@pytest.fixture
def inline(tmp_path: Path) -> Iterator[Trinity]:
    with trinity(tmp_path, Mode.SYNC, webhook_secret=SECRET) as running:
        yield running


def test_a_queued_job_keeps_its_wishes(queued: Trinity) -> None:
    """By JSON and by CSV."""
    assert queued.post("/fit", json={"timeout": 86_400, "webhook": {"url": URL}}).status_code == 202
    query = {"target": "y", "timeout": "0.5", "webhook": "http://10.0.0.1:8080/"}
    assert queued.post("/fit", content="x,y\n1,2\n2,3\n3,5\n4,4\n", params=query, headers=CSV).status_code == 202
    wishes = [(work.timeout_s, work.webhook) for work in queued.queue.accepted]
    assert wishes == [(86_400.0, URL), (0.5, "http://10.0.0.1:8080/")]


def test_a_timeout_over_the_limit_is_refused(queued: Trinity, inline: Trinity) -> None:
    """In both modes, with the setting's name."""
    expected = ("/timeout", "86401 seconds are over the limit of 86400 (TRINITY_MAX_TIMEOUT)")
    assert queued.refusal("/fit", json={"timeout": 86_401}) == expected
    assert inline.refusal("/fit", json={"timeout": 86_401}) == expected


def test_a_private_address_is_refused_at_submission(queued: Trinity) -> None:
    """Unless it is named."""
    for url in ("http://10.0.0.1/", "http://[::1]/", "http://0x7f.1/"):
        assert queued.refusal("/fit", json={"webhook": {"url": url}})[0] == "/webhook/url"
        query = {"target": "y", "webhook": url}
        assert queued.refusal("/fit", content="x,y\n1,2\n", params=query, headers=CSV)[0] == "/webhook/url"


def test_without_a_secret_there_are_no_webhooks(tmp_path: Path) -> None:
    """The operator must set one first."""
    with trinity(tmp_path) as unsigned:
        refusal = unsigned.refusal("/fit", json={"webhook": {"url": URL}})
    assert refusal == ("/webhook", "webhooks need TRINITY_WEBHOOK_SECRET")


def test_sync_mode_takes_a_timeout_and_refuses_a_webhook(inline: Trinity) -> None:
    """For a fit and for small predictions alike."""
    assert inline.post("/fit", json={"timeout": 60}).status_code == 200
    assert inline.post("/predict", json={"data": ROW, "timeout": 60}).status_code == 200
    expected = ("/webhook", "webhooks need async mode; in sync mode the answer is the result")
    for path in ("/fit", "/predict", "/models/polynomial/predict"):
        assert inline.refusal(path, json={"data": ROW, "webhook": {"url": URL}}) == expected
