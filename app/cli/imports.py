"""The command import: publish the file of a model that was fitted elsewhere as the next version of a model."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from app.cli.input_files import FILE, STDIN, on_disk
from app.cli.options import Backend, json_option, with_backend
from app.cli.output import as_json, table, warn

SHOWN = ("format", "task", "classes", "inputs", "stacks", "held_bytes", "load_seconds")


@click.command("import")
@click.argument("file", type=FILE)
@click.option("--name", required=True, help="The model; it need not exist.")
@click.option("--sample", type=FILE, help="CSV file with rows that the model can predict.")
@click.option("--format", help="skops, onnx, xgboost or lightgbm; by default found from the first bytes.")
@click.option("--columns", help="Names of the columns in order, with commas, for files that do not name them.")
@click.option("--classes", help="Labels in order, with commas, for files that do not contain them.")
@click.option("--kind", help="regressor or classifier, for files that do not state it.")
@click.option("--ignore", help="Columns of the sample that are not inputs, with commas.")
@click.option("--strict", is_flag=True, help="Refuse a file that another version of its library wrote.")
@json_option
@with_backend
def import_(
    source: Backend,
    file: Path,
    name: str,
    sample: Path | None,
    *,
    json_: bool,
    strict: bool,
    **members: str | None,
) -> None:
    """Import FILE, a model fitted with scikit-learn (skops), XGBoost or LightGBM, or in ONNX, as a new version.

    FILE is first tried out in a process of its own, with the rows of the sample.

    \b
    Examples: python -m app import churn.skops --name churn --sample rows.csv
              python -m app import price.ubj --name price --classes no,yes
    """
    query = {key: value for key, value in members.items() if value is not None} | ({"strict": "true"} if strict else {})
    with ExitStack() as resources:
        path = resources.enter_context(on_disk(file))
        sample_path = None if sample is None else resources.enter_context(on_disk(sample))
        done = source.import_file(name, path, "" if file == STDIN else file.name, sample_path, query)
    if json_:
        as_json(done.result)
    else:
        click.echo(f"{done.model} version {done.version}")
        rows = [(key, _shown(done.result.get(key))) for key in SHOWN if done.result.get(key) is not None]
        table(["", "found"], rows)
    warn(done.result["warnings"])


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
