"""Messages for committed jobs go out one after the other, bounded; one that fails delays no other."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.errors import Unavailable
from app.queue.messages import JobRef
from app.queue.publisher import BUSY_JOBS, Publisher
from app.schemas.verbs import VERBS, Verb
from tests.support.fakes import Broker, Gate, eventually, passed, run


def call(job_id: str) -> JobRef:
    return JobRef(job_id, "polynomial")


@asynccontextmanager
async def publishing(broker: Broker) -> AsyncIterator[Publisher]:
    """A publisher without delays, closed at the end."""
    publisher = Publisher(broker.publish, delay_s=0)
    try:
        yield publisher
    finally:
        await publisher.close()


@pytest.mark.parametrize("verb", VERBS)
def test_messages_are_bounded(verb: Verb) -> None:
    """Many jobs go out in messages of their lane's size, in order."""
    most = VERBS[verb].message_jobs
    job_ids = [f"job{number}" for number in range(2 * most + 1)]
    broker = Broker()

    async def main() -> None:
        async with publishing(broker) as publisher:
            for job_id in job_ids:
                publisher.publish(verb, call(job_id))

    run(main())
    assert [len(message) for _, message in broker.messages] == [most, most, 1]
    assert [job_id for _, message in broker.messages for job_id in message] == job_ids


def test_a_job_that_runs_alone_shares_no_message() -> None:
    """Whatever else is published at the time."""
    broker = Broker()

    async def main() -> None:
        async with publishing(broker) as publisher:
            publisher.publish("predict", call("one"))
            publisher.publish("predict", call("alone"), unbatched=True)
            publisher.publish("predict", call("two"))

    run(main())
    assert sorted(broker.messages) == [("predict", ["alone"]), ("predict", ["one", "two"])]


def test_nobody_waits_for_a_message() -> None:
    """Publishing returns while the broker does not answer; what comes meanwhile goes out in the next message."""
    broker = Broker()

    async def main() -> None:
        with Gate() as gate:
            broker.before = lambda _: gate.enter()
            async with publishing(broker) as publisher:
                publisher.publish("predict", call("first"))
                await passed(gate.reached)
                for number in range(VERBS["predict"].message_jobs):
                    publisher.publish("predict", call(f"job{number}"))
                publisher.publish("fit", call("fit"))
                gate.open()

    run(main())
    assert [(verb, len(message)) for verb, message in broker.messages] == [
        ("predict", 1),
        ("fit", 1),
        ("predict", VERBS["predict"].message_jobs),
    ]


def test_a_message_that_is_not_taken_loses_no_later_one(caplog: pytest.LogCaptureFixture) -> None:
    """The workers find its jobs; what is published meanwhile and afterwards goes out."""
    broker = Broker()
    broker.fail = [Unavailable("the broker doesn't answer")]

    async def main() -> None:
        with Gate() as gate:
            broker.before = lambda _: gate.enter()
            async with publishing(broker) as publisher:
                publisher.publish("fit", call("lost"))
                await passed(gate.reached)
                publisher.publish("fit", call("meanwhile"))
                gate.open()
                await eventually(lambda: len(broker.messages) == 1)
                publisher.publish("fit", call("afterwards"))

    with caplog.at_level(logging.WARNING):
        run(main())
    assert broker.messages == [("fit", ["meanwhile"]), ("fit", ["afterwards"])]
    assert "doesn't answer" in caplog.text


def test_a_broker_that_is_away_is_asked_once_for_a_group() -> None:
    """Each message would take its time to fail, and as many more wait behind it."""
    tries: list[list[str]] = []
    broker = Broker()
    broker.before = tries.append
    broker.fail = [Unavailable("away")] * 100

    async def main() -> None:
        async with publishing(broker) as publisher:
            for verb in VERBS:
                for number in range(100):
                    publisher.publish(verb, call(f"{verb}{number}"))
            await asyncio.sleep(0)

    run(main())
    assert len(tries) == 1


def test_an_error_of_one_message_delays_no_other(caplog: pytest.LogCaptureFixture) -> None:
    """The others of its group go out, the error is logged, and closing raises nothing."""
    broker = Broker()
    broker.fail = [RuntimeError("unforeseen")]

    async def main() -> None:
        async with publishing(broker) as publisher:
            for verb in VERBS:
                publisher.publish(verb, call(verb))

    run(main())
    assert broker.messages == [(verb, [verb]) for verb in list(VERBS)[1:]]
    assert "a message could not be sent" in caplog.text


def test_closing_lets_what_is_on_its_way_arrive() -> None:
    """And what waits behind it."""
    broker = Broker()

    async def main() -> None:
        with Gate() as gate:
            broker.before = lambda _: gate.enter()
            publisher = Publisher(broker.publish)
            publisher.publish("score", call("one"))
            await passed(gate.reached)
            publisher.publish("score", call("two"))
            closing = asyncio.create_task(publisher.close())  # type: ignore[arg-type]
            gate.open()
            await closing

    run(main())
    assert broker.messages == [("score", ["one"]), ("score", ["two"])]


def test_under_load_jobs_gather_for_the_next_message() -> None:
    """After many jobs at once the next ones share a message; after few each goes out at once."""

    async def main(first: int, delay_s: float) -> list[int]:
        broker = Broker()
        publisher = Publisher(broker.publish, delay_s)
        for number in range(first):
            publisher.publish("score", call(f"first{number}"))
        await eventually(lambda: sum(len(message) for _, message in broker.messages) == first)
        for name in ("second", "third"):
            publisher.publish("score", call(name))
            for _ in range(10):
                await asyncio.sleep(0)
        await publisher.close()
        return [len(message) for _, message in broker.messages]

    assert run(main(BUSY_JOBS, delay_s=0.3)) == [BUSY_JOBS, 2]
    assert sum(run(main(BUSY_JOBS - 1, delay_s=60))) == BUSY_JOBS + 1
