"""Other task queues at the same work on the same Redis: huey, dramatiq and taskiq, each set up as strong as it can be.

Each has a worker of two processes, keeps its results in Redis, and has them read in one go at the end. Jobs are handed
in by its own client in this process, without HTTP between: from threads where the client is synchronous, from tasks of
one event loop where it is asynchronous.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from redis import Redis

from tests.support.servers import BIN, ROOT, until

NAMES = ("huey", "dramatiq", "taskiq")


class Reference:
    """One of the queues, on the Redis at `url` (without a database)."""

    def __init__(self, name: str, url: str, folder: Path) -> None:
        os.environ["REFERENCE_URL"] = url  # its module reads it
        self._module = import_module(f"{__name__}.{name}_queue")
        self._redis = Redis.from_url(f"{url}/{self._module.DATABASE}")
        self._folder = folder
        self.name = name

    def jobs_per_s(self, jobs: int, connections: int) -> float:
        """Return the rate from the first submission until the last result is stored and all are read."""
        with self._worker():
            self._run(1, 1)
            return jobs / self._run(jobs, connections)

    def _run(self, jobs: int, connections: int) -> float:
        self._redis.flushdb()
        begin = time.perf_counter()
        self._module.submit(jobs, connections)
        until(lambda: self._module.results(self._redis) == jobs, f"the results of {self.name}", 60)
        if self._module.read(self._redis) != jobs:
            raise RuntimeError(f"{self.name} lost a result")
        return time.perf_counter() - begin

    @contextmanager
    def _worker(self) -> Iterator[None]:
        env = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        program, *arguments = self._module.COMMAND
        with (self._folder / f"{self.name}.log").open("ab") as log:
            process = subprocess.Popen([BIN / program, *arguments], cwd=ROOT, env=env, stdout=log, stderr=log)
            try:
                yield
            finally:
                process.terminate()
                process.wait(20)
