"""A running stack to inject faults into: ledger, broker, web and the two workers of the compose file."""

import fcntl
import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Literal, Self

import yaml
from redis import Redis

from app.settings import Settings
from tests.faults.disk import Disk
from tests.faults.parts import Part
from tests.faults.wire import Wire
from tests.support import servers
from tests.support.servers import BIN, ROOT, Launch, free_port

Broker = Literal["redis", "rabbit"]
BROKERS: tuple[Broker, ...] = ("redis", "rabbit")
LEASE_S = 2
MODELS = "app.model.models,tests.faults.models"
STORE_BYTES = 256 * 1024 * 1024
LEDGER_BYTES = 512 * 1024 * 1024  # sparse; Redis rewrites its log at 64 MiB, and needs as much beside it


class RunningStack:
    """Its parts, and what its clients must know: `url`, and `effects`, the file in which fits note their starts."""

    def __init__(self, broker: Broker, folder: Path, sabotage: str = "", lock: Path | None = None) -> None:
        """`lock` is a file that the stacks beside this one have, too."""
        self.kind, self.folder = broker, folder
        self._lock = lock or folder / "lock"
        self.effects = folder / "effects.log"
        self.store = Disk(folder / "store", STORE_BYTES)
        self.ledger_disk = Disk(folder / "ledger", LEDGER_BYTES, durable=True)
        self.tags: set[str] = set()  # of all requests to this stack: lost jobs may still appear
        self._resources = ExitStack()
        self._sabotage = sabotage
        self._settings: dict[str, str] = {}
        self.modules = MODELS

    def __enter__(self) -> Self:
        with ExitStack() as resources:
            for disk in (self.store, self.ledger_disk):
                resources.enter_context(disk)
            self.ledger_disk.unsynced = self._sabotage == "fsync"
            fsync = "no" if self.ledger_disk.unsynced else "always"
            launch = servers.valkey_launch(self.ledger_disk.folder, fsync)
            self.ledger = self._own(resources, Part("ledger", self.folder, launch))
            self.ledger.start()
            self.broker = self._own(resources, self._make_broker(resources))
            self.start_broker()
            self.ledger_wire, self.broker_wire = Wire(self.ledger.url), Wire(self.broker.url)
            for wire in (self.ledger_wire, self.broker_wire):
                resources.callback(wire.close)
            self.redis = Redis.from_url(f"{self.ledger.url}/0")
            resources.callback(self.redis.close)
            if self._sabotage in ("fence", "reconciler", "idempotency"):
                self.modules += f",tests.faults.without.{self._sabotage}"
            self._port = free_port()
            self.web = self._own(resources, Part("web", self.folder, self._web()))
            self.worker1, self.worker2 = (self._own(resources, self._worker(n)) for n in (1, 2))
            self.start_services()
            self._resources = resources.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._resources.close()

    @property
    def url(self) -> str:
        return self.web.url

    @property
    def workers(self) -> tuple[Part, Part]:
        return self.worker1, self.worker2

    @property
    def services(self) -> tuple[Part, Part, Part]:
        return self.web, self.worker1, self.worker2

    @property
    def parts(self) -> tuple[Part, ...]:
        return self.ledger, self.broker, *self.services

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep the stacks beside this one from starting programs and from measuring times; first wait until none does.

        A start takes all processors for a while. Calls must not be nested: the inner one would wait for the outer one.
        """
        with self._lock.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def start_services(self) -> None:
        """Start what isn't running of web and workers, at the same time."""
        with nullcontext() if all(part.runs for part in self.services) else self.alone():
            for part in self.services:
                part.start(wait=False)
            for part in self.services:
                part.await_ready()

    def start_broker(self) -> None:
        """Start the broker, unless it runs."""
        with self.alone():
            self.broker.start()

    def restart_with(self, modules: str = "", **settings: str) -> None:
        """Start web and workers anew with more modules of models and other settings; without any, as at first."""
        self._settings = settings
        given, self.modules = self.modules, f"{self.modules},{modules}" if modules else self.modules
        launches = [self._web(), self._worker(1).launch, self._worker(2).launch]
        self.modules = given
        for part, launch in zip(self.services, launches, strict=True):
            part.kill()
            part.launch = launch
        self.start_services()

    @contextmanager
    def spare_worker(self) -> Iterator[Part]:
        """A third worker on all lanes, as worker 1 is, for a while."""
        spare = Part("worker3", self.folder, self._worker(1).launch)
        command = [str(word).replace("worker1@", "worker3@") for word in spare.launch.command]
        spare.launch = replace(spare.launch, command=command)
        try:
            spare.start()
            yield spare
        finally:
            spare.stop()

    def heal(self) -> None:
        """Undo whatever was done: everything runs, nothing is frozen, cut off or full."""
        self.store.empty()
        for part in self.parts:
            part.thaw()
        self.ledger.start()
        self.start_broker()
        for wire in (self.ledger_wire, self.broker_wire):
            wire.heal()
        self.start_services()
        self.ledger_disk.sync()

    def power_cut(self) -> None:
        """The ledger's machine loses its power: what was not synced to its disk is gone. It is not started again."""
        self.ledger.freeze()
        with self.ledger_disk.power_cut():
            self.ledger.kill()

    def wipe_broker(self) -> None:
        """All messages are gone; a broker that was wiped knows no queue either."""
        if self.kind == "redis":
            with Redis.from_url(self.broker.url) as broker:
                broker.flushall()
            return
        self.broker.kill()
        shutil.rmtree(self.folder / "rabbitmq" / "mnesia")
        self.start_broker()

    def waiting(self) -> int:
        """How many jobs wait or run."""
        sets = ("trinity:lane:fit", "trinity:lane:predict", "trinity:lane:score", "trinity:leases", "trinity:pending")
        return sum(int(self.redis.zcard(name)) for name in sets)  # type: ignore[arg-type]

    def web_bytes(self) -> int:
        """The resident memory of all web processes."""
        return sum(child.memory_info().rss for child in self.web.children())

    def settle(self, deadline_s: float = 20) -> None:
        """Wait until the stack is ready; TimeoutError with the ends of all logs."""
        try:
            servers.until(lambda: servers.responds(f"{self.url}/health/ready"), "the stack to be ready", deadline_s)
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{self.log()}") from error

    def log(self) -> str:
        return "\n".join(part.tail() for part in self.parts)

    def _own(self, resources: ExitStack, part: Part) -> Part:
        resources.callback(part.kill)
        return part

    def _make_broker(self, resources: ExitStack) -> Part:
        folder = self.folder / ("rabbitmq" if self.kind == "rabbit" else "broker")
        folder.mkdir(parents=True)
        if self.kind == "redis":
            return Part("broker", self.folder, servers.valkey_launch(folder))
        mapper_port = resources.enter_context(servers.epmd(folder))
        return Part("broker", self.folder, servers.rabbitmq_launch(folder, mapper_port))

    def _environment(self) -> dict[str, str]:
        quick = {"LEASE": str(LEASE_S), "MAX_PENDING": "20000"} | self._settings
        known = {f"TRINITY_{key}": value for key, value in quick.items() if key.lower() in Settings.__struct_fields__}
        broker = self.broker_wire.url if self.kind == "rabbit" else f"{self.broker_wire.url}/0"
        urls = {"TRINITY_BROKER_URL": broker, "TRINITY_LEDGER_URL": f"{self.ledger_wire.url}/0"}
        rest = {"TRINITY_MODE": "async", "TRINITY_STORE": str(self.store.folder), "TRINITY_MODELS": self.modules}
        return {**known, **urls, **rest, "WEB_CONCURRENCY": "2"}

    def _web(self) -> Launch:
        return servers.gunicorn_launch("app:api", self._environment(), self._port)

    def _worker(self, number: int) -> Part:
        """A worker with the literal command of the compose file; on the ledger itself, for the wire is the web's."""
        environment = self._environment() | {"TRINITY_LEDGER_URL": f"{self.ledger.url}/0"}
        command = _command(f"celery-worker{number}")
        return Part(f"worker{number}", self.folder, servers.worker_launch(command, environment))


def _command(service: str) -> list[str | Path]:
    """What a service of docker-compose.yaml runs, its defaults filled in."""
    text = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())["services"][service]["command"]
    program, *arguments = shlex.split(re.sub(r"\$\{\w+:-(\w+)\}", r"\1", text))
    return [BIN / program, *arguments]
