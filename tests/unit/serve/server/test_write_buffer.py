"""What is written in one turn of the event loop goes out in one piece."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from app.serve.server.write_buffer import HELD_BYTES, CoalescingTransport


class Wire:
    """A transport that records what it gets."""

    def __init__(self) -> None:
        self.events: list[object] = []
        self.closing = False

    def writelines(self, pieces: list[bytes]) -> None:
        self.events.append(pieces)

    def close(self) -> None:
        self.closing = True
        self.events.append("closed")

    def is_closing(self) -> bool:
        return self.closing

    def get_extra_info(self, name: str) -> str:
        return f"its {name}"


def after_a_turn(writing: Callable[[CoalescingTransport, Wire], object]) -> Wire:
    """The wire when a turn in which this was done is over."""

    async def turn() -> Wire:
        wire = Wire()
        joining = CoalescingTransport(cast("Any", wire), asyncio.get_running_loop())
        writing(joining, wire)
        await asyncio.sleep(0)
        return wire

    return asyncio.run(turn())


def test_the_writes_of_a_turn_are_one_write() -> None:
    assert after_a_turn(lambda joining, _: [joining.write(piece) for piece in (b"head ", b"body")]).events == [
        [b"head ", b"body"]
    ]


def test_the_next_turn_has_a_write_of_its_own() -> None:
    async def turns() -> Wire:
        wire = Wire()
        joining = CoalescingTransport(cast("Any", wire), asyncio.get_running_loop())
        for piece in (b"one", b"two"):
            joining.write(piece)
            await asyncio.sleep(0)
        return wire

    assert asyncio.run(turns()).events == [[b"one"], [b"two"]]


def test_what_was_written_is_sent_before_the_end() -> None:
    def write_and_close(joining: CoalescingTransport, _: Wire) -> None:
        joining.write(b"last words")
        joining.close()

    assert after_a_turn(write_and_close).events == [[b"last words"], "closed"]


def test_much_is_neither_held_nor_copied() -> None:
    """A stream notices at once that its client reads slowly."""
    body = bytes(HELD_BYTES)

    def write(joining: CoalescingTransport, wire: Wire) -> None:
        joining.write(b"head")
        joining.write(body)
        assert wire.events == [[b"head", body]]

    assert len(after_a_turn(write).events) == 1


def test_nothing_is_sent_to_a_client_that_hung_up() -> None:
    def write(joining: CoalescingTransport, wire: Wire) -> None:
        joining.write(b"too late")
        wire.closing = True

    assert after_a_turn(write).events == []


@pytest.mark.parametrize("name", ["peername", "sockname"])
def test_all_else_is_the_transport_s_own(name: str) -> None:
    assert after_a_turn(lambda joining, wire: wire.events.append(joining.get_extra_info(name))).events == [
        f"its {name}"
    ]
