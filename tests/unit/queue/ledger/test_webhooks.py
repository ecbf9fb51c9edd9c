"""The ledger knows which ends are to be told to whom: each is taken by one, tried again, and told for each end anew."""

from app.queue.ledger.acceptance import Submission
from app.queue.ledger.maintenance import LedgerMaintenance
from app.schemas.requests import Work
from tests.support.fakes import work
from tests.support.ledger_fixture import DONE, FAILED, LedgerFixture

HOOKED = Work("predict", "mean", 1, {}, work().data, webhook="https://example.org/told")


def take(maintenance: LedgerMaintenance, again_in_s: float) -> list[str]:
    """Take all webhooks that are due, for so long."""
    return sorted(maintenance.take_webhooks(dict.fromkeys(maintenance.due_webhooks(10), again_in_s)))


def tried(maintenance: LedgerMaintenance, job_id: str) -> tuple[str, int]:
    """A job's webhook, and how often it was tried."""
    webhook = maintenance.webhook(job_id)
    assert webhook is not None
    return webhook.url, webhook.tries


def say(maintenance: LedgerMaintenance, job_id: str, next_try_s: float | None) -> None:
    """Say how the delivery of a job's last end went."""
    webhook = maintenance.webhook(job_id)
    assert webhook is not None
    maintenance.delivered(job_id, webhook.finished, next_try_s)


def test_an_end_with_a_webhook_is_due_at_once(ledgers: LedgerFixture) -> None:
    """However the job ended; and it is kept until it was told."""
    ends = {"done": DONE, "failed": FAILED}
    ledgers.submit(*(Submission(job_id, HOOKED, 60) for job_id in (*ends, "cancelled", "waiting")))
    for job_id, outcome in ends.items():
        ledgers.finish(ledgers.claim(job_id), outcome)
    ledgers.ledger.cancel("cancelled")
    assert ledgers.maintenance().due_webhooks(10) == dict.fromkeys(["done", "failed", "cancelled"], HOOKED.webhook)
    assert list(ledgers.maintenance().due_webhooks(2)) == ["done", "failed"]
    assert tried(ledgers.maintenance(), "done") == (HOOKED.webhook, 0)
    assert ledgers.redis.ttl("trinity:job:done") == -1


def test_a_webhook_is_taken_by_one(ledgers: LedgerFixture) -> None:
    """Others see it again only when the time is over that delivery may take."""
    ledgers.submit(Submission("a", HOOKED, 60))
    ledgers.finish(ledgers.claim("a"))
    assert take(ledgers.maintenance(), 0) == ["a"]
    assert ledgers.maintenance().take_webhooks({"a": 60, "b": 60}) == {"a"}
    assert take(ledgers.maintenance("other"), 60) == []
    assert ledgers.maintenance("other").take_webhooks({"a": 0}) == set()
    assert take(ledgers.maintenance(), 0) == []


def test_a_webhook_of_a_job_that_is_gone_is_done_with(ledgers: LedgerFixture) -> None:
    """Nobody looks at it again."""
    ledgers.submit(Submission("a", HOOKED, 60))
    ledgers.finish(ledgers.claim("a"))
    ledgers.redis.delete("trinity:job:a")
    assert take(ledgers.maintenance(), 0) == []
    assert ledgers.redis.zcard("trinity:outbox") == 0


def test_a_delivery_that_failed_is_tried_again(ledgers: LedgerFixture) -> None:
    """When it is said, and counted; after the last the job may expire."""
    ledgers.submit(Submission("a", HOOKED, 60))
    ledgers.finish(ledgers.claim("a"))
    maintenance = ledgers.maintenance()
    take(maintenance, 60)
    say(maintenance, "a", 0)
    assert (take(maintenance, 60), tried(maintenance, "a")) == (["a"], (HOOKED.webhook, 1))
    say(maintenance, "a", None)
    assert take(maintenance, 0) == []
    assert ledgers.redis.ttl("trinity:job:a") > 0
    say(maintenance, "a", 0)
    assert take(maintenance, 0) == []


def test_a_delivery_counts_for_the_end_that_was_told(ledgers: LedgerFixture) -> None:
    """A job that was queued again meanwhile is kept, and its next end is told in as many tries."""
    ledgers.submit(Submission("a", HOOKED, 60))
    ledgers.finish(ledgers.claim("a"), FAILED)
    maintenance = ledgers.maintenance()
    say(maintenance, "a", 0)
    first = maintenance.webhook("a")
    assert first is not None
    ledgers.ledger.retry("a")
    maintenance.delivered("a", first.finished, None)
    assert (maintenance.webhook("a"), take(maintenance, 0), ledgers.redis.ttl("trinity:job:a")) == (None, [], -1)
    ledgers.finish(ledgers.claim("a"))
    maintenance.delivered("a", first.finished, None)
    assert (take(maintenance, 0), tried(maintenance, "a")) == (["a"], (HOOKED.webhook, 0))


def test_a_job_that_runs_again_is_told_of_again(ledgers: LedgerFixture) -> None:
    """Also when its first end was told already."""
    ledgers.submit(Submission("a", HOOKED, 60))
    ledgers.finish(ledgers.claim("a"), FAILED)
    say(ledgers.maintenance(), "a", None)
    ledgers.ledger.retry("a")
    ledgers.finish(ledgers.claim("a"))
    assert take(ledgers.maintenance(), 0) == ["a"]
    assert ledgers.redis.ttl("trinity:job:a") == -1
