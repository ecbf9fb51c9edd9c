"""The outbox shares its threads between receivers: a slow or dead receiver does not delay the others."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from app.queue.worker.outbox import MAX_CONCURRENT, SCAN_LIMIT
from tests.support.fakes import Gate
from tests.support.ledger_fixture import LedgerFixture
from tests.support.outbox_fixture import OutboxFixture, held_by
from tests.support.receiver import Receiver, receiving, status
from tests.support.servers import until

HALF = MAX_CONCURRENT // 2


@pytest.fixture
def outbox(ledgers: LedgerFixture) -> Iterator[OutboxFixture]:
    with ExitStack() as stack:
        yield OutboxFixture(ledgers, stack)


@pytest.fixture
def gate(outbox: OutboxFixture) -> Iterator[Gate]:
    """Slow receivers wait for it; it opens before the outboxes close."""
    with Gate() as made:
        yield made


@pytest.fixture
def slow(gate: Gate) -> Iterator[Receiver]:
    with receiving(held_by(gate), address="127.0.0.2") as running:
        yield running


@pytest.fixture
def slow_too(gate: Gate) -> Iterator[Receiver]:
    with receiving(held_by(gate), address="127.0.0.3") as running:
        yield running


@pytest.fixture
def quick() -> Iterator[Receiver]:
    with receiving(status(200)) as running:
        yield running


def reached(receiver: Receiver, deliveries: int) -> None:
    """Wait until this many deliveries have reached the receiver."""
    until(lambda: len(receiver.received) == deliveries, f"{deliveries} deliveries", 5)


def test_a_slow_receiver_holds_up_nobody_else(
    outbox: OutboxFixture, gate: Gate, slow: Receiver, quick: Receiver
) -> None:
    """A job that finishes meanwhile is delivered in the next step."""
    outbox.ended("slow", slow.url())
    outbox.step()
    until(gate.reached.is_set, "the slow delivery")
    outbox.try_once(outbox.ended("quick", quick.url()))
    assert (outbox.tries("slow"), outbox.tries("quick")) == (0, 1)
    gate.open()
    until(lambda: outbox.given_up("slow"), "the end of the slow delivery")


def test_a_receiver_has_half_of_the_threads_at_most(
    outbox: OutboxFixture, gate: Gate, slow: Receiver, quick: Receiver
) -> None:
    """However many are due: those for others go out in the next step, the rest of its own when threads get free."""
    job_ids = outbox.many_ended(MAX_CONCURRENT * 2, slow.url())
    for _ in range(2):
        outbox.step()
        reached(slow, HALF)
    outbox.try_once(outbox.ended("quick", quick.url()))
    assert len(slow.received) == HALF
    gate.open()

    def done() -> bool:
        outbox.step()
        return all(outbox.given_up(job_id) for job_id in job_ids)

    until(done, "the end of the slow deliveries")
    assert len(slow.received) == len(job_ids)


def test_several_slow_receivers_leave_threads_free_too(
    outbox: OutboxFixture, gate: Gate, slow: Receiver, slow_too: Receiver, quick: Receiver
) -> None:
    """Each gets as many threads as are left free."""
    outbox.many_ended(MAX_CONCURRENT, slow.url())
    outbox.many_ended(MAX_CONCURRENT, slow_too.url())
    outbox.step()
    reached(slow, HALF)
    reached(slow_too, HALF // 2)
    outbox.try_once(outbox.ended("quick", quick.url()))
    gate.open()


def test_more_webhooks_of_one_receiver_than_a_step_reads_hide_none(
    outbox: OutboxFixture, gate: Gate, slow: Receiver, quick: Receiver
) -> None:
    """Those without a thread are postponed, and stay due."""
    job_ids = outbox.many_ended(SCAN_LIMIT * 2, slow.url())
    outbox.ended("quick", quick.url())

    def delivered() -> bool:
        outbox.step()
        return outbox.given_up("quick")

    until(delivered, "the quick delivery", 3)
    assert len(slow.received) == HALF
    assert all(outbox.due_in_s(job_id) is not None for job_id in job_ids)
    gate.open()


def test_a_webhook_without_a_free_thread_stays_due(outbox: OutboxFixture, gate: Gate, slow: Receiver) -> None:
    """Another worker's outbox can take it while this one has no thread for its receiver."""
    outbox.many_ended(HALF, slow.url())
    outbox.step()
    reached(slow, HALF)
    job_id = outbox.ended("more", slow.url())
    outbox.step()
    due_in_s = outbox.due_in_s(job_id)
    assert due_in_s is not None
    assert due_in_s <= 0
    outbox.one_more().step()
    reached(slow, HALF + 1)
    gate.open()


def test_a_url_that_is_not_valid_stops_nothing(outbox: OutboxFixture, quick: Receiver) -> None:
    """It is given up, and all others are delivered."""
    outbox.ended("bad", quick.url())
    outbox.ledgers.redis.hset("trinity:job:bad", "webhook", "http://[::1")
    outbox.ended("quick", quick.url())
    outbox.try_once("quick")
    until(lambda: outbox.given_up("bad"), "the end of the other")
