"""The outbox tells a real receiver of the end of each job with a webhook: once when it is taken, 12 times at most."""

import base64
import hashlib
import hmac
import json
import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
import pytest
from redis import Redis

from app.queue.ledger import Submission
from app.queue.webhooks.retry_schedule import TRIES, next_try
from app.queue.worker.outbox import AGAIN_S
from app.schemas.jobs import Outcome, envelope
from app.schemas.requests import Work
from tests.support.fakes import Gate, work
from tests.support.ledger_fixture import DONE, FAILED, LARGE, LedgerFixture
from tests.support.outbox_fixture import CHANCE, KEY, Post, held_by
from tests.support.receiver import receiving, status
from tests.support.servers import until

ENDS = [(DONE, "job.succeeded"), (FAILED, "job.failed")]


@contextmanager
def refusing(redis: Redis) -> Iterator[None]:
    """A ledger that takes commands from this client alone."""
    redis.config_set("requirepass", "other")
    try:
        redis.execute_command("AUTH", "other")
        redis.client_kill_filter(_type="normal", skipme=True)
        yield
    finally:
        redis.config_set("requirepass", "")


@pytest.fixture
def post(ledgers: LedgerFixture) -> Iterator[Post]:
    with ExitStack() as stack:
        yield Post(ledgers, stack)


@pytest.mark.parametrize(("outcome", "kind"), ENDS)
def test_an_end_is_told_once(post: Post, outcome: Outcome, kind: str) -> None:
    """In a signed message with the envelope that the job has for everybody."""
    with receiving(status(204)) as receiver:
        post.try_it(post.ended("a", receiver.url(), outcome))
        post.outbox.step()
        post.outbox.close()
    (got,) = receiver.received
    job = post.ledgers.ledger.job("a")
    told = json.loads(got.body)
    assert told["data"] == json.loads(msgspec.json.encode(envelope(job, queued=True)))
    assert told["type"] == kind
    name, stamp = got.headers["webhook-id"], got.headers["webhook-timestamp"]
    assert (name, stamp) == (f"a-{(job.finished_s or 0) * 1e6:.0f}", "1000")
    assert "." not in name  # full stops divide what is signed: it can be read in one way alone
    digest = hmac.digest(KEY, f"{name}.{stamp}.".encode() + got.body, hashlib.sha256)
    assert got.headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()


def test_a_cancelled_job_is_told_of(post: Post) -> None:
    """It ended, too."""
    with receiving(status(200)) as receiver:
        submitted = Work("predict", "mean", 1, {}, work().data, webhook=receiver.url())
        post.ledgers.submit(Submission("a", submitted, 60))
        post.ledgers.ledger.cancel("a")
        post.try_it("a")
    (got,) = receiver.received
    assert json.loads(got.body)["type"] == "job.revoked"


def test_a_job_without_a_webhook_tells_nobody(post: Post) -> None:
    """It expires from its end on."""
    job_id = post.ledgers.ended()
    post.outbox.step()
    assert post.given_up(job_id)


def test_a_job_is_kept_until_it_is_told(post: Post) -> None:
    """However long the receiver is away; then for the time of any result."""
    with receiving(status(503)) as receiver:
        post.try_it(post.ended("a", receiver.url()))
        assert post.ttl_s("a") == -1
        receiver.answer = status(200)
        post.make_due("a")
        post.try_it("a")
    assert post.given_up("a")


def test_every_try_is_the_same_message(post: Post) -> None:
    """By its id and body a receiver knows it; the signature is of the moment."""
    with receiving(status(500)) as receiver:
        post.try_it(post.ended("a", receiver.url()))
        post.clock.now += 2
        post.make_due("a")
        post.try_it("a")
    first, second = receiver.received
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)
    assert [got.headers["webhook-timestamp"] for got in receiver.received] == ["1000", "1002"]
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]


def test_a_receiver_that_fails_is_given_up_in_the_end(post: Post, caplog: pytest.LogCaptureFixture) -> None:
    """Each pause is that of the schedule, and not before it is over; after the last try the log says so."""
    pauses = []
    with receiving(status(500)) as receiver, caplog.at_level(logging.WARNING):
        job_id = post.ended("a", receiver.url())
        for _ in range(TRIES):
            post.try_it(job_id)
            pauses.append(post.due_in_s(job_id))
            post.outbox.step()
            if pauses[-1] is not None:
                post.make_due(job_id)
        post.outbox.close()
    assert len(receiver.received) == TRIES
    for tried, pause_s in enumerate(pauses, start=1):
        assert pause_s == pytest.approx(next_try(tried, lambda: CHANCE), abs=1.5)
    assert post.given_up(job_id)
    assert ["given up" in record.message for record in caplog.records] == [False] * (TRIES - 1) + [True]
    assert {record.message.split(":")[0] for record in caplog.records} == {"webhook of job a to 127.0.0.1"}


def test_gone_is_taken_at_its_word(post: Post) -> None:
    """410: no second try."""
    with receiving(status(410)) as receiver:
        post.try_it(post.ended("a", receiver.url()))
    assert len(receiver.received) == 1
    assert post.given_up("a")


def test_a_job_that_was_queued_again_tells_nothing(post: Post) -> None:
    """Not before its new end: neither what was due, nor what the outbox had taken already."""
    with receiving(status(200)) as receiver:
        job_id = post.ended("a", receiver.url(), FAILED)
        post.ledgers.ledger.retry(job_id)
        post.outbox.step()
        post.ledgers.redis.zadd("trinity:outbox", {job_id: 1})
        post.outbox.step()
        post.outbox.close()
        assert receiver.received == []
        assert post.ttl_s(job_id) == -1


def test_a_job_that_is_queued_again_while_it_is_told_tells_its_next_end(post: Post) -> None:
    """The delivery that was under way is nothing to it, and it is another message."""
    with Gate() as gate, receiving(held_by(gate)) as receiver:
        job_id = post.ended("a", receiver.url(), FAILED)
        post.outbox.step()
        until(gate.reached.is_set, "the delivery")
        post.ledgers.ledger.retry(job_id)
        gate.open()
        post.outbox.close()
        assert (post.ttl_s(job_id), post.tries(job_id)) == (-1, 0)
        assert post.ledgers.finish(post.ledgers.claim(job_id))
        post.outbox = post.one_more()
        post.try_it(job_id)
    assert [json.loads(got.body)["type"] for got in receiver.received] == ["job.failed", "job.succeeded"]
    assert len({got.headers["webhook-id"] for got in receiver.received}) == 2


def test_two_outboxes_tell_each_end_once(post: Post) -> None:
    """They share the work, and don't do it twice."""
    other = post.one_more()
    with receiving(status(200)) as receiver:
        job_ids = {post.ended(f"job{number}", receiver.url()) for number in range(20)}

        def done() -> bool:
            other.step()
            post.outbox.step()
            return all(post.given_up(job_id) for job_id in job_ids)

        until(done, "all to be told")
    assert sorted(got.headers["webhook-id"].split("-")[0] for got in receiver.received) == sorted(job_ids)


def test_a_large_result_is_left_out(post: Post, tmp_path: Path) -> None:
    """Where it is to be had is told instead; it isn't even read, so that no size of it fills the memory."""
    with receiving(status(200)) as receiver:
        job_id = post.ended("a", receiver.url(), LARGE)
        whole = json.loads(msgspec.json.encode(envelope(post.ledgers.ledger.job(job_id), queued=True)))
        for file in tmp_path.glob("payloads/*/*.result*"):
            file.unlink()
        post.try_it(job_id)
    (got,) = receiver.received
    told = json.loads(got.body)
    assert (told["type"], told["data"]) == ("job.succeeded", {**whole, "result": None})
    assert told["data"]["links"]["result"] == "/jobs/a/result"
    assert post.given_up(job_id)


def test_an_outage_of_the_ledger_costs_no_try(post: Post, caplog: pytest.LogCaptureFixture) -> None:
    """The webhook that was taken is due again when nobody has said how it went."""
    with Gate() as gate, receiving(held_by(gate)) as receiver, caplog.at_level(logging.WARNING):
        job_id = post.ended("a", receiver.url())
        post.outbox.step()
        until(gate.reached.is_set, "the delivery")
        with refusing(post.ledgers.redis):
            gate.open()
            post.outbox.close()
    assert "the ledger doesn't take the command" in caplog.text
    due_in_s = post.due_in_s(job_id)
    assert due_in_s is not None
    assert 0 < due_in_s <= AGAIN_S
    assert post.tries(job_id) == 0
