"""Faults of processes: web, workers and their children killed, frozen, stopped and reloaded in the middle of work."""

import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress

import psutil

from tests.faults.run import Run
from tests.faults.running_stack import LEASE_S
from tests.support.servers import until

CHILD_S, WORKER_S, HAND_BACK_S = 5, 15, 10


def web_killed_mid_fit(run: Run) -> None:
    """All of web dies while a worker fits: the fit goes on, and its end is there for the next web."""
    tag = run.tag()
    with run.load():
        run.client.fit(tag, hold_s=1, key=tag, patience_s=20)
        run.begun(tag)
        run.stack.web.kill()
        run.stack.web.start()
        run.healed()
    run.expect(len(run.starts(tag)) == 1, "the fit ran again though only web died")


def web_killed_before_202(run: Run) -> None:
    """Web dies when the ledger has committed a job and the client has no answer yet; the repeat is the same job."""
    struck = run.stack.ledger_wire.strike(b"EVALSHA", run.stack.web.kill, after=True)
    tag = run.tag()
    first = run.client.fit(tag, key=tag)
    run.expect(first is None, "the kill came too late: there was an answer")
    run.expect(struck.wait(10), "no commit was seen")
    run.stack.web.start()
    run.healed()
    second = run.client.fit(tag, key=tag, patience_s=20)
    run.expect(second is not None, "the repeat was not acknowledged")
    with run.load():
        for _ in range(3):  # and at random moments
            time.sleep(run.rng.uniform(0.05, 0.3))
            run.stack.web.kill()
            run.stack.web.start()


def child_killed(run: Run) -> None:
    """The process that fits dies: the job runs again within 5 s."""
    _killed_mid_fit(run, lambda tag: run.child(tag).kill(), CHILD_S)


def child_stopped(run: Run) -> None:
    """SIGTERM to the process that fits, as Flower's "Terminate" sends it: its job runs again, or is REVOKED."""
    tag, doomed = run.tag("stopped"), run.tag("cancelled")
    stopped = run.client.fit(tag, hold_s=8, key=tag, patience_s=5) or ""
    cancelled = run.client.fit(doomed, hold_s=8, key=doomed, patience_s=5) or ""
    for each in (tag, doomed):
        run.begun(each)
    time.sleep(run.rng.uniform(0, 0.3))
    processes = [run.child(each) for each in (tag, doomed)]
    run.expect(run.client.cancel(cancelled) == 200, "a running job can't be cancelled")
    signalled_at = time.time()
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    run.rerun(tag, signalled_at, CHILD_S)
    run.client.look(stopped, wait_s=5)
    attempts = run.client.envelope(stopped).get("attempts")
    run.expect(attempts == 2, f"{attempts} attempts")


def worker_killed(run: Run) -> None:
    """A whole worker dies, as with its machine: another (here the same, started again) runs its job within 15 s."""

    def kill(_tag: str) -> None:
        run.stack.worker1.kill()
        run.stack.worker1.start()

    _killed_mid_fit(run, kill, WORKER_S)


def fetch_window(run: Run) -> None:
    """A worker that is frozen before it fetches, and killed when the message may be in its hands."""
    run.stack.worker1.freeze()
    tags = [run.tag() for _ in range(8)]
    for tag in tags:
        run.client.fit(tag, key=tag, patience_s=10)
    run.stack.worker1.thaw()
    time.sleep(run.rng.uniform(0, 0.05))
    run.stack.worker1.kill()
    run.stack.worker1.start()
    run.healed()


def worker_terminated(run: Run) -> None:
    """SIGTERM in the middle of a job: the worker ends within 10 s, the job is finished or handed back, not lost."""
    short, long = run.tag("short"), run.tag("long")
    run.client.fit(short, hold_s=1, key=short, patience_s=5)
    run.client.fit(long, hold_s=14, key=long, patience_s=5)
    for tag in (short, long):
        run.begun(tag)
    with run.load(pause_s=0.1):
        began = time.monotonic()
        run.stack.worker1.signal(signal.SIGTERM)
        try:
            run.stack.worker1.await_end(HAND_BACK_S + 1)
            run.figures.append(f"ended after {time.monotonic() - began:.1f} s")
        except subprocess.TimeoutExpired:
            run.failures.append(f"the worker has not ended {HAND_BACK_S} s after SIGTERM")
            run.stack.worker1.kill()
        run.stack.worker1.start()
        run.healed()
    run.expect(len(run.starts(short)) == 1, "a job that could end in time ran twice")


def group_stopped(run: Run) -> None:
    """SIGTERM to a worker and all its processes, as systemd (KillMode=control-group) and supervisor send it.

    The worker ends within 10 s, and its job is there for the next one at once, not when its lease is over.
    """
    tag = run.tag()
    run.client.fit(tag, hold_s=8, key=tag, patience_s=5)
    run.begun(tag)
    run.stack.worker1.signal(signal.SIGTERM)
    run.stack.worker1.signal_all(signal.SIGTERM)
    try:
        run.stack.worker1.await_end(HAND_BACK_S + 1)
    except subprocess.TimeoutExpired:
        run.failures.append(f"the worker has not ended {HAND_BACK_S} s after SIGTERM")
        run.stack.worker1.kill()
    run.expect(run.stack.redis.zcard("trinity:leases") == 0, "the job is still leased")
    run.stack.worker1.start()
    run.rerun(tag, time.time(), CHILD_S)


def web_reloaded(run: Run) -> None:
    """Reload after reload under load: not one request fails, each on a connection of its own.

    A request on a kept connection may always cross the server's close of it (RFC 9112 §9.3.1); keys are for those.
    """
    reloads = 20 if run.long else 5
    with run.load(keys=False) as took_s:
        for _ in range(reloads):
            before, sent = {child.pid for child in run.stack.web.children()}, len(took_s)
            run.stack.web.signal(signal.SIGHUP)
            until(lambda old=before: _renewed(run, old), "new web processes", 20)  # type: ignore[misc]
            until(lambda sent=sent: len(took_s) > sent + 20, "answers of the new processes", 20)  # type: ignore[misc]
    lines = run.client.journal.lines()
    asked, answered = (sum(type(line).__name__ == name for line in lines) for name in ("Attempt", "Acknowledged"))
    run.figures.append(f"{reloads} reloads")
    run.expect(asked == answered, f"{asked - answered} of {asked} requests failed")


def frozen_worker(run: Run) -> None:
    """A worker frozen for longer than its lease and then woken: too late, for a finished job and a cancelled."""
    done, cancelled = run.tag("done"), run.tag("cancelled")
    first = run.client.fit(done, hold_s=1, key=done, patience_s=5) or ""
    doomed = run.client.fit(cancelled, hold_s=1, key=cancelled, patience_s=5) or ""
    for tag in (done, cancelled):
        run.begun(tag)
    late = [run.child(tag) for tag in (done, cancelled)]
    run.stack.worker1.freeze()
    with run.stack.spare_worker():
        run.expect(run.client.cancel(doomed) == 200, "a running job can't be cancelled")
        until(lambda: run.client.look(first, wait_s=2) == "SUCCESS", "another worker to take over", LEASE_S + 15)
        run.look_all()
        for child in late:  # they end what they had begun before their lease keeper notices
            child.resume()
        time.sleep(2)
        run.look_all()
        run.stack.worker1.thaw()


def cancel_running(run: Run) -> None:
    """DELETE while it runs: its process is gone and the job is REVOKED within 2 s, nothing of it remains."""
    tag = run.tag()
    job_id = run.client.fit(tag, hold_s=20, key=tag, patience_s=5) or ""
    run.begun(tag)
    process, began = run.child(tag), time.monotonic()
    status = run.client.cancel(job_id)
    run.expect(status == 200, f"DELETE answered {status}")
    until(lambda: process_ended(process), "the end of the process", 10)
    took_s = time.monotonic() - began
    run.recoveries_s.append(took_s)
    run.expect(took_s <= 2, f"the process ended {took_s:.1f} s after the DELETE")
    run.expect(run.client.cancel(job_id) == 200, "a second DELETE, as a client sends that lost the answer, is refused")


def cancel_retried(run: Run) -> None:
    """DELETE while it runs, and a retry at once: the first run ends as after any DELETE though the job runs again."""
    tag = run.tag()
    job_id = run.client.fit(tag, hold_s=8, key=tag, patience_s=5, extra={"timeout": 4}) or ""
    run.begun(tag)
    process, began = run.child(tag), time.monotonic()
    run.expect(run.client.cancel(job_id) == 200, "a running job can't be cancelled")
    run.expect(run.client.retry(job_id) == 202, "a cancelled job can't be retried")
    until(lambda: process_ended(process), "the end of the first run", 15)
    took_s = time.monotonic() - began
    run.recoveries_s.append(took_s)
    run.expect(took_s <= 2, f"the first run ended {took_s:.1f} s after the DELETE")
    run.begun(tag, times=2)
    run.quiesce_s = 15


def long_job(run: Run) -> None:
    """A job that outlasts several leases, and any broker's visibility timeout with them, runs once."""
    tag = run.tag()
    run.client.fit(tag, hold_s=4 * LEASE_S, key=tag, patience_s=5)
    with run.load(pause_s=0.1):
        time.sleep(4 * LEASE_S)
    run.expect(len(run.starts(tag)) == 1, f"it was started {len(run.starts(tag))} times")
    run.figures.append(f"{4 * LEASE_S} s under a lease of {LEASE_S} s")


def poison(run: Run) -> None:
    """Jobs that take their process with them or never end: FAILURE after at most 3 starts, and others are not held."""
    ends = {"segfault": {}, "memory": {}, "hang": {"extra": {"timeout": 2}}}
    tags = {kind: run.tag(kind) for kind in ends}
    for kind, options in ends.items():
        run.client.fit(tags[kind], poison=kind, key=tags[kind], patience_s=5, expect=["FAILURE"], **options)
    with run.load(pause_s=0.1):
        run.quiesce_s = 60
        time.sleep(3)
    run.healed()


def _killed_mid_fit(run: Run, kill: Callable[[str], None], limit_s: float) -> None:
    """Kill what does a fit, at some moment of it; the fit begins once more within the limit."""
    tag = run.tag()
    run.client.fit(tag, hold_s=run.rng.uniform(1, 2), key=tag, patience_s=5)
    run.begun(tag)
    # the quick set shares a small machine with another stack: a dense load would wait in front of the fit
    with run.load(pause_s=0.02 if run.long else 0.1):
        time.sleep(run.rng.uniform(0, 0.5))
        killed_at = time.time()
        kill(tag)
        run.rerun(tag, killed_at, limit_s)


def process_ended(process: psutil.Process) -> bool:
    """Whether a process is gone."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # it ended between the two questions
        return True


def _renewed(run: Run, old: set[int]) -> bool:
    new = {child.pid for child in run.stack.web.children()}
    return len(new) >= 2 and not new & old
