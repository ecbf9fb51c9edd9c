"""A real PostgreSQL on a free port, with its data in a folder of its own."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from tests.support.servers import Launch, free_port, served

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
ACCOUNT = "postgres"  # the server refuses to run as root; Debian's package makes this account


def missing_postgres() -> str:
    """What is missing to run PostgreSQL here, or an empty text."""
    return "" if _program("postgres") else "PostgreSQL is not installed (apt-get install postgresql)"


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """The URL of a running server's database, for SQLAlchemy; its log is in `folder`."""
    prefix = ["runuser", "-u", ACCOUNT, "--"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory(prefix="postgres") as home:  # tests' own folders are closed to other accounts
        data = Path(home) / "data"
        data.mkdir()
        if prefix:
            shutil.chown(home, ACCOUNT)
            shutil.chown(data, ACCOUNT)
        init = [*prefix, _program("initdb"), "--pgdata", data, "--auth", "trust", "--username", "places", "--no-sync"]
        subprocess.run([*init, "--encoding", "UTF8"], check=True, capture_output=True, cwd="/")

        def launch() -> Launch:
            port = free_port()
            options = ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off"]
            command = [*prefix, _program("postgres"), "-D", data, "-p", str(port), *options]
            return Launch(command, str(port), lambda _: _accepts(port), {})

        with served("postgres", folder, launch) as server:
            yield _uri(int(server.url)).replace("://", "+psycopg://", 1)


def _program(name: str) -> str:
    found = [folder / name for folder in PROGRAMS if (folder / name).exists()]
    return str(found[-1]) if found else shutil.which(name) or ""


def _accepts(port: int) -> bool:
    """Whether it takes connections: while it starts, it listens already and refuses them."""
    with suppress(psycopg.OperationalError), psycopg.connect(_uri(port), connect_timeout=2):
        return True
    return False


def _uri(port: int) -> str:
    return f"postgresql://places@127.0.0.1:{port}/postgres"
