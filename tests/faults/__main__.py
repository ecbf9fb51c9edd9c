"""`python -m tests.faults [--long] [--times N] [--broker BROKER] [--only NAME …] [--without SAFEGUARD] [--seed N]`

Injects faults into a running stack, compares the ledger with the answers that clients got, and prints one table. The
exit code is 1 when a job was lost, done twice, made up or changed after its end, or a limit was exceeded.
"""

import argparse
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from tests.faults.faults import FAULTS, SAFEGUARDS
from tests.faults.run import Row, run_fault
from tests.faults.running_stack import BROKERS, Broker, RunningStack
from tests.faults.table import table

LONG, LONG_HEAVY = 20, 3
REPORT = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"


def main() -> int:
    """Run what was asked for."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started is ended on every way out
    arguments = _arguments()
    rows = _run(arguments.broker, arguments) if arguments.broker else _run_both(sys.argv[1:])
    rows.sort(key=lambda row: (list(FAULTS).index(row.fault), BROKERS.index(row.broker)))
    print(table(rows), flush=True)
    if arguments.report:
        _write_report(rows)
    return int(not rows or not all(row.ok for row in rows))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--long", action="store_true", help=f"{LONG} injections each ({LONG_HEAVY} of the heavy ones)")
    parser.add_argument("--times", type=int, help="how many injections of each instead, at the sizes of --long or not")
    parser.add_argument("--broker", choices=BROKERS, help="one broker alone; both, side by side, by default")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=FAULTS, help=", ".join(FAULTS))
    parser.add_argument("--without", choices=SAFEGUARDS, default="", help="take a safeguard out: rows must turn red")
    parser.add_argument("--seed", type=int, default=1, help="of all randomness")
    parser.add_argument("--rows", type=Path, help="a file that gets each row as a line of JSON when it is done")
    parser.add_argument("--lock", type=Path, help="a file, the same for runs side by side: one at a time measures")
    parser.add_argument("--report", action="store_true", help=f"write {REPORT.parent.name}/{REPORT.name}")
    return parser.parse_args()


def _run_both(words: list[str]) -> list[Row]:
    """Each broker in a process of its own, side by side."""
    with tempfile.TemporaryDirectory(prefix="trinity-faults-") as folder:
        files = [Path(folder) / broker for broker in BROKERS]
        words = [word for word in words if word != "--report"]
        command = [sys.executable, "-m", "tests.faults", *words, "--lock", Path(folder) / "lock"]
        runs = [
            subprocess.Popen([*command, "--broker", path.name, "--rows", path], stdout=subprocess.DEVNULL)
            for path in files
        ]
        try:
            for run in runs:
                run.wait()
        finally:
            for run in runs:
                run.terminate()
                run.wait()
        lines = [line for path in files if path.exists() for line in path.read_bytes().splitlines()]
        return [msgspec.json.decode(line, type=Row) for line in lines]


def _run(broker: Broker, arguments: argparse.Namespace) -> list[Row]:
    """All rows of one broker, on one stack."""
    rows = []
    prefix = f"trinity-faults-{broker}-"
    with (
        tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as folder,
        RunningStack(broker, Path(folder), arguments.without, arguments.lock) as stack,
    ):
        for name in arguments.only or FAULTS:
            fault = FAULTS[name]
            times = arguments.times or ((LONG_HEAVY if fault.heavy else LONG) if arguments.long else 1)
            row = run_fault(
                stack, name, fault.inject, times=times, seed=arguments.seed, long=arguments.long, timed=fault.timed
            )
            _print_row(row, arguments.rows)
            rows.append(row)
    return rows


def _print_row(row: Row, rows: Path | None) -> None:
    word = "ok " if row.ok else "RED"
    lines = [f"{word} {row.fault} on {row.broker}: {row.acknowledged} acknowledged, {row.took_s:.1f} s"]
    print("\n".join([*lines, *(f"      {text}" for text in row.failures[:12])]), file=sys.stderr, flush=True)
    if rows:
        with rows.open("ab") as file:
            file.write(msgspec.json.encode(row) + b"\n")


def _write_report(rows: list[Row]) -> None:
    """Keep the table beside the command that made it."""
    options = " ".join(sys.argv[1:])
    jobs, times = sum(row.acknowledged for row in rows), sum(row.injections for row in rows)
    text = [
        "# Reliability",
        "",
        "*No accepted job is lost while the ledger's disk survives; at-least-once execution, at-most-once effect.*",
        "",
        f"Made by `python -m tests.faults {options}` (`make faults`): {times:,} injections, {jobs:,} acknowledged.",
        "A client writes each attempt and each 2xx to its disk, fits write their starts to theirs; after healing, all",
        "is compared with the ledger and the store. *Lost*: acknowledged, and not in the final state that it should",
        "have, or without the version it speaks of. *Duplicate effects*: two versions for a job, two jobs",
        "for a key. *Phantom*: a job or an effect without a request. *Terminal flap*: a final state or result",
        "that changed later. Each fault defines its recovery in `tests/faults/injections_*.py`.",
        "",
        table(rows),
        "",
    ]
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text("\n".join(text), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
