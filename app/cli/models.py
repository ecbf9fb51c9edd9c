"""The command models: list the models, show a model or a version."""

from __future__ import annotations

from typing import Any

import click

from app.cli.exports import TRANSFERS
from app.cli.options import Backend, Connection, backend, json_option, with_backend, with_connection
from app.cli.output import as_json, table, text
from app.cli.registry import COMMANDS, alias

METRICS = ("r2", "rmse", "accuracy", "n")


@click.group(invoke_without_command=True)
@with_connection
@json_option
@click.pass_context
def models(ctx: click.Context, connection: Connection, *, json_: bool) -> None:
    """List the models with their versions and metrics.

    The metrics are those of the latest version on the data of its fit.

    \b
    Examples: python -m app models
              python -m app models show polynomial 3
    """
    defaults = {**connection._asdict(), "json_": json_}
    ctx.default_map = dict.fromkeys(["show", *(str(each.name) for each in COMMANDS)], defaults)
    ctx.default_map["alias"] = dict.fromkeys(alias.commands, defaults)
    if ctx.invoked_subcommand is not None:
        return
    source = backend(connection)
    found = source.models()
    if json_:
        as_json(found)
        return
    rows = [[each["name"], len(each["versions"]), *_latest(source, each)] for each in found]
    table(["model", "versions", "latest", *METRICS, "created"], rows)


@models.command()
@click.argument("name")
@click.argument("version", required=False)
@with_backend
@json_option
def show(source: Backend, name: str, version: str | None, *, json_: bool) -> None:
    """Show the model NAME, or its VERSION: a number or an alias such as latest.

    \b
    Example: python -m app models show polynomial latest
    """
    found = source.models(name) if version is None else source.version(name, version)
    if json_:
        as_json(found)
    elif version is None:
        found["params"] = {key: about.get("default") for key, about in found["params"].get("properties", {}).items()}
        table(["model", found.pop("name")], [pair for pair in found.items() if pair[0] != "links"])
    else:
        schema = found.pop("schema")
        found["predicts"] = found.pop("outputs", None)
        found |= {"outputs": schema["outputs"], "left out": schema.get("unused")}
        table(["version", f"{found['model']} {found['version']}"], list(found.items()))
        table(["input", "kind", "in the fit"], _inputs(schema))


for _command in (*COMMANDS, *TRANSFERS):
    models.add_command(_command)


def _inputs(schema: dict[str, Any]) -> list[list[str]]:
    """Return name, kind and values of each input; inputs of versions from earlier releases are numbers."""
    from app.schemas.columns import Column
    from app.schemas.decoding import convert
    from app.schemas.wording import seen

    columns = schema.get("columns") or [{"name": name, "kind": "number"} for name in schema["inputs"]]
    converted = [convert(column, Column) for column in columns]
    return [[column.name, column.kind, seen(column, text)] for column in converted]


def _latest(source: Backend, model: dict[str, object]) -> list[object]:
    """Return the number, metrics and time of the latest version; None for each before the first fit."""
    aliases = model["aliases"]
    if not isinstance(aliases, dict) or "latest" not in aliases:
        return [None] * (len(METRICS) + 2)
    found = source.version(str(model["name"]), "latest")
    metrics = [found["metrics"].get(name) for name in METRICS]
    return [found["version"], *metrics, str(found["created"])[:16].replace("T", " ")]
