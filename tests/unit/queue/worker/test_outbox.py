"""The outbox delivers the webhook of each finished job to a real receiver, with at most 12 tries."""

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

from app.queue.ledger.acceptance import Submission
from app.queue.webhooks.delivery import TRIES, next_try
from app.queue.worker.outbox import TAKEN_S
from app.schemas.jobs import Outcome, envelope
from app.schemas.requests import Work
from tests.support.fakes import Gate, work
from tests.support.ledger_fixture import DONE, FAILED, LARGE, LedgerFixture
from tests.support.outbox_fixture import CHANCE, KEY, OutboxFixture, held_by
from tests.support.receiver import receiving, status
from tests.support.servers import until

ENDS = [(DONE, "job.succeeded"), (FAILED, "job.failed")]


@contextmanager
def refusing(redis: Redis) -> Iterator[None]:
    """A ledger that accepts commands from this client only."""
    redis.config_set("requirepass", "other")
    try:
        redis.execute_command("AUTH", "other")
        redis.client_kill_filter(_type="normal", skipme=True)
        yield
    finally:
        redis.config_set("requirepass", "")


@pytest.fixture
def outbox(ledgers: LedgerFixture) -> Iterator[OutboxFixture]:
    with ExitStack() as stack:
        yield OutboxFixture(ledgers, stack)


@pytest.mark.parametrize(("outcome", "kind"), ENDS)
def test_a_finished_job_is_delivered_once(outbox: OutboxFixture, outcome: Outcome, kind: str) -> None:
    """The message is signed, and holds the envelope that GET /jobs/{id} returns."""
    with receiving(status(204)) as receiver:
        outbox.try_once(outbox.ended("a", receiver.url(), outcome))
        outbox.step()
        outbox.close()
    (got,) = receiver.received
    job = outbox.ledgers.ledger.job("a")
    sent = json.loads(got.body)
    assert sent["data"] == json.loads(msgspec.json.encode(envelope(job)))
    assert sent["type"] == kind
    name, stamp = got.headers["webhook-id"], got.headers["webhook-timestamp"]
    assert (name, stamp) == (f"a-{(job.finished_s or 0) * 1e6:.0f}", "1000")
    assert "." not in name  # the signature separates its parts by full stops
    digest = hmac.digest(KEY, f"{name}.{stamp}.".encode() + got.body, hashlib.sha256)
    assert got.headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()


def test_a_cancelled_job_is_delivered(outbox: OutboxFixture) -> None:
    """A cancellation is an end, too."""
    with receiving(status(200)) as receiver:
        submitted = Work("predict", "mean", 1, {}, work().data, webhook=receiver.url())
        outbox.ledgers.submit(Submission("a", submitted, 60))
        outbox.ledgers.ledger.cancel("a")
        outbox.try_once("a")
    (got,) = receiver.received
    assert json.loads(got.body)["type"] == "job.revoked"


def test_a_job_without_a_webhook_delivers_nothing(outbox: OutboxFixture) -> None:
    """Its time to live starts when it finishes."""
    job_id = outbox.ledgers.ended()
    outbox.step()
    assert outbox.given_up(job_id)


def test_a_job_is_kept_until_it_is_delivered(outbox: OutboxFixture) -> None:
    """However long the receiver is away; then it expires as any result does."""
    with receiving(status(503)) as receiver:
        outbox.try_once(outbox.ended("a", receiver.url()))
        assert outbox.ttl_s("a") == -1
        receiver.answer = status(200)
        outbox.make_due("a")
        outbox.try_once("a")
    assert outbox.given_up("a")


def test_every_try_is_the_same_message(outbox: OutboxFixture) -> None:
    """Id and body stay the same, so the receiver can recognise it; the signature has the time of the try."""
    with receiving(status(500)) as receiver:
        outbox.try_once(outbox.ended("a", receiver.url()))
        outbox.clock.now += 2
        outbox.make_due("a")
        outbox.try_once("a")
    first, second = receiver.received
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)
    assert [got.headers["webhook-timestamp"] for got in receiver.received] == ["1000", "1002"]
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]


def test_a_receiver_that_fails_is_given_up_in_the_end(outbox: OutboxFixture, caplog: pytest.LogCaptureFixture) -> None:
    """The pauses follow the schedule; after the last try a log line says that the webhook is given up."""
    pauses = []
    with receiving(status(500)) as receiver, caplog.at_level(logging.WARNING):
        job_id = outbox.ended("a", receiver.url())
        for _ in range(TRIES):
            outbox.try_once(job_id)
            pauses.append(outbox.due_in_s(job_id))
            outbox.step()
            if pauses[-1] is not None:
                outbox.make_due(job_id)
        outbox.close()
    assert len(receiver.received) == TRIES
    for tried, pause_s in enumerate(pauses, start=1):
        assert pause_s == pytest.approx(next_try(tried, lambda: CHANCE), abs=1.5)
    assert outbox.given_up(job_id)
    assert ["given up" in record.message for record in caplog.records] == [False] * (TRIES - 1) + [True]
    assert {record.message.split(":")[0] for record in caplog.records} == {"webhook of job a to 127.0.0.1"}


def test_410_stops_the_tries(outbox: OutboxFixture) -> None:
    """Gone means that the receiver wants no more of it."""
    with receiving(status(410)) as receiver:
        outbox.try_once(outbox.ended("a", receiver.url()))
    assert len(receiver.received) == 1
    assert outbox.given_up("a")


def test_a_job_that_was_queued_again_delivers_nothing(outbox: OutboxFixture) -> None:
    """Before its new end nothing is sent: neither what was due, nor what the outbox had already taken."""
    with receiving(status(200)) as receiver:
        job_id = outbox.ended("a", receiver.url(), FAILED)
        outbox.ledgers.ledger.retry(job_id)
        outbox.step()
        outbox.ledgers.redis.zadd("trinity:outbox", {job_id: 1})
        outbox.step()
        outbox.close()
        assert receiver.received == []
        assert outbox.ttl_s(job_id) == -1


def test_a_job_that_is_queued_again_during_a_delivery_delivers_its_next_end(outbox: OutboxFixture) -> None:
    """The running delivery does not count for the next end, which is another message."""
    with Gate() as gate, receiving(held_by(gate)) as receiver:
        job_id = outbox.ended("a", receiver.url(), FAILED)
        outbox.step()
        until(gate.reached.is_set, "the delivery")
        outbox.ledgers.ledger.retry(job_id)
        gate.open()
        outbox.close()
        assert (outbox.ttl_s(job_id), outbox.tries(job_id)) == (-1, 0)
        assert outbox.ledgers.finish(outbox.ledgers.claim(job_id))
        outbox.replace()
        outbox.try_once(job_id)
    assert [json.loads(got.body)["type"] for got in receiver.received] == ["job.failed", "job.succeeded"]
    assert len({got.headers["webhook-id"] for got in receiver.received}) == 2


def test_two_outboxes_deliver_each_end_once(outbox: OutboxFixture) -> None:
    """They share the work and repeat none of it."""
    other = outbox.one_more()
    with receiving(status(200)) as receiver:
        job_ids = {outbox.ended(f"job{number}", receiver.url()) for number in range(20)}

        def done() -> bool:
            other.step()
            outbox.step()
            return all(outbox.given_up(job_id) for job_id in job_ids)

        until(done, "all to be delivered")
    assert sorted(got.headers["webhook-id"].split("-")[0] for got in receiver.received) == sorted(job_ids)


def test_a_large_result_is_left_out(outbox: OutboxFixture, tmp_path: Path) -> None:
    """The message links to it instead. It is not even read, so a large result cannot fill the memory."""
    with receiving(status(200)) as receiver:
        job_id = outbox.ended("a", receiver.url(), LARGE)
        whole = json.loads(msgspec.json.encode(envelope(outbox.ledgers.ledger.job(job_id))))
        for file in tmp_path.glob("payloads/*/*.result*"):
            file.unlink()
        outbox.try_once(job_id)
    (got,) = receiver.received
    sent = json.loads(got.body)
    assert (sent["type"], sent["data"]) == ("job.succeeded", {**whole, "result": None})
    assert sent["data"]["links"]["result"] == "/jobs/a/result"
    assert outbox.given_up(job_id)


def test_an_outage_of_the_ledger_costs_no_try(outbox: OutboxFixture, caplog: pytest.LogCaptureFixture) -> None:
    """A taken webhook is due again unless its outcome was recorded."""
    with Gate() as gate, receiving(held_by(gate)) as receiver, caplog.at_level(logging.WARNING):
        job_id = outbox.ended("a", receiver.url())
        outbox.step()
        until(gate.reached.is_set, "the delivery")
        with refusing(outbox.ledgers.redis):
            gate.open()
            outbox.close()
    assert "a command to the ledger failed" in caplog.text
    due_in_s = outbox.due_in_s(job_id)
    assert due_in_s is not None
    assert 0 < due_in_s <= TAKEN_S
    assert outbox.tries(job_id) == 0
