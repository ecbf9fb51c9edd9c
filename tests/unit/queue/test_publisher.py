"""The bell: messages for committed jobs go out one after the other, bounded, and one that fails holds up no other."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.errors import Unavailable
from app.queue.messages import JobRef
from app.queue.publisher import Publisher
from app.schemas.verbs import VERBS, Verb
from tests.support.fakes import Broker, Gate, eventually, passed, run


def call(job_id: str) -> JobRef:
    return JobRef(job_id, "polynomial")


@asynccontextmanager
async def ringing(broker: Broker) -> AsyncIterator[Publisher]:
    """A bell, closed at the end."""
    bell = Publisher(broker.publish)
    try:
        yield bell
    finally:
        await bell.close()


@pytest.mark.parametrize("verb", VERBS)
def test_messages_are_bounded(verb: Verb) -> None:
    """Many jobs go out in messages of their lane's size, in order."""
    most = VERBS[verb].message_jobs
    job_ids = [f"job{number}" for number in range(2 * most + 1)]
    broker = Broker()

    async def main() -> None:
        async with ringing(broker) as bell:
            for job_id in job_ids:
                bell.ring(verb, call(job_id))

    run(main())
    assert [len(message) for _, message in broker.messages] == [most, most, 1]
    assert [job_id for _, message in broker.messages for job_id in message] == job_ids


def test_a_job_that_runs_alone_shares_no_message() -> None:
    """Whatever else is rung for at the time."""
    broker = Broker()

    async def main() -> None:
        async with ringing(broker) as bell:
            bell.ring("predict", call("one"))
            bell.ring("predict", call("alone"), alone=True)
            bell.ring("predict", call("two"))

    run(main())
    assert sorted(broker.messages) == [("predict", ["alone"]), ("predict", ["one", "two"])]


def test_nobody_waits_for_a_message() -> None:
    """Ringing returns while the broker still stands; what comes meanwhile goes out in the next message."""
    broker = Broker()

    async def main() -> None:
        with Gate() as gate:
            broker.before = lambda _: gate.enter()
            async with ringing(broker) as bell:
                bell.ring("predict", call("first"))
                await passed(gate.reached)
                for number in range(VERBS["predict"].message_jobs):
                    bell.ring("predict", call(f"job{number}"))
                bell.ring("fit", call("fit"))
                gate.open()

    run(main())
    assert [(verb, len(message)) for verb, message in broker.messages] == [
        ("predict", 1),
        ("fit", 1),
        ("predict", VERBS["predict"].message_jobs),
    ]


def test_a_message_that_is_not_taken_loses_no_later_one(caplog: pytest.LogCaptureFixture) -> None:
    """The workers find its jobs; what was rung for meanwhile and afterwards goes out."""
    broker = Broker()
    broker.fail = [Unavailable("the broker doesn't answer")]

    async def main() -> None:
        with Gate() as gate:
            broker.before = lambda _: gate.enter()
            async with ringing(broker) as bell:
                bell.ring("fit", call("lost"))
                await passed(gate.reached)
                bell.ring("fit", call("meanwhile"))
                gate.open()
                await eventually(lambda: len(broker.messages) == 1)
                bell.ring("fit", call("afterwards"))

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
        async with ringing(broker) as bell:
            for verb in VERBS:
                for number in range(100):
                    bell.ring(verb, call(f"{verb}{number}"))
            await asyncio.sleep(0)

    run(main())
    assert len(tries) == 1


def test_closing_lets_what_is_on_its_way_arrive() -> None:
    """And what waits behind it."""
    broker = Broker()

    async def main() -> None:
        with Gate() as gate:
            broker.before = lambda _: gate.enter()
            bell = Publisher(broker.publish)
            bell.ring("score", call("one"))
            await passed(gate.reached)
            bell.ring("score", call("two"))
            closing = asyncio.create_task(bell.close())  # type: ignore[arg-type]
            gate.open()
            await closing

    run(main())
    assert broker.messages == [("score", ["one"]), ("score", ["two"])]
