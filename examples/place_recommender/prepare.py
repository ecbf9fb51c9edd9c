"""Makes the example ready: tables, a simulated town, and a first training over HTTP."""

from __future__ import annotations

import sys

import httpx

from examples.place_recommender.database import engine, migrate
from examples.place_recommender.simulate import fill, simulate
from examples.place_recommender.slates import counts

WAITING = {"PENDING", "STARTED", "RETRY"}


def main(base_url: str) -> None:
    """Do what is not done yet."""
    migrate()
    fill(engine())
    if not counts()["selections"]:
        simulate(engine())
    with httpx.Client(base_url=base_url, timeout=60) as http:
        if http.get("/content/info").raise_for_status().json()["version"] is None:
            task = http.post("/train/start").raise_for_status().json()["task_id"]
            state = "PENDING"
            while state in WAITING:
                state = http.get(f"/jobs/{task}", params={"wait": 5}).raise_for_status().json()["status"]
            print(f"first training: {state}")  # noqa: T201  a program speaks by printing


if __name__ == "__main__":
    main(sys.argv[1])
