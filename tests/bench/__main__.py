"""`python -m tests.bench [name…]`: runs the benchmarks, all by default, and prints one table."""

import argparse
import sys
from collections.abc import Callable

from tests.bench import (
    batching,
    bulk,
    csv_table,
    fit,
    keepalive,
    npy,
    ping,
    predict,
    queued,
    request_telemetry,
    start,
    waiting,
)
from tests.bench.report import Figure, progress, table

BENCHMARKS: dict[str, Callable[[], list[Figure]]] = {
    module.__name__.rpartition(".")[2]: module.run
    for module in (
        predict,
        request_telemetry,
        bulk,
        csv_table,
        npy,
        start,
        fit,
        keepalive,
        ping,
        waiting,
        queued,
        batching,
    )
}


def main() -> int:
    """Run the chosen benchmarks; return 1 only with --check, if a target is not met or a benchmark fails."""
    arguments = _arguments()
    figures: list[Figure] = []
    for name in arguments.names or BENCHMARKS:
        progress(f"{name}: {(sys.modules[f'tests.bench.{name}'].__doc__ or '').strip()}")
        figures += _run(name)
    progress("\n" + table(figures))
    return int(arguments.check and any(figure.ok is False for figure in figures))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"which to run: {', '.join(BENCHMARKS)}")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a target isn't met")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - BENCHMARKS.keys():
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    return arguments


def _run(name: str) -> list[Figure]:
    """The figures of one benchmark; an exception is reported, and the others continue."""
    try:
        return BENCHMARKS[name]()
    except (OSError, RuntimeError) as error:
        progress(f"  failed: {error}")
        return [Figure(name, "failed, see above", ok=False)]


if __name__ == "__main__":
    sys.exit(main())
