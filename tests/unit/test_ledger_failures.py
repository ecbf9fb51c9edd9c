"""The ledger when Redis is away, frozen, full or forgetful: every call ends soon, in a job or in LedgerUnavailable."""

import signal
import time
from collections.abc import Callable

import pytest
from redis import Redis

from app.lanes import Call
from app.ledger import Claim, Held, LedgerUnavailable, Submission
from app.schemas import Page
from tests import servers
from tests.unit.fakes import work
from tests.unit.ledger_house import DONE, FAILED, House

CLAIM = Claim("a", 1, work(), "", 1)
HELD = Held("a", 1, "1", 1, 60, "live")
CALLS: dict[str, Callable[[House], object]] = {
    "ping": lambda house: house.ledger.ping(),
    "accept": lambda house: house.submit(Submission("a", work(), 60)),
    "job": lambda house: house.ledger.job("a"),
    "jobs": lambda house: house.ledger.jobs(Page(10)),
    "events": lambda house: house.ledger.events("a", 0),
    "cancel": lambda house: house.ledger.cancel("a"),
    "retry": lambda house: house.ledger.retry("a"),
    "claim": lambda house: house.worker().claim(["a"]),
    "progress": lambda house: house.worker().progress(CLAIM, 0.5),
    "commit": lambda house: house.worker().commit(CLAIM),
    "finish": lambda house: house.worker().finish([(CLAIM, DONE)]),
    "renew": lambda house: house.keeping().renew(["1"]),
    "time out": lambda house: house.keeping().time_out(HELD),
    "take back": lambda house: house.keeping().take_back([HELD]),
    "reap": lambda house: house.keeping().reap(),
    "unrung": lambda house: house.keeping().unrung("fit", 0, empty=True),
    "waiting": lambda house: house.keeping().waiting("fit"),
    "due webhooks": lambda house: house.keeping().due_webhooks(1),
    "take webhooks": lambda house: house.keeping().take_webhooks({"a": 1}),
    "webhook": lambda house: house.keeping().webhook("a"),
    "delivered": lambda house: house.keeping().delivered("a", "1.0", None),
    "trim": lambda house: house.keeping().trim(),
    "known": lambda house: house.keeping().known("a"),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_server_that_is_not_there(house: House, call: str) -> None:
    """Every call says so, and soon."""
    absent = House(f"redis://127.0.0.1:{servers.free_port()}", house.redis, house.folder)
    began = time.monotonic()
    with pytest.raises(LedgerUnavailable):
        CALLS[call](absent)
    assert time.monotonic() - began < 3


def test_a_frozen_server_is_given_up_in_time(server: servers.Server, house: House) -> None:
    """A Redis that stands still costs a few seconds and no more."""
    house.ledger.ping()
    server.process.send_signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        with pytest.raises(LedgerUnavailable):
            house.ledger.job("a")
        assert time.monotonic() - began < 5
    finally:
        server.process.send_signal(signal.SIGCONT)
    servers.until(lambda: house.status("a") == "NotFound", "Valkey to go on")


def test_a_full_server_refuses_new_jobs_and_can_be_worked_off(house: House, redis: Redis) -> None:
    """Without memory nothing more is accepted or run again; all else goes on, to the end of what was accepted."""
    (done, lost, cancelled), failed = house.accept(3), house.ended(FAILED)
    redis.config_set("maxmemory-policy", "noeviction")
    redis.config_set("maxmemory", 1)
    try:
        for refused in (house.accept, lambda: house.ledger.retry(failed)):
            with pytest.raises(LedgerUnavailable):
                refused()
        house.ledger.cancel(cancelled)
        house.claim(lost)
        house.lose(lost)
        assert house.keeping().unrung("predict", 0, empty=True).alone == [Call(lost, "mean")]
        claim = house.claim(done)
        house.worker().progress(claim, 0.5)
        assert [held.state for held in house.held("1")] == ["live"]
        assert house.finish(claim)
    finally:
        redis.config_set("maxmemory", 0)
    assert [house.status(job_id) for job_id in (done, lost, cancelled)] == ["SUCCESS", "RETRY", "REVOKED"]
    assert len(house.accept()) == 1


def test_a_server_that_forgot_the_scripts(house: House, redis: Redis) -> None:
    """After a restart the scripts are loaded again, unnoticed."""
    house.accept()
    redis.script_flush()
    assert len(house.accept()) == 1


def test_connecting_connects_nothing(house: House) -> None:
    """A ledger can be made where no server is: web processes start before it is up."""
    House("redis://192.0.2.1:1/0", house.redis, house.folder).close()
