"""Backs up a running stack of containers, removes it with its volumes, and restores it, by the documented commands.

    COMPOSE_PROJECT_NAME=trinity COMPOSE_FILE=docker-compose.yaml python -m tests.system.containers.drive_backup

**It removes what the stack holds.** Prints a line when all is as before, and ends with 1 otherwise."""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx

from tests.support.operations import command_blocks, run
from tests.system.containers.drive import DEADLINE_S, Stack, docker

WAIT = {"Prefer": "wait=30"}
LARGE = {"data": {"X": [[row / 9000] for row in range(9000)]}}  # its request and its result are kept in the store


def client() -> httpx.Client:
    """A client of the stack as it runs now."""
    return httpx.Client(base_url=Stack.running().url, timeout=DEADLINE_S, trust_env=False)


def main() -> None:
    """Back up, remove, restore, compare."""
    with client() as http, tempfile.TemporaryDirectory() as folder:
        version = http.post("/fit", json={}, headers=WAIT).raise_for_status().json()["version"]
        before = predicted(http, version)
        port = {"PORT": os.environ["PORT"]} if "PORT" in os.environ else {}
        names = {"BACKUP": str(Path(folder) / "backup"), **port}
        print(run(command_blocks()["back up, compose"], seconds=120, **names).strip())
        docker("compose", "down", "--volumes")
        run(command_blocks()["restore, compose"], seconds=300, **names)
    with client() as http:
        kept = http.get(before["links"]["self"]).raise_for_status().json()
        if kept != before:
            sys.exit(f"FAILED  a finished job is another after the restore\n{str(kept)[:500]}\n{str(before)[:500]}")
        if predicted(http, version)["result"] != before["result"]:
            sys.exit("FAILED  a version predicts otherwise after the restore")
    print("ok  a backup of the containers is restored into new volumes")


def predicted(http: httpx.Client, version: int) -> Any:
    """The finished job of a large prediction."""
    return http.post("/predict", json={**LARGE, "version": version}, headers=WAIT).raise_for_status().json()


if __name__ == "__main__":
    main()
