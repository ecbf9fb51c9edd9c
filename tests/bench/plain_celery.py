"""Plain Celery as a yardstick: one message and one stored result a prediction, no ledger between."""

import os
import subprocess
import time
from pathlib import Path

import msgspec
import numpy as np
from celery import Celery

from app.model.polynomial import PolynomialRegressor
from tests.support.servers import BIN, ROOT

queue = Celery("plain", broker=os.environ.get("PLAIN_URL"), backend=os.environ.get("PLAIN_URL"))
queue.conf.update(task_serializer="json", accept_content=["json"], worker_prefetch_multiplier=4)
_model = PolynomialRegressor(degree=3).fit(np.linspace(-1, 1, 50)[:, None], np.linspace(-1, 1, 50))


@queue.task(name="plain.predict")
def predict(body: str) -> list[float]:
    """Decode, predict, and let Celery store the result."""
    return list(_model.predict(np.array(msgspec.json.decode(body)["data"]["X"])))


def plain_celery_jobs_per_s(folder: Path, url: str, jobs: int) -> float:
    """The rate from the first `apply_async` to the last stored result, with a worker of two processes."""
    queue.conf.update(broker_url=url, result_backend=url)
    command = [BIN / "celery", "--app", "tests.bench.plain_celery:queue", "worker", "--concurrency", "2"]
    command += ["--loglevel", "ERROR", "--events", "--hostname", "plain@%h"]
    with (folder / "plain.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PLAIN_URL": url}, stdout=log, stderr=log)
        try:
            predict.delay('{"data":{"X":[[0.5]]}}').get(timeout=30)
            begin = time.perf_counter()
            results = [predict.delay('{"data":{"X":[[0.5]]}}') for _ in range(jobs)]
            for result in results:
                result.get(timeout=60)
            return jobs / (time.perf_counter() - begin)
        finally:
            process.terminate()
            process.wait(20)
