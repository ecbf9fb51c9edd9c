"""An operator reads in the log why the ledger doesn't answer: once a second at most, and neither data nor passwords."""

import logging

import pytest
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import InvalidResponse, OutOfMemoryError, ResponseError

from app.queue.ledger.scripts import MAX_CHARACTERS, LedgerUnavailable, ThrottledErrorLog, redacted
from tests.support import servers
from tests.support.fakes import Clock
from tests.support.ledger_fixture import LedgerFixture

ERRORS = [
    (Disconnected("Error 111 connecting to redis:6379. Connection refused."), None),
    (Disconnected("redis://me:hunter2@redis:6379 is away"), "redis://***@redis:6379 is away"),
    (Disconnected("rediss://:hunt@er2@redis/0"), "rediss://***@redis/0"),
    (ResponseError("unknown command 'X', with args beginning with: 'secret' 'x'"), "unknown command '…'"),
    (ResponseError('wrong "it\'s secret"'), "wrong '…'"),
    (InvalidResponse("Protocol Error: b'secret'"), "Protocol Error: b'…'"),
    (OutOfMemoryError("command not allowed\nwhen  full."), "command not allowed when full."),
    (ResponseError("x" * 1000), "x" * MAX_CHARACTERS),
]


@pytest.mark.parametrize(("error", "text"), ERRORS)
def test_a_cause_is_told_in_a_line(error: Exception, text: str | None) -> None:
    """What it quotes is left out, and who logs in."""
    assert redacted(error) == (str(error) if text is None else text)


def test_causes_are_logged_once_a_second(caplog: pytest.LogCaptureFixture) -> None:
    """However many commands fail."""
    clock = Clock()
    causes = ThrottledErrorLog(clock)
    with caplog.at_level(logging.WARNING):
        for now, text in ((0, "first"), (0.5, "second"), (0.9, "third"), (1, "fourth"), (1.5, "fifth")):
            clock.now = 1000.0 + now
            causes.log(Disconnected(text))
    logged = [record.message for record in caplog.records]
    assert logged == [f"a command to the ledger failed: ConnectionError: {text}" for text in ("first", "fourth")]


def test_a_ledger_that_is_away_is_told_of(ledgers: LedgerFixture, caplog: pytest.LogCaptureFixture) -> None:
    """By any caller: 503 alone does not say why."""
    port = servers.free_port()
    absent = LedgerFixture(f"redis://:hunter2@127.0.0.1:{port}", ledgers.redis, ledgers.folder)

    def logged() -> bool:
        with caplog.at_level(logging.WARNING), pytest.raises(LedgerUnavailable):
            absent.ledger.ping()
        return bool(caplog.records)  # another test may have logged something within the same second

    servers.until(logged, "a line in the log", 5)
    assert f"ConnectionError: Error 111 connecting to 127.0.0.1:{port}." in caplog.text
    assert "hunter2" not in caplog.text
