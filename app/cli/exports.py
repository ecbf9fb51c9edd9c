"""The subcommands `models export` and `models import`: move a version from one store to another, as one file."""

from __future__ import annotations

from pathlib import Path

import click

from app.cli.errors import CommandFailed
from app.cli.options import json_option
from app.cli.output import as_json, warn

ENDING = ".trinity.zip"


@click.command("export")
@click.argument("name")
@click.argument("version")
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.pass_context
def export(ctx: click.Context, name: str, version: str, file: Path | None) -> None:
    """Write VERSION of the model NAME, a number or an alias, to FILE.

    FILE is NAME-VERSION.trinity.zip by default, and is not overwritten. It is signed if TRINITY_EXPORT_KEY is set.

    \b
    Example: python -m app models export polynomial champion
    """
    _require_local(ctx)
    from app.bootstrap import build
    from app.schemas.requests import parse_version
    from app.service.transfer.transfers import export_version
    from app.settings import load

    components = build(load())
    components.service.model(name)
    number = components.store.resolve(name, parse_version(version))
    key = components.settings.export_key
    content = export_version(components.store, name, number, key)
    path = file or Path(f"{name}-{number}{ENDING}")
    try:
        with path.open("xb") as opened:
            opened.write(content)
    except FileExistsError:
        raise CommandFailed(f"{path} exists; nothing was written") from None
    signed = "signed" if key is not None else "not signed: TRINITY_EXPORT_KEY is not set"
    click.echo(f"{path}: {name} version {number}, {len(content):,} bytes, {signed}")


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", help="The model that gets the version; by default the model that it was exported from.")
@json_option
@click.pass_context
def import_(ctx: click.Context, file: Path, name: str | None, *, json_: bool) -> None:
    """Publish the version in FILE, which `models export` wrote, as the next one of its model.

    It is first tried out in a process of its own: restored, and compared with its sample. If
    TRINITY_EXPORT_KEY is set, a file that is not signed with it is refused.

    \b
    Example: python -m app models import polynomial-3.trinity.zip --name houses
    """
    _require_local(ctx)
    from app.bootstrap import build, names
    from app.model.isolation.isolated_calls import CallLimits
    from app.service.transfer.transfers import ArchiveLimits, VersionImporter
    from app.settings import load

    components = build(load())
    components.check_store()
    settings = components.settings
    trial = CallLimits(settings.import_memory, settings.import_timeout)
    importer = VersionImporter(
        components.store,
        components.service.models,
        ArchiveLimits(settings.max_import, settings.max_loaded, trial),
        modules=names(settings.models),
        approved=components.service.models.approved,
        key=settings.export_key,
    )
    done = importer.run(file.resolve(), name)
    manifest, origin = done.manifest, done.manifest.moved_from or {}
    warn(done.warnings)
    if json_:
        as_json({"model": manifest.model, "version": manifest.version, "rows": done.rows, "moved_from": origin})
        return
    compared = (
        f"{done.rows} rows of its sample predicted as before" if done.rows else "it has no sample to compare with"
    )
    signed = "signed" if done.signed else "its signature was not checked"
    click.echo(f"{manifest.model} version {manifest.version}: {origin['model']} version {origin['version']}, {signed}")
    click.echo(compared)


def _require_local(ctx: click.Context) -> None:
    """Raise UsageError if a server was named: its store is not on this machine."""
    if ctx.parent is not None and ctx.parent.params.get("server"):
        words = "works on the local store (TRINITY_STORE), not on a server: leave out --server and TRINITY_SERVER"
        raise click.UsageError(f"models {ctx.info_name} {words}")


TRANSFERS = (export, import_)
