"""`make up` and `make down`: the .env they write, what they ask of Docker and what they print. Docker is a stand-in."""

import os
import re
import shutil
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.servers import OURS, ROOT

FILES = ("Makefile", ".env.example", "docker-compose.yaml", "docker-compose.rabbit.yaml", "scripts")
ACCOUNTS = {"REDIS_PASSWORD", "FLOWER_USER", "FLOWER_PASSWORD", "RABBITMQ_USER", "RABBITMQ_PASSWORD"}
DOCKER = """#!/bin/sh
echo "$COMPOSE_FILE docker $*" >>"$DOCKER_LOG"
case "$*" in
    *" port nginx 8080") echo 0.0.0.0:8123 ;;
    "volume ls "*) printf 'trinity_ledger\\ntrinity_models\\n' ;;
    *" up "*) exit "${UP_STATUS:-0}" ;;
esac
"""


class Project:
    """A copy of what starts the containers, and a `docker` that only writes down what it is asked."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log = folder / "trinity", folder / "docker.log"
        self.folder.mkdir()
        for name in FILES:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, self.folder / name)
        self.env_file = self.folder / ".env"
        docker = folder / "bin" / "docker"
        docker.parent.mkdir()
        docker.write_text(DOCKER, encoding="utf-8")
        docker.chmod(0o755)
        foreign = (*OURS, "BROKER", "COMPOSE", "MAKE", "MFLAGS", "REDIS", "GRAFANA", "POSTGRES", "DATABASE")
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
        path = f"{docker.parent}:{os.environ['PATH']}"
        self.environment = {**inherited, "PATH": path, "DOCKER_LOG": str(self.log)}

    def make(self, *arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
        environment = {**self.environment, **env}
        return subprocess.run(
            ["make", *arguments], cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )

    @property
    def asked(self) -> list[str]:
        """What Docker was asked."""
        return self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []

    @property
    def variables(self) -> Mapping[str, str]:
        """The variables that .env sets."""
        return dict(re.findall(r"^(\w+)=(.*)$", self.env_file.read_text(encoding="utf-8"), re.MULTILINE))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_a_first_start_writes_random_passwords(project: Project) -> None:
    """Into a file that others can't read; each password is another one, and none is printed."""
    done = project.make("up")
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE(project.env_file.stat().st_mode) == 0o600
    assert project.variables.keys() == ACCOUNTS | {"GRAFANA_PASSWORD", "POSTGRES_PASSWORD"}
    passwords = {value for name, value in project.variables.items() if name.endswith("PASSWORD")}
    assert len(passwords) == 5
    for password in passwords:
        assert re.fullmatch(r"[0-9a-f]{48}", password)
        assert password not in done.stdout + done.stderr
    assert {path.name for path in project.folder.glob(".env*")} == {".env", ".env.example"}


def test_it_builds_waits_and_prints_the_addresses(project: Project) -> None:
    done = project.make("up")
    (up,) = [line for line in project.asked if " up " in line]
    assert up.startswith(" docker compose up --build --wait ")
    for path in ("/", "/docs", "/flower/"):
        assert f" http://localhost:8123{path}" in done.stdout
    assert "grep ^FLOWER_ .env" in done.stdout


def test_rabbit_is_the_other_compose_file(project: Project) -> None:
    assert project.make("up", "BROKER=rabbit").returncode == 0
    assert {line.partition(" ")[0] for line in project.asked if " up " in line} == {"docker-compose.rabbit.yaml"}


def test_an_unknown_broker_is_refused(project: Project) -> None:
    done = project.make("up", "BROKER=kafka")
    assert done.returncode != 0
    assert "BROKER: expected redis or rabbit, got 'kafka'" in done.stderr
    assert project.asked == []


def test_an_env_file_is_never_overwritten(project: Project) -> None:
    text = "".join(f"{name}=mine\n" for name in ACCOUNTS)
    project.env_file.write_text(text, encoding="utf-8")
    assert project.make("up").returncode == 0
    assert project.env_file.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("broker", "missing"),
    [
        ("redis", "FLOWER_USER FLOWER_PASSWORD"),
        ("rabbit", "FLOWER_USER FLOWER_PASSWORD RABBITMQ_USER RABBITMQ_PASSWORD"),
    ],
)
def test_every_missing_variable_is_named(broker: str, missing: str, project: Project) -> None:
    """An empty one is missing too; one that the environment sets is not."""
    project.env_file.write_text("FLOWER_USER=\n#FLOWER_PASSWORD=a\n", encoding="utf-8")
    done = project.make("up", f"BROKER={broker}", REDIS_PASSWORD="of the environment")
    assert done.returncode != 0
    assert f".env does not set: {missing}\n" in done.stderr
    assert not [line for line in project.asked if " up " in line]


def test_a_copy_of_the_example_names_what_is_to_be_set(project: Project) -> None:
    shutil.copy(project.folder / ".env.example", project.env_file)
    assert ".env does not set: REDIS_PASSWORD FLOWER_USER FLOWER_PASSWORD\n" in project.make("up").stderr


def test_a_failed_start_says_where_to_look(project: Project) -> None:
    done = project.make("up", "BROKER=rabbit", UP_STATUS="1")
    assert done.returncode != 0
    assert "  COMPOSE_FILE=docker-compose.rabbit.yaml docker compose logs --tail 50\n" in done.stderr
    assert "http://" not in done.stdout


def test_down_needs_no_env_file_and_keeps_the_volumes(project: Project) -> None:
    """It says which ones, and how to remove them."""
    done = project.make("down", COMPOSE_FILE="docker-compose.rabbit.yaml")
    assert done.returncode == 0, done.stderr
    assert " docker compose --project-name trinity down --remove-orphans" in project.asked
    assert "  docker volume rm trinity_ledger trinity_models\n" in done.stdout
    assert not project.env_file.exists()
