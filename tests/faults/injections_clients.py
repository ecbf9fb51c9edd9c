"""Faults of clients: repeats, storms, floods, hang-ups, dribbles, lies and rubbish."""

import math
import random
import socket
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from statistics import median
from urllib.parse import urlsplit

from tests.bench.http import Connection, request
from tests.faults.client import Client
from tests.faults.journal import Acknowledged, Attempt, Refused
from tests.faults.run import Run
from tests.support.servers import until

PREDICT = b'{"model":"polynomial","data":{"X":[[0.5]]}}'
FLOOD_S = 4
FLOODS = 3
HELD_S = 0.1
"""What a job of the flood takes: its workers are what is overloaded, not the machine that the clients share."""


def duplicate_posts(run: Run) -> None:
    """100 simultaneous POSTs with one key are one job, and so are repeats in any number; another body is refused."""
    tag = run.tag("twin")
    with ThreadPoolExecutor(25) as pool:
        ids = list(pool.map(lambda _: run.client.fit(tag, key=tag, patience_s=10), range(100)))
    run.expect(len({*ids} - {None}) == 1, f"one key, {len({*ids})} jobs")
    headers = {"prefer": "respond-async", "idempotency_key": f'"{tag}"'}
    other = run.client.ask("POST", "/predict", PREDICT, **headers)
    run.expect(other is not None and other.status == 422, f"another body: {other.status if other else 'no answer'}")


def retry_storm(run: Run) -> None:
    """Clients that repeat at once and without end whatever isn't answered, while web dies twice."""
    tags = [run.tag("storm") for _ in range(40)]
    with ThreadPoolExecutor(8) as pool:
        storm = [
            pool.submit(run.client.predict, tag, number, key=tag, patience_s=20)
            for number, tag in enumerate(tags)
            for _ in range(5)
        ]
        for _ in range(2):
            time.sleep(run.rng.uniform(0.05, 0.2))
            run.stack.web.kill()
            run.stack.web.start()
        run.healed()
        run.expect(all(each.result() for each in storm), "a request was not acknowledged in 20 s")


def disconnects(run: Run) -> None:
    """1,000 clients hang up without waiting for their answer: the stack is as quick as before, and holds nothing."""
    clients = 1000 if run.long else 300
    with run.load(pause_s=0.05) as took_s:
        for _ in range(clients):
            tag = run.tag("gone")
            body = f'{{"model":"polynomial","data":{{"X":[[{run.rng.randrange(1000)}]]}}}}'.encode()
            run.client.journal.write(Attempt(-1 - _count(tag), "predict", tag))
            with suppress(OSError), Connection(run.stack.url) as connection:
                connection.send("POST", "/predict", body, prefer=run.rng.choice(["wait=30", "respond-async"]))
                time.sleep(run.rng.choice([0, 0, 0.002]))
    run.figures.append(f"{clients} hang-ups, slowest submission beside them {max(took_s):.2f} s")
    run.expect(max(took_s) < 5, f"a submission took {max(took_s):.1f} s")


def long_queue(run: Run) -> None:
    """10,000 jobs wait while no worker runs; all are worked off, and none of them twice."""
    jobs = 10_000 if run.long else 1_500
    for worker in run.stack.workers:
        worker.freeze()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda x: run.client.predict(run.tag("queued"), x), range(jobs)))
    began = time.monotonic()
    for worker in run.stack.workers:
        worker.thaw()
    run.healed()
    run.quiesce_s = 120
    while run.stack.waiting() and time.monotonic() < began + 100:
        time.sleep(0.1)
    run.figures.append(f"{jobs} jobs drained at {jobs / (time.monotonic() - began):,.0f}/s")


def overload(run: Run) -> None:
    """Five times what can be done: the rest is refused with Retry-After, and at least 80 % of before is done."""
    run.stack.restart_with(MAX_PENDING="40", RATE_LIMIT_FIT="", PREFETCH="1")
    try:
        pairs, refusals = [], Counter[tuple[int, bool]]()
        for _ in range(FLOODS):  # in turn, for other things run on the machine as well
            with run.stack.alone():
                alone, _ = _flood(run, 2, FLOOD_S, pause_s=HELD_S / 2)  # as much as can be done, and somewhat more
                together, refused = _flood(run, 10, FLOOD_S, pause_s=10 / (5 * max(alone, 1)))
            pairs.append((alone, together))
            refusals.update(refused)
        alone, together = (median(rates) for rates in zip(*pairs, strict=True))
        run.figures.append(f"goodput {together:,.0f}/s of {alone:,.0f}/s, {sum(refusals.values())} refused")
        run.expect(together >= 0.8 * alone, f"goodput fell from {alone:.0f}/s to {together:.0f}/s")
        run.expect(set(refusals) <= {(429, True)}, f"refusals (status, with Retry-After): {dict(refusals)}")
    finally:
        run.stack.restart_with()


def slowloris(run: Run) -> None:
    """Hundreds of connections that dribble heads and bodies: other clients don't notice."""
    count = 500 if run.long else 200
    sockets = [_dribbler(run, number) for number in range(count)]
    try:
        with run.load(pause_s=0.02) as took_s:
            for _ in range(10):
                for each in sockets:
                    with suppress(OSError):
                        each.send(b"x")
                time.sleep(0.2)
    finally:
        for each in sockets:
            each.close()
    run.figures.append(f"{count} dribblers, slowest submission beside them {max(took_s):.2f} s")
    run.expect(max(took_s) < 1, f"a submission took {max(took_s):.1f} s")


def lying_bodies(run: Run) -> None:
    """100 MB announced or sent, more or less than announced, two lengths, broken chunks: refused, and not held."""
    before = run.stack.web_bytes()
    with run.load(pause_s=0.1):
        statuses = Counter(_lie(run, kind) for kind in range(6) for _ in range(3))
    grown = run.stack.web_bytes() - before
    run.figures.append(f"web grew by {grown / 1e6:.0f} MB")
    run.expect(grown < 300e6, f"web grew by {grown / 1e6:.0f} MB")
    run.expect(not any(500 <= status < 600 for status in statuses), f"answers: {dict(statuses)}")
    run.expect(202 not in statuses and 200 not in statuses, f"a lie was accepted: {dict(statuses)}")


def malformed_json(run: Run) -> None:
    """10,000 bodies that are no JSON, or no request: each is refused, none is a server's error, none makes a job."""
    bodies = 10_000
    seeds = [run.rng.random() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(lambda seed: _send_rubbish(run, seed, bodies // 4), seeds))
    statuses: Counter[int] = sum(counts, Counter())
    run.figures.append(f"{bodies:,} bodies")
    run.expect(set(statuses) <= {400, 404, 409, 413, 415, 422}, f"answers: {dict(statuses)}")
    tag = run.tag("after")
    run.client.predict(tag, 1.0, key=tag, patience_s=5)


def _count(tag: str) -> int:
    return int(tag.rpartition("-")[2], 16)


def _flood(run: Run, threads: int, seconds: float, pause_s: float) -> tuple[float, Counter[tuple[int, bool]]]:
    """Submit from so many threads; jobs that ended a second meanwhile, and what was refused how."""
    first, begin, end = len(run.client.journal.lines()), time.time(), time.monotonic() + seconds

    def send(_: int) -> None:
        while time.monotonic() < end:
            run.client.fit(run.tag("flood"), hold_s=HELD_S)
            time.sleep(pause_s)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(send, range(threads)))
    lines = run.client.journal.lines()[first:]
    refusals = Counter((line.status, bool(line.retry_after)) for line in lines if isinstance(line, Refused))
    until(lambda: not run.stack.waiting(), "the end of the flood", 60)
    ids = [line.id for line in lines if isinstance(line, Acknowledged)]
    ends = [float(run.stack.redis.hget(f"trinity:job:{job_id}", "finished") or 0) for job_id in ids]
    # the first second goes by until the queue is as long as it will be
    return sum(begin + 1 <= at <= begin + seconds for at in ends) / (seconds - 1), refusals


def _dribbler(run: Run, number: int) -> socket.socket:
    """A connection with half a head, or with a whole one and little of its body."""
    each = socket.create_connection(_address(run), timeout=5)
    whole = request("POST", "/predict", PREDICT)
    each.sendall(b"POST /predict HTTP/1.1\r\nhost: x\r\nx-slow: " if number % 2 else whole[: -len(PREDICT) + 1])
    return each


def _lie(run: Run, kind: int) -> int:
    """Send one body that isn't what it says; the status of the answer, 0 for a closed connection or silence."""
    head = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    huge = 100 * 1024 * 1024
    messages = [
        (f"content-length: {huge}\r\n\r\n".encode(), huge),
        (b"transfer-encoding: chunked\r\n\r\n", -huge),
        (b"content-length: 10\r\n\r\n" + b"[" * 500, 0),
        (b"content-length: 10\r\ncontent-length: 500\r\n\r\n" + b" " * 500, 0),
        (b"content-length: -5\r\n\r\n", 0),
        (b"transfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n", 0),
    ]
    text, size = messages[kind]
    with suppress(OSError, ValueError, IndexError), socket.create_connection(_address(run), timeout=5) as each:
        each.sendall(head + text)
        with suppress(OSError):
            _pour(each, size)
        return int(each.recv(64).split()[1])
    return 0


def _pour(each: socket.socket, size: int) -> None:
    block = b" " * (1 << 20)
    for _ in range(math.ceil(abs(size) / len(block))):
        each.sendall(block if size > 0 else b"%x\r\n%s\r\n" % (len(block), block))


def _send_rubbish(run: Run, seed: float, count: int) -> Counter[int]:
    """Send bodies that were good before they were mutilated; how often each status was answered."""
    rng, client = random.Random(seed), Client(run.stack.url, run.client.journal, run.stack.effects)
    statuses: Counter[int] = Counter()
    for _ in range(count):
        answer = client.ask("POST", f"/{rng.choice(['fit', 'predict', 'score'])}", _rubbish(rng))
        statuses[answer.status if answer else 0] += 1
    client.hang_up()
    return statuses


def _rubbish(rng: random.Random) -> bytes:
    """A body that can't be right: cut off, with a byte that no JSON has, too deep, or of the wrong kind."""
    good = b'{"model":"recorder","data":{"X":[[1.0],[2.0]],"y":[1.0,2.0]}}'
    at = rng.randrange(1, len(good) - 1)
    kinds = [
        good[:at],
        good[:at] + bytes([rng.randrange(0x80, 0x100)]) + good[at:] + b"\x00",
        b"[" * rng.randrange(1, 5000),
        rng.randbytes(rng.randrange(1, 200)) + b"\xff",
        b'{"model":"recorder","data":{"X":[[1.0],["2"]],"y":[NaN]}}',
        b'{"data":%d}' % rng.randrange(10**6),
        b'"' + b"a" * rng.randrange(1000),
    ]
    return rng.choice(kinds)


def _address(run: Run) -> tuple[str, int]:
    parts = urlsplit(run.stack.url)
    return parts.hostname or "", parts.port or 0
