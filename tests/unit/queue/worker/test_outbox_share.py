"""The outbox shares its threads between receivers: one that is slow or dead delays nobody else's webhooks."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from app.queue.worker.outbox import AT_ONCE, LOOK_AT
from tests.support.fakes import Gate
from tests.support.ledger_fixture import LedgerFixture
from tests.support.outbox_fixture import Post, held_by
from tests.support.receiver import Receiver, receiving, status
from tests.support.servers import until

HALF = AT_ONCE // 2


@pytest.fixture
def post(ledgers: LedgerFixture) -> Iterator[Post]:
    with ExitStack() as stack:
        yield Post(ledgers, stack)


@pytest.fixture
def gate(post: Post) -> Iterator[Gate]:
    """What slow receivers stand before; it opens before the outboxes close."""
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
    """Wait until so many deliveries are under way."""
    until(lambda: len(receiver.received) == deliveries, f"{deliveries} deliveries", 5)


def test_a_slow_receiver_holds_up_nobody_else(post: Post, gate: Gate, slow: Receiver, quick: Receiver) -> None:
    """What ends while it is called is told in the next step."""
    post.ended("slow", slow.url())
    post.outbox.step()
    until(gate.reached.is_set, "the slow delivery")
    post.try_it(post.ended("quick", quick.url()))
    assert (post.tries("slow"), post.tries("quick")) == (0, 1)
    gate.open()
    until(lambda: post.given_up("slow"), "the end of the slow delivery")


def test_a_receiver_has_half_of_the_threads_at_most(post: Post, gate: Gate, slow: Receiver, quick: Receiver) -> None:
    """However much is due for it: what is for others is told in the next step, and its own as threads get free."""
    job_ids = post.many_ended(AT_ONCE * 2, slow.url())
    for _ in range(2):
        post.outbox.step()
        reached(slow, HALF)
    post.try_it(post.ended("quick", quick.url()))
    assert len(slow.received) == HALF
    gate.open()

    def done() -> bool:
        post.outbox.step()
        return all(post.given_up(job_id) for job_id in job_ids)

    until(done, "the end of the slow deliveries")
    assert len(slow.received) == len(job_ids)


def test_several_slow_receivers_leave_room_too(
    post: Post, gate: Gate, slow: Receiver, slow_too: Receiver, quick: Receiver
) -> None:
    """Each has as many threads as it leaves free."""
    post.many_ended(AT_ONCE, slow.url())
    post.many_ended(AT_ONCE, slow_too.url())
    post.outbox.step()
    reached(slow, HALF)
    reached(slow_too, HALF // 2)
    post.try_it(post.ended("quick", quick.url()))
    gate.open()


def test_more_webhooks_of_one_receiver_than_are_looked_at_hide_none(
    post: Post, gate: Gate, slow: Receiver, quick: Receiver
) -> None:
    """Those that wait for a thread make way, and stay due for later."""
    job_ids = post.many_ended(LOOK_AT * 2, slow.url())
    post.ended("quick", quick.url())

    def told() -> bool:
        post.outbox.step()
        return post.given_up("quick")

    until(told, "the quick delivery", 3)
    assert len(slow.received) == HALF
    assert all(post.due_in_s(job_id) is not None for job_id in job_ids)
    gate.open()


def test_what_there_is_no_room_for_stays_due(post: Post, gate: Gate, slow: Receiver) -> None:
    """For another worker's outbox, while this one has no thread for its receiver."""
    post.many_ended(HALF, slow.url())
    post.outbox.step()
    reached(slow, HALF)
    job_id = post.ended("more", slow.url())
    post.outbox.step()
    due_in_s = post.due_in_s(job_id)
    assert due_in_s is not None
    assert due_in_s <= 0
    post.one_more().step()
    reached(slow, HALF + 1)
    gate.open()


def test_a_url_that_is_none_stops_nobody(post: Post, quick: Receiver) -> None:
    """It is given up, and all others are told."""
    post.ended("none", quick.url())
    post.ledgers.redis.hset("trinity:job:none", "webhook", "http://[::1")
    post.ended("quick", quick.url())
    post.try_it("quick")
    until(lambda: post.given_up("none"), "the end of the other")
