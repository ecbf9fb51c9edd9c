"""The commands fit, predict and score: a verb on a CSV file, on the local store or on a server."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any, BinaryIO

import click

from app.cli.backend import VerbResult
from app.cli.options import Backend, Command, json_option, with_backend
from app.cli.output import as_json, table

RESERVED = frozenset({"target", "model", "version", "timeout", "webhook"})
"""Query members of a CSV request with a meaning of their own; a server would not read them as parameters."""


def common_options(command: Command) -> Command:
    """Add the argument and options that all three commands have."""
    command = with_backend(json_option(command))
    command = click.option("--model", help="The model; without it, the default one.")(command)
    return click.argument("file", type=click.File("rb"))(command)


def _params(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> dict[str, Any]:
    """Return the parameters by name, each value decoded as JSON if that is possible, else as text."""
    params: dict[str, Any] = {}
    for text in texts:
        name, given, value = text.partition("=")
        if not name or not given:
            raise click.BadParameter(f"{text!r}: expected NAME=VALUE, such as degree=3")
        if name in RESERVED:
            raise click.BadParameter(f"{name} is not a parameter of a model")
        try:
            params[name] = json.loads(value)
        except ValueError:
            params[name] = value
    return params


@click.command()
@common_options
@click.option("--target", multiple=True, required=True, help="Column to predict; repeat it for several columns.")
@click.option(
    "--param", "params", multiple=True, metavar="NAME=VALUE", callback=_params, help="A parameter of the model."
)
def fit(
    source: Backend, file: BinaryIO, model: str | None, target: tuple[str, ...], params: dict[str, Any], *, json_: bool
) -> None:
    """Fit a model to FILE, and publish a new version.

    FILE is CSV with a header, or - for standard input. All columns except the targets are inputs.

    \b
    Example: python -m app fit tests/data/longley.csv --target employed --model multivariate
    """
    done = source.run("fit", file.read(), model, target=list(target), params=params)
    if json_:
        as_json(done._asdict())
        return
    result = done.result
    click.echo(f"{done.model} version {done.version}")
    table(["term", "coefficient"], list(zip(result["terms"], result["coefficients"], strict=False)))
    table(["metric", "value"], list(result["metrics"].items()))


@click.command()
@common_options
@click.option("--version", help="A version's number or alias; without it, the latest.")
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file instead of standard output."
)
def predict(
    source: Backend, file: BinaryIO, model: str | None, version: str | None, output: Path | None, *, json_: bool
) -> None:
    """Print a prediction for each row of FILE, as CSV.

    FILE is CSV with a header, or - for standard input. Its columns may be in any order, and may include the targets of
    the fit.

    \b
    Example: python -m app predict new.csv --model multivariate --output predicted.csv
    """
    done = source.run("predict", file.read(), model, target=None, version=version)
    text = json.dumps(done._asdict()) + "\n" if json_ else _csv(done, source)
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")


@click.command()
@common_options
@click.option(
    "--target", multiple=True, required=True, help="Column with the true values; repeat it for several columns."
)
@click.option("--version", help="A version's number or alias; without it, the latest.")
def score(
    source: Backend, file: BinaryIO, model: str | None, target: tuple[str, ...], version: str | None, *, json_: bool
) -> None:
    """Compare the predictions of a version with the targets of FILE: R², RMSE, MAE.

    FILE is CSV with a header, or - for standard input.

    \b
    Example: python -m app score test.csv --target employed --model multivariate --version 1
    """
    done = source.run("score", file.read(), model, target=list(target), version=version)
    if json_:
        as_json(done._asdict())
        return
    click.echo(f"{done.model} version {done.version}")
    table(["metric", "value"], list(done.result.items()))


def _csv(done: VerbResult, source: Backend) -> str:
    """Return predictions as CSV under the names of the outputs, or y, y1, y2 … if the key may not read the version."""
    from app.errors import Forbidden
    from app.model.dataframes import default_names

    rows = [row if isinstance(row, list) else [row] for row in done.result["y"]]
    try:
        names = source.version(done.model, str(done.version))["schema"]["outputs"]
    except Forbidden:
        names = default_names("y", len(rows[0]))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([repr(value) for value in row] for row in rows)
    return out.getvalue()
