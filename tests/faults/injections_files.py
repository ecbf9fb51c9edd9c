"""Faults while files come, are predicted and go: none is lost or mistaken for another, and none stays behind."""

import hashlib
import socket
import time
from pathlib import Path

from app.storage.payload_store import UPLOAD, Payloads
from tests.faults.client import FILE_RECORDER
from tests.faults.injections_processes import WORKER_S, process_ended
from tests.faults.run import Run
from tests.support.servers import until

FILE_BYTES = 300_000
UPLOAD_BYTES = 8_000_000


def file_worker_killed(run: Run) -> None:
    """The worker that predicts a file dies, and all its processes: the file is there for the next one, then gone."""
    _lay_model(run)
    tag = run.tag()
    content = _content(tag)
    job_id = run.client.predict_file(tag, content, run.rng.uniform(1, 2), key=tag, patience_s=5) or ""
    run.begun(tag)
    time.sleep(run.rng.uniform(0, 0.5))
    process = run.child(tag).pid
    worker = next(each for each in run.stack.workers if process in {child.pid for child in each.children()})
    killed_at = time.time()
    worker.kill()
    worker.start()
    run.rerun(tag, killed_at, WORKER_S)
    _expect_result(run, job_id, content)
    _expect_nothing_left(run)


def file_broker_killed(run: Run) -> None:
    """The broker dies while files wait and run: others are accepted meanwhile, and all are predicted."""
    _lay_model(run)
    contents = {tag: _content(tag) for tag in (run.tag() for _ in range(12))}
    jobs = {}
    for number, (tag, content) in enumerate(contents.items()):
        if number == len(contents) // 2:
            run.stack.broker.kill()
        jobs[tag] = run.client.predict_file(tag, content, 0.2, key=tag, patience_s=10) or ""
    run.stack.start_broker()
    run.healed()
    for tag, content in contents.items():
        _expect_result(run, jobs[tag], content)
    _expect_nothing_left(run)


def file_web_killed(run: Run) -> None:
    """Web dies while a file comes: nothing of it stays after the sweep, and the same upload sent again is one job."""
    _lay_model(run)
    tag = run.tag()
    content = _content(tag, UPLOAD_BYTES)
    address = (run.stack.url.rpartition(":")[0].removeprefix("http://"), int(run.stack.url.rpartition(":")[2]))
    with socket.create_connection(address, 10) as broken:
        path = f"/models/{FILE_RECORDER}/predict?tag={tag}&effects={run.client.effects}"
        broken.sendall(f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(content)}\r\n\r\n".encode())
        broken.sendall(content[: UPLOAD_BYTES // 2])
        until(lambda: sum(path.stat().st_size for path in _files(run)) > 0, "the beginning of the file", 10)
        run.stack.web.kill()
    left = len(_files(run))
    run.expect(left > 0, "the kill came too late: no file was in the middle")
    run.stack.web.start()
    run.healed()
    job_id = run.client.predict_file(tag, content, key=tag, patience_s=20) or ""
    run.expect(run.client.predict_file(tag, content, key=tag, patience_s=20) == job_id, "the repeat is another job")
    _expect_result(run, job_id, content)
    _expect_nothing_left(run)
    run.expect(len(run.starts(tag)) == 1, "the file was predicted more than once")


def file_cancelled(run: Run) -> None:
    """DELETE while a file is predicted: its process ends within 2 s, the file stays for a retry and goes after it."""
    _lay_model(run)
    tag = run.tag()
    content = _content(tag)
    job_id = run.client.predict_file(tag, content, 20, key=tag, patience_s=5) or ""
    run.begun(tag)
    process, began = run.child(tag), time.monotonic()
    run.expect(run.client.cancel(job_id) == 200, "a running job can't be cancelled")
    until(lambda: process_ended(process), "the end of the process", 10)
    took_s = time.monotonic() - began
    run.recoveries_s.append(took_s)
    run.expect(took_s <= 2, f"the process ended {took_s:.1f} s after the DELETE")
    _sweep(run)
    run.expect(run.client.retry(job_id) == 202, "a cancelled job can't be retried")
    _expect_result(run, job_id, content)
    _expect_nothing_left(run)


def _lay_model(run: Run) -> None:
    """Fit the model of files, which learns nothing."""
    tag = run.tag("model")
    path = f"/models/{FILE_RECORDER}/fit"
    fitted = run.client.submit("fit", tag, {"params": {"tag": tag}}, path=path, key=tag, patience_s=10) or ""
    until(lambda: run.client.look(fitted, wait_s=2) == "SUCCESS", "the fit of the model of files", 20)


def _content(tag: str, size: int = FILE_BYTES) -> bytes:
    """A text that no other job has."""
    return f"{tag}\n".encode() * (size // (len(tag) + 1))


def _expect_result(run: Run, job_id: str, content: bytes) -> None:
    """Wait until a job has succeeded; its result must be of its own file, and the result's file be that."""
    try:
        until(lambda: run.client.look(job_id, wait_s=2) == "SUCCESS", "the end of the job", 40)
    except TimeoutError as error:
        run.failures.append(f"{error} ({run.client.envelope(job_id).get('status')})")
        return
    result = run.client.envelope(job_id).get("result") or {}
    run.expect(result.get("sha256") == hashlib.sha256(content).hexdigest(), f"another file's result ({job_id})")
    answer = run.client.ask("GET", f"/jobs/{job_id}/result/file")
    run.expect(answer is not None and answer.body == content, f"the result's file is not whole ({job_id})")


def _files(run: Run) -> list[Path]:
    """What is in the folder of payloads but the files of results."""
    found = [path for path in (run.stack.store.folder / "payloads").rglob("*") if path.is_file()]
    return [path for path in found if path.suffix != ".out"]


def _sweep(run: Run) -> None:
    """Do what workers do each ten minutes with files older than an hour, with those of now."""
    redis = run.stack.redis
    payloads = Payloads(run.stack.store.folder)
    payloads.sweep(lambda name: bool(redis.exists(f"trinity:job:{name.partition('.')[0]}")), 0, time.time() + 1)


def _expect_nothing_left(run: Run) -> None:
    """No upload stays when its job has succeeded, and nothing unfinished after a sweep."""

    def uploads() -> list[str]:
        return [path.name for path in _files(run) if path.name.endswith(UPLOAD)]

    until(lambda: not uploads(), "the files of jobs to be removed", 20)
    _sweep(run)
    left = [path.name for path in _files(run)]
    run.expect(not left, f"left in the store: {', '.join(left)}")
