"""The commands fit, predict and score: a verb on a CSV file, on the local store or on a server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.cli.backend import VerbResult
from app.cli.file_options import with_file
from app.cli.gate_options import gate_options
from app.cli.input_files import read
from app.cli.options import Backend, Command, json_option, with_backend
from app.cli.output import as_json, warn
from app.cli.results import print_fit, print_promotion, print_score
from app.cli.table_options import RESERVED, columns, with_table

if TYPE_CHECKING:
    from app.schemas.query import Query

version_option = click.option("--version", help="A version's number or alias; without it, the latest.")
weight_option = click.option("--weight", metavar="COLUMN", help="Column with the weights of the rows.")


def common_options(command: Command) -> Command:
    """Add the argument and options that all three commands have."""
    command = with_backend(json_option(with_file(with_table(command))))
    return click.option("--model", help="The model; without it, the default one.")(command)


def _params(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    """Return the parameters by name as texts, in the form of a query."""
    params: dict[str, str] = {}
    for text in texts:
        name, given, value = text.partition("=")
        if not name or not given:
            raise click.BadParameter(f"{text!r}: expected NAME=VALUE, such as degree=3")
        if name in RESERVED:
            raise click.BadParameter(f"{name} is not a parameter of a model")
        params[name] = value
    return params


@click.command()
@click.option("--target", multiple=True, help="Column to predict, required of a table; repeat it for several columns.")
@click.option("--estimator", help="Estimator of the model, at its first fit under a name of its own.")
@columns("inputs", "The inputs, with commas or repeated; without it, all other columns")
@columns("ignore", "Columns to leave out, with commas or repeated")
@weight_option
@gate_options
@click.option(
    "--param", "params", multiple=True, metavar="NAME=VALUE", callback=_params, help="A parameter of the model."
)
@common_options
def fit(
    source: Backend,
    content: bytes,
    model: str | None,
    estimator: str | None,
    query: Query,
    params: dict[str, str],
    held_out: Path | None,
    *,
    json_: bool,
    **gate: str | None,
) -> None:
    """Fit a model to FILE, and publish a new version.

    FILE is CSV, also packed by gzip, or - for standard input. Warnings go to standard error.

    \b
    Examples: python -m app fit tests/data/longley.csv --target employed --model multivariate
              python -m app fit rents.csv --target rent --ignore id,date --separator ';'
              python -m app fit rents.csv --target rent --model rents --estimator multivariate
              python -m app fit --file photos.zip --model detector --param threshold=0.4
              python -m app fit --file photos.zip --model detector --promote champion --promote-on held_out.zip
              python -m app fit june.csv --target rent --model rents --promote champion --promote-on held_out.csv
    """
    if "target" not in query:
        raise click.MissingParameter(ctx=click.get_current_context(), param_hint="'--target'", param_type="option")
    members = {name: value for name, value in {"estimator": estimator, **gate}.items() if value is not None}
    rows = None if held_out is None else read(held_out)
    done = source.run("fit", content, model, {**params, **query, **members}, rows)
    result = done.result
    warn(result.get("warnings", ()))
    if json_:
        as_json(done._asdict())
        return
    click.echo(f"{done.model} version {done.version}")
    print_fit(result)
    print_promotion(done.version, result)


@click.command()
@version_option
@columns("keep", "Columns of FILE to print beside, with commas or repeated")
@click.option(
    "--outputs", multiple=True, metavar="NAMES", help="What to predict: y, probabilities, with commas or repeated."
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Write to this file instead of standard output; with --file, the files of the result, several into a folder.",
)
@common_options
def predict(
    source: Backend, content: bytes, model: str | None, query: Query, output: Path | None, *, json_: bool
) -> None:
    """Print a prediction for each row of FILE, as CSV.

    FILE is CSV, also packed by gzip, or - for standard input. Its columns may be in any order, and may include the
    targets of the fit and the columns that it ignored.

    \b
    With --file it is a model whose input is a file, such as a picture, and --output takes the files of its result.

    \b
    Examples: python -m app predict new.csv --model multivariate --output predicted.csv
              python -m app predict --file street.jpg --model detector --option threshold=0.5
              python -m app predict new.csv --keep id
              python -m app predict new.csv --model logistic --outputs y,probabilities
    """
    if output is not None and output.is_dir():
        raise click.BadParameter(f"{output} is a directory", param_hint="'--output'")
    done = source.run("predict", content, model, query)
    text = json.dumps(done._asdict()) + "\n" if json_ else _csv(done, source)
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")


@click.command()
@click.option(
    "--target",
    multiple=True,
    help="Column with the true values; repeat it for several columns. Without it, the targets of the fit.",
)
@weight_option
@version_option
@common_options
def score(source: Backend, content: bytes, model: str | None, query: Query, *, json_: bool) -> None:
    """Compare the predictions of a version with the targets of FILE: R², RMSE, MAE.

    For a classifier it prints accuracy, F1, log loss, ROC AUC and the confusion matrix. FILE
    is CSV, also packed by gzip, or - for standard input.

    \b
    Examples: python -m app score test.csv --model multivariate --version 1
              python -m app score --file photos.zip --model detector
    """
    done = source.run("score", content, model, query)
    if json_:
        as_json(done._asdict())
        return
    click.echo(f"{done.model} version {done.version}")
    print_score(done.result)


def _csv(done: VerbResult, source: Backend) -> str:
    """Return the kept columns, the predictions, and probabilities, as CSV.

    These have the names of the outputs, or y, y1, y2 … if the key may not read the version.
    """
    from app.data.csv_writer import csv_of
    from app.errors import Forbidden
    from app.model.dataframes import default_names

    try:
        names = source.version(done.model, str(done.version))["schema"]["outputs"]
    except Forbidden:
        first = next(iter(done.result.get("y", ())), None)
        names = default_names("y", len(first) if isinstance(first, list) else 1)
    return csv_of(done.result, names)
