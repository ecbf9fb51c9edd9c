"""The list of faults, in the order of the table."""

from typing import NamedTuple

from tests.faults import injections_clients as clients
from tests.faults import injections_files as files
from tests.faults import injections_parts as parts
from tests.faults import injections_processes as processes
from tests.faults import injections_registry as registry
from tests.faults.run import Injection


class Fault(NamedTuple):
    """A row.

    `heavy` ones are injected less often in the long set, each being thousands of requests or many faults. `timed` ones
    limit how long something takes: meanwhile the stack beside them starts nothing and measures nothing.
    """

    inject: Injection
    heavy: bool = False
    timed: bool = False


FAULTS = {
    "web-killed-mid-fit": Fault(processes.web_killed_mid_fit),
    "web-killed-before-202": Fault(processes.web_killed_before_202),
    "child-killed": Fault(processes.child_killed, timed=True),
    "child-stopped": Fault(processes.child_stopped, timed=True),
    "worker-killed": Fault(processes.worker_killed, timed=True),
    "fetch-window": Fault(processes.fetch_window),
    "frozen-worker": Fault(processes.frozen_worker),
    "worker-terminated": Fault(processes.worker_terminated),
    "group-stopped": Fault(processes.group_stopped, timed=True),
    "cancel-running": Fault(processes.cancel_running, timed=True),
    "cancel-retried": Fault(processes.cancel_retried, timed=True),
    "web-reloaded": Fault(processes.web_reloaded, heavy=True),
    "broker-killed": Fault(parts.broker_killed),
    "broker-wiped": Fault(parts.broker_wiped),
    "broker-partitioned": Fault(parts.broker_partitioned),
    "broker-slowed": Fault(parts.broker_slowed),
    "ledger-killed": Fault(parts.ledger_killed, timed=True),
    "ledger-power-cut": Fault(parts.ledger_power_cut),
    "disk-full": Fault(parts.disk_full),
    "artefact-corrupt": Fault(parts.artefact_corrupt),
    "promotion-killed": Fault(registry.promotion_killed),
    "alias-race": Fault(registry.alias_race),
    "registry-disk-full": Fault(registry.registry_disk_full),
    "clock-jump": Fault(parts.clock_jump),
    "duplicate-posts": Fault(clients.duplicate_posts),
    "retry-storm": Fault(clients.retry_storm),
    "file-worker-killed": Fault(files.file_worker_killed, timed=True),
    "file-broker-killed": Fault(files.file_broker_killed),
    "file-web-killed": Fault(files.file_web_killed),
    "file-cancelled": Fault(files.file_cancelled, timed=True),
    "poison": Fault(processes.poison),
    "long-job": Fault(processes.long_job),
    "disconnects": Fault(clients.disconnects, heavy=True, timed=True),
    "long-queue": Fault(clients.long_queue, heavy=True),
    "overload": Fault(clients.overload, heavy=True),
    "slowloris": Fault(clients.slowloris, heavy=True, timed=True),
    "lying-bodies": Fault(clients.lying_bodies, heavy=True),
    "malformed-json": Fault(clients.malformed_json, heavy=True),
}
SAFEGUARDS = ("fence", "reconciler", "fsync", "idempotency")
