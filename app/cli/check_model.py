"""The command check-model: check a model against the contract of models, and print findings and advice."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from app.cli.errors import CommandFailed
from app.cli.options import json_option
from app.cli.output import as_json, table

if TYPE_CHECKING:
    from app.service.contract.findings import Report
    from app.service.contract.subject import Subject
    from app.settings import Settings

FITTED = frozenset({".skops", ".onnx", ".ubj", ".json", ".xgb", ".txt", ".lgb", ".pkl", ".joblib"})
"""Suffixes of files of fitted models; two of them are refused with advice."""


def _params(_: click.Context, __: click.Parameter, text: str) -> dict[str, Any]:
    try:
        params = json.loads(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is not JSON: {error}") from None
    if not isinstance(params, dict):
        raise click.BadParameter('expected an object, such as {"degree": 3}')
    return params


@click.command("check-model")
@click.argument("model", metavar="NAME|FILE")
@click.option("--params", default="{}", metavar="JSON", callback=_params, help="Its parameters, as an object.")
@click.option(
    "--data",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV file of rows to fit; without it, dummy data.",
)
@click.option("--target", multiple=True, help="Column of that file to predict; repeat it for several columns.")
@click.option(
    "--file",
    "files",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="For a model whose input is a file: a zip file or a folder to fit, or a file to predict; repeat it for more.",
)
@click.option("--timeout", type=click.FloatRange(1), default=60.0, show_default=True, help="Seconds for each check.")
@json_option
@click.pass_context
def check_model(
    ctx: click.Context,
    model: str,
    params: dict[str, Any],
    data: Path | None,
    target: tuple[str, ...],
    files: tuple[Path, ...],
    timeout: float,
    *,
    json_: bool,
) -> None:
    """Check that a model fulfils the contract of the service, and print what to do.

    NAME is one of TRINITY_MODELS, or MODULE:OBJECT; FILE is a file of Python, also as FILE:OBJECT, or one of a fitted
    model (.skops, .onnx, .ubj, .txt), for which the columns --target of --data are left out. A model whose input is a
    file is fitted to the zip file or folder of --file, or to none, and predicts the other files of --file; without
    these the first ones of the zip file that it takes. Each check runs in a process of its own, under limits of time
    and memory. Exit code 1 if a check failed that a model must pass.

    \b
    Examples: python -m app check-model polynomial --params '{"degree": 3}'
              python -m app check-model mymodel.py
              python -m app check-model mymodels:churn --data rows.csv --target churn
              python -m app check-model shelves.py --file sea.zip --file mast.txt
    """
    from app.settings import load

    settings = load()
    if files and (data or target or Path(model).suffix in FITTED):
        raise click.UsageError("--file is for a model whose input is a file, and does not go with rows")
    if Path(model).suffix in FITTED:
        report = _check_fitted(settings, Path(model), data, list(target))
    elif bool(data) != bool(target):
        raise click.UsageError("--data and --target go together")
    else:
        report = _check_estimator(settings, model, params, data, list(target), files, timeout)
    _show(ctx, report, json_=json_)


def _show(ctx: click.Context, report: Report, *, json_: bool) -> NoReturn:
    """Print a report and end the command."""
    import msgspec

    if json_:
        as_json({**msgspec.to_builtins(report), "failed": len(report.failures)})
    else:
        click.echo(f"{report.subject}" + (f" ({report.task})" if report.task else ""))
        rows = [[each.check, each.result, each.figure, each.advice] for each in report.findings]
        table(["check", "result", "found", "what to do"], rows)
    ctx.exit(int(bool(report.failures)))


def _check_estimator(
    settings: Settings,
    name: str,
    params: dict[str, Any],
    rows: Path | None,
    target: list[str],
    files: Sequence[Path],
    timeout_s: float,
) -> Report:
    """Check a model that is not fitted yet; raise CommandFailed if its file does not exist."""
    import msgspec

    from app.bootstrap import names
    from app.model.isolation.isolated_calls import CallLimits
    from app.service.contract import contract

    subject = msgspec.structs.replace(
        _subject(name, names(settings.models)),
        params=params,
        rows=str(rows.resolve()) if rows else "",
        target=target,
        files=[str(path.resolve()) for path in files],
        trusted_types=names(settings.trusted_types),
    )
    return contract.check_model(subject, CallLimits(settings.import_memory, timeout_s))


def _check_fitted(settings: Settings, file: Path, rows: Path | None, ignore: list[str]) -> Report:
    """Check a file that a library wrote; raise CommandFailed if it does not exist."""
    if not file.is_file():
        raise CommandFailed(f"{file}: no such file", 2)
    from app.bootstrap import build
    from app.model.isolation.isolated_calls import CallLimits, IsolatedCalls
    from app.service.contract.fitted_files import check_fitted_file
    from app.service.importing import PRELOAD, Importer

    components = build(settings)
    approved = components.service.models.approved
    calls = IsolatedCalls(CallLimits(settings.import_memory, settings.import_timeout), PRELOAD)
    importer = Importer(
        components.store, components.payloads, calls, approved=approved, max_loaded_bytes=settings.max_loaded
    )
    try:
        return check_fitted_file(importer, file.resolve(), rows, ignore)
    finally:
        importer.close()


def _subject(text: str, modules: list[str]) -> Subject:
    """Return the object that an argument names; raise CommandFailed for a missing file."""
    from app.service.contract.subject import Subject, module_of

    where, _, name = text.partition(":")
    if where.endswith(".py"):
        if not Path(where).is_file():
            raise CommandFailed(f"{where}: no such file", 2)
        folder, module = module_of(Path(where))
        return Subject(modules=[module], folder=folder, name=name)
    if name:
        return Subject(modules=[where], name=name)
    return Subject(modules=modules, name=where)
