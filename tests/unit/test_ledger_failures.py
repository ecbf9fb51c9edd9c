"""The ledger when Redis is away, frozen, full or forgetful: every call ends soon, in a job or in LedgerUnavailable."""

import signal
import time
from collections.abc import Callable
from uuid import uuid4

import msgspec
import pytest
from redis import Redis

from app.ledger import Claim, Ledger, LedgerUnavailable, connect
from app.schemas import Outcome
from tests import servers
from tests.unit.conftest import TTL_S
from tests.unit.fakes import work

DONE = Outcome(1.0, 2.0, 7, msgspec.Raw(b"{}"))


def accept(ledger: Ledger, count: int = 1) -> list[str]:
    """Commit so many jobs; return the ids of those accepted."""
    return [job.id for job in ledger.accept([(uuid4().hex, work()) for _ in range(count)])]


CALLS: dict[str, Callable[[Ledger], object]] = {
    "ping": lambda ledger: ledger.ping(),
    "accept": lambda ledger: ledger.accept([("a", work())]),
    "claim": lambda ledger: ledger.claim(["a"]),
    "finish": lambda ledger: ledger.finish([(Claim("a", 1, work()), DONE)]),
    "discard": lambda ledger: ledger.discard(["a"]),
    "job": lambda ledger: ledger.job("a"),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_server_that_is_not_there(call: str) -> None:
    """Every call says so, and soon."""
    absent = Ledger(connect(f"redis://127.0.0.1:{servers.free_port()}"), TTL_S, max_pending=1)
    began = time.monotonic()
    with pytest.raises(LedgerUnavailable):
        CALLS[call](absent)
    assert time.monotonic() - began < 3


def test_a_frozen_server_is_given_up_in_time(server: servers.Server, ledger: Ledger) -> None:
    """A Redis that stands still costs a few seconds and no more."""
    ledger.ping()
    server.process.send_signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        with pytest.raises(LedgerUnavailable):
            ledger.job("a")
        assert time.monotonic() - began < 5
    finally:
        server.process.send_signal(signal.SIGCONT)
    servers.until(lambda: ledger.job("a") is None, "Valkey to go on")


def test_a_full_server_refuses_and_keeps_what_it_has(ledger: Ledger, redis: Redis) -> None:
    """Without memory no job is accepted, and those that are there can still be read."""
    (job_id,) = accept(ledger)
    redis.config_set("maxmemory-policy", "noeviction")
    redis.config_set("maxmemory", 1)
    try:
        with pytest.raises(LedgerUnavailable):
            accept(ledger, 3)
        assert getattr(ledger.job(job_id), "status", "") == "PENDING"
    finally:
        redis.config_set("maxmemory", 0)
    assert len(accept(ledger)) == 1


def test_a_server_that_forgot_the_scripts(ledger: Ledger, redis: Redis) -> None:
    """After a restart the scripts are loaded again, unnoticed."""
    accept(ledger)
    redis.script_flush()
    assert len(accept(ledger)) == 1


def test_connecting_connects_nothing() -> None:
    """A ledger can be made where no server is: web processes start before it is up."""
    Ledger(connect("redis://192.0.2.1:1/0"), TTL_S, max_pending=1).close()
