"""The rows as a table that is both read in a terminal and kept as Markdown."""

from collections.abc import Sequence

from tests.faults.run import Row

HEAD = ["fault", "broker", "injections", "acknowledged", "lost", "duplicate effects", "phantom", "terminal flap"]
HEAD += ["recovery p50 s", "p95 s", "ok", "figure"]


def table(rows: Sequence[Row]) -> str:
    """All rows under their heads, the columns aligned."""
    lines = [HEAD, *map(_cells, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    texts = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    texts.insert(1, "| " + " | ".join("-" * width for width in widths) + " |")
    return "\n".join(texts)


def _cells(row: Row) -> list[str]:
    counts = [row.injections, row.acknowledged, row.lost, row.duplicates, row.phantoms, row.flaps]
    times = ["" if value is None else f"{value:.1f}" for value in (row.p50_s, row.p95_s)]
    return [row.fault, row.broker, *map(str, counts), *times, "yes" if row.ok else "NO", "; ".join(row.figures)]
