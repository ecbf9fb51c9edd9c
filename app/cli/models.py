"""models: what there is to fit, and what has been."""

from __future__ import annotations

import click

from app.cli.backend import Backend
from app.cli.options import backend, options
from app.cli.output import as_json, table

METRICS = ("r2", "rmse", "n")


@click.group(invoke_without_command=True)
@options
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
@click.pass_context
def models(ctx: click.Context, server: str | None, key_file: str | None, *, json_: bool) -> None:
    """List the models with their versions and metrics.

    The metrics are those of the latest version on the data of its fit.

    \b
    Examples: python -m app models
              python -m app models show polynomial 3
    """
    ctx.obj = (server, key_file, json_)
    if ctx.invoked_subcommand is not None:
        return
    place = backend(server, key_file)
    found = place.models()
    if json_:
        as_json(found)
        return
    rows = [[each["name"], len(each["versions"]), *_latest(place, each)] for each in found]
    table(["model", "versions", "latest", *METRICS, "created"], rows)


@models.command()
@click.argument("name")
@click.argument("version", required=False)
@options
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
@click.pass_obj
def show(
    obj: tuple[str | None, str | None, bool],
    name: str,
    version: str | None,
    server: str | None,
    key_file: str | None,
    *,
    json_: bool,
) -> None:
    """Show the model NAME, or its VERSION: a number or an alias such as latest.

    \b
    Example: python -m app models show polynomial latest
    """
    place = backend(server or obj[0], key_file or obj[1])
    found = place.model(name) if version is None else place.version(name, version)
    if json_ or obj[2]:
        as_json(found)
    elif version is None:
        found["params"] = {key: about.get("default") for key, about in found["params"].get("properties", {}).items()}
        table(["of the model", found.pop("name")], [pair for pair in found.items() if pair[0] != "links"])
    else:
        table(["of the version", f"{found['model']} {found['version']}"], list(found.items()))


def _latest(place: Backend, model: dict[str, object]) -> list[object]:
    """Return the number, metrics and time of the latest version; nothings before the first fit."""
    aliases = model["aliases"]
    if not isinstance(aliases, dict) or "latest" not in aliases:
        return [None] * (len(METRICS) + 2)
    found = place.version(str(model["name"]), "latest")
    metrics = [found["metrics"].get(name) for name in METRICS]
    return [found["version"], *metrics, str(found["created"])[:16].replace("T", " ")]
