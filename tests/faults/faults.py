"""The list of faults, in the order of the table."""

from typing import NamedTuple

from tests.faults import injections_clients as clients
from tests.faults import injections_files as files
from tests.faults import injections_parts as parts
from tests.faults import injections_processes as processes
from tests.faults import injections_registry as registry
from tests.faults.run import Injection
from tests.faults.running_stack import BROKERS, Broker


class Fault(NamedTuple):
    """A row; `heavy` ones are injected less often in the long set, each being thousands of requests or many faults."""

    inject: Injection
    heavy: bool = False
    any_broker: bool = False
    """Whether no message of a broker takes part; the quick set has such a fault on one stack."""


FAULTS = {
    "web-killed-mid-fit": Fault(processes.web_killed_mid_fit),
    "web-killed-before-202": Fault(processes.web_killed_before_202),
    "child-killed": Fault(processes.child_killed),
    "child-stopped": Fault(processes.child_stopped),
    "worker-killed": Fault(processes.worker_killed),
    "fetch-window": Fault(processes.fetch_window),
    "frozen-worker": Fault(processes.frozen_worker),
    "worker-terminated": Fault(processes.worker_terminated),
    "group-stopped": Fault(processes.group_stopped),
    "cancel-running": Fault(processes.cancel_running),
    "cancel-retried": Fault(processes.cancel_retried),
    "web-reloaded": Fault(processes.web_reloaded, heavy=True),
    "broker-killed": Fault(parts.broker_killed),
    "broker-wiped": Fault(parts.broker_wiped),
    "broker-partitioned": Fault(parts.broker_partitioned),
    "broker-slowed": Fault(parts.broker_slowed),
    "ledger-killed": Fault(parts.ledger_killed),
    "ledger-power-cut": Fault(parts.ledger_power_cut),
    "disk-full": Fault(parts.disk_full),
    "artefact-corrupt": Fault(parts.artefact_corrupt, any_broker=True),
    "promotion-killed": Fault(registry.promotion_killed, any_broker=True),
    "alias-race": Fault(registry.alias_race, any_broker=True),
    "registry-disk-full": Fault(registry.registry_disk_full, any_broker=True),
    "clock-jump": Fault(parts.clock_jump),
    "duplicate-posts": Fault(clients.duplicate_posts, any_broker=True),
    "retry-storm": Fault(clients.retry_storm),
    "file-worker-killed": Fault(files.file_worker_killed),
    "file-broker-killed": Fault(files.file_broker_killed),
    "file-web-killed": Fault(files.file_web_killed),
    "file-cancelled": Fault(files.file_cancelled),
    "poison": Fault(processes.poison),
    "long-job": Fault(processes.long_job),
    "disconnects": Fault(clients.disconnects, heavy=True, any_broker=True),
    "long-queue": Fault(clients.long_queue, heavy=True),
    "overload": Fault(clients.overload, heavy=True),
    "slowloris": Fault(clients.slowloris, heavy=True, any_broker=True),
    "lying-bodies": Fault(clients.lying_bodies, heavy=True, any_broker=True),
    "malformed-json": Fault(clients.malformed_json, heavy=True, any_broker=True),
}


def faults_of(broker: Broker, *, long: bool) -> list[str]:
    """The names of the faults of one broker's stack: all in the long set."""
    return [name for name, fault in FAULTS.items() if long or broker == BROKERS[0] or not fault.any_broker]


SAFEGUARDS = ("fence", "reconciler", "fsync", "idempotency")
