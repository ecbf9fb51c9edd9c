"""Prints the table of the README: pictures a second for 1 and 2 worker processes.

python -m tests.examples.object_detection.speed
"""

import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.examples.object_detection.service import FOLDER, detection
from tests.support.api import Api

PICTURES = 300
ROUNDS = 3


def pictures_a_second(api: Api) -> float:
    """Of tasks that are all submitted at once."""
    picture = (FOLDER / "samples/astronaut.jpg").read_bytes()
    start_s = time.perf_counter()
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda _: api.http.post("/start_task", files={"file": picture}), range(PICTURES)))
    for answer in answers:
        job = api.http.get(answer.headers["Location"], params={"wait": 60}).json()
        assert job["status"] == "SUCCESS", job
    return PICTURES / (time.perf_counter() - start_s)


def main() -> None:
    print("| worker processes | pictures a second |\n| --- | --- |")
    for processes in (1, 2):
        with tempfile.TemporaryDirectory() as folder, detection(Path(folder), processes=processes) as api:
            print(f"| {processes} | {max(pictures_a_second(api) for _ in range(ROUNDS)):.0f} |", flush=True)


if __name__ == "__main__":
    main()
