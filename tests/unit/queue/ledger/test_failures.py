"""The ledger when Redis is away, frozen, full or forgetful: every call ends soon, in a job or in LedgerUnavailable."""

import signal
import time
from collections.abc import Callable

import pytest
from redis import Redis

from app.queue.ledger.acceptance import Submission
from app.queue.ledger.claims import Claim
from app.queue.ledger.maintenance import HeldJob
from app.queue.ledger.scripts import LedgerUnavailable
from app.queue.messages import JobRef
from app.schemas.jobs import JobQuery
from tests.support import servers
from tests.support.fakes import work
from tests.support.ledger_fixture import DONE, FAILED, LedgerFixture

CLAIM = Claim("a", 1, work(), "", 1)
HELD = HeldJob("a", 1, "1", 1, 60, "live")
CALLS: dict[str, Callable[[LedgerFixture], object]] = {
    "ping": lambda ledgers: ledgers.ledger.ping(),
    "accept": lambda ledgers: ledgers.submit(Submission("a", work(), 60)),
    "job": lambda ledgers: ledgers.ledger.job("a"),
    "jobs": lambda ledgers: ledgers.ledger.jobs(JobQuery(10)),
    "events": lambda ledgers: ledgers.ledger.events("a", 0),
    "cancel": lambda ledgers: ledgers.ledger.cancel("a"),
    "retry": lambda ledgers: ledgers.ledger.retry("a"),
    "claim": lambda ledgers: ledgers.worker().claim(["a"]),
    "progress": lambda ledgers: ledgers.worker().progress(CLAIM, 0.5),
    "commit": lambda ledgers: ledgers.worker().commit(CLAIM),
    "finish": lambda ledgers: ledgers.worker().finish([(CLAIM, DONE)]),
    "renew": lambda ledgers: ledgers.maintenance().renew(["1"]),
    "time out": lambda ledgers: ledgers.maintenance().time_out(HELD),
    "requeue": lambda ledgers: ledgers.maintenance().requeue([HELD]),
    "reap": lambda ledgers: ledgers.maintenance().requeue_expired(),
    "unpublished": lambda ledgers: ledgers.maintenance().unpublished("fit", 0, empty=True),
    "waiting": lambda ledgers: ledgers.maintenance().waiting("fit"),
    "due webhooks": lambda ledgers: ledgers.maintenance().due_webhooks(1),
    "take webhooks": lambda ledgers: ledgers.maintenance().take_webhooks({"a": 1}),
    "webhook": lambda ledgers: ledgers.maintenance().webhook("a"),
    "delivered": lambda ledgers: ledgers.maintenance().delivered("a", "1.0", None),
    "trim": lambda ledgers: ledgers.maintenance().trim(),
    "job exists": lambda ledgers: ledgers.maintenance().needs_payload("a.work"),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_server_that_is_not_there(ledgers: LedgerFixture, call: str) -> None:
    """Every call says so, and soon."""
    absent = LedgerFixture(f"redis://127.0.0.1:{servers.free_port()}", ledgers.redis, ledgers.folder)
    began = time.monotonic()
    with pytest.raises(LedgerUnavailable):
        CALLS[call](absent)
    assert time.monotonic() - began < 3


def test_a_frozen_server_is_given_up_in_time(server: servers.Server, ledgers: LedgerFixture) -> None:
    """A Redis that stands still costs a few seconds and no more."""
    ledgers.ledger.ping()
    server.process.send_signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        with pytest.raises(LedgerUnavailable):
            ledgers.ledger.job("a")
        assert time.monotonic() - began < 5
    finally:
        server.process.send_signal(signal.SIGCONT)
    servers.until(lambda: ledgers.status("a") == "NotFound", "Valkey to go on")


def test_a_full_server_refuses_new_jobs_and_can_be_worked_off(ledgers: LedgerFixture, redis: Redis) -> None:
    """Without memory nothing more is accepted or run again; all else goes on, to the end of what was accepted."""
    (done, lost, cancelled), failed = ledgers.accept(3), ledgers.ended(FAILED)
    redis.config_set("maxmemory-policy", "noeviction")
    redis.config_set("maxmemory", 1)
    try:
        for refused in (ledgers.accept, lambda: ledgers.ledger.retry(failed)):
            with pytest.raises(LedgerUnavailable):
                refused()
        ledgers.ledger.cancel(cancelled)
        ledgers.claim(lost)
        ledgers.lose(lost)
        assert ledgers.maintenance().unpublished("predict", 0, empty=True).unbatched == [JobRef(lost, "mean")]
        claim = ledgers.claim(done)
        ledgers.worker().progress(claim, 0.5)
        assert [held.state for held in ledgers.held("1")] == ["live"]
        assert ledgers.finish(claim)
    finally:
        redis.config_set("maxmemory", 0)
    assert [ledgers.status(job_id) for job_id in (done, lost, cancelled)] == ["SUCCESS", "RETRY", "REVOKED"]
    assert len(ledgers.accept()) == 1


def test_a_server_that_forgot_the_scripts(ledgers: LedgerFixture, redis: Redis) -> None:
    """After a restart the scripts are loaded again, unnoticed."""
    ledgers.accept()
    redis.script_flush()
    assert len(ledgers.accept()) == 1


def test_connecting_connects_nothing(ledgers: LedgerFixture) -> None:
    """A ledger can be made where no server is: web processes start before it is up."""
    LedgerFixture("redis://192.0.2.1:1/0", ledgers.redis, ledgers.folder).close()
