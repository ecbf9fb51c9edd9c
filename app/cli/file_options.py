"""The option --file of the verbs, for models whose input is a file, and the output of such a command."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click
from click.core import ParameterSource

from app.cli.errors import CommandFailed
from app.cli.gate_options import GATE, HELD_OUT
from app.cli.input_files import on_disk
from app.cli.output import as_json, table
from app.cli.progress import progress
from app.cli.results import print_promotion
from app.schemas.file_names import name_to_save

if TYPE_CHECKING:
    from app.cli.backend import FileResult
    from app.cli.options import Backend
    from app.schemas.verbs import Verb

Command = TypeVar("Command", bound=Callable[..., Any])
BESIDE_FILE = frozenset({
    "path", "given", "params", "model", "estimator", "version", "output", "overwrite", "json_",
    "server", "key_file", "ca_file", "verify", "headers",
    *GATE, HELD_OUT,
} - {"promote_source"})  # fmt: skip
"""Options that go with --file; all others are about tables."""
PROMOTION = "promotion"
"""The member of a fit's result that is printed as a sentence."""
NOT_OPTIONS = frozenset({"model", "version", "webhook", "file", "promote_on"})


def with_file(command: Command) -> Command:
    """Add --file and its options: with --file the verb runs on a file, without it on a table."""

    @wraps(command)
    def run(*args: Any, path: Path | None, given: dict[str, str], overwrite: bool, **options: Any) -> Any:
        ctx = click.get_current_context()
        if path is None:
            if given or overwrite:
                raise click.UsageError("--option and --overwrite are for models whose input is a file: give --file")
            return command(*args, **options)
        for parameter in ctx.command.params:
            name = str(parameter.name)
            if name not in BESIDE_FILE and ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
                raise click.UsageError(f"{parameter.get_error_hint(ctx)} is about tables, and does not go with --file")
        members = {name: options[name] for name in ("estimator", *GATE) if options.get(name) is not None}
        return _run(ctx, path, {**options.get("params", {}), **given, **members}, options, overwrite=overwrite)

    decorated = cast("Command", run)
    for option in reversed(_FILE_OPTIONS):
        decorated = option(decorated)
    return decorated


def _given(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    """Return options by name as texts, in the form of a query."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals or name in found or name in NOT_OPTIONS:
            raise click.BadParameter(f"{text!r}: expected NAME=VALUE, each name once, such as threshold=0.5")
        found[name] = value
    return found


_FILE_OPTIONS = (
    click.option(
        "--file",
        "path",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="File for a model whose input is one, in the place of a table; for a fit or a score a zip file.",
    ),
    click.option(
        "--option",
        "given",
        multiple=True,
        metavar="NAME=VALUE",
        callback=_given,
        help="An option of such a model, or timeout=SECONDS.",
    ),
    click.option("--overwrite", is_flag=True, help="Let --output replace an existing file."),
)


def _run(
    ctx: click.Context, path: Path, given: Mapping[str, str], options: Mapping[str, Any], *, overwrite: bool
) -> None:
    source: Backend = options["source"]
    model, output, is_json = options["model"], options.get("output"), options["json_"]
    if model is None:
        raise click.UsageError("--file needs --model")
    mode = "wb" if overwrite else "xb"
    if output is not None and output.is_file() and not overwrite:
        raise CommandFailed(f"{output} exists; nothing was sent: choose another name, or --overwrite", 2)
    verb = cast("Verb", ctx.command.name)
    with ExitStack() as resources:
        held_out = options.get(HELD_OUT)
        gate_path = None if held_out is None else resources.enter_context(on_disk(held_out))
        with progress() as show:
            running = source.run_file(verb, path, model, options.get("version"), given, show, gate_path)
            done = resources.enter_context(running)
        if output is not None:
            _write(done, output, mode)
        if is_json:
            as_json({"model": done.model, "version": done.version, "result": done.result})
        elif output is None or done.files:
            _print(done)


def _print(done: FileResult) -> None:
    """Print the members of a result; dicts and lists as JSON."""
    click.echo(f"{done.model} version {done.version}")
    described = {file["name"]: f"{file['name']} ({file['media_type']}, {file['bytes']:,} bytes)" for file in done.files}
    rows = []
    for key, value in done.result.items():
        if key == PROMOTION:
            continue
        if value in done.files:
            rows.append((key, described[value["name"]]))
        elif isinstance(value, list | dict) and value:
            rows.append((key, json.dumps(value, ensure_ascii=False)))
        elif value not in ([], {}):
            rows.append((key, value))
    table(["", "result"], rows)
    print_promotion(done.version, done.result)


def _write(done: FileResult, output: Path, mode: str) -> None:
    """Write the files of a result into a folder, or the only one to a path; without files, the result as JSON.

    Their names come from the model; each is used as the name of a file in the folder, never as a path.
    """
    if not done.files:
        path = output / "result.json" if output.is_dir() else output
        _save(path, mode, lambda file: file.write((json.dumps(done.result, ensure_ascii=False) + "\n").encode()))
    elif output.is_dir():
        for described in done.files:
            path = output / name_to_save(described["name"])
            _save(path, mode, partial(done.save, name=described["name"]))
    else:
        _save(output, mode, partial(done.save, name=done.files[0]["name"]))
        if others := [file["name"] for file in done.files[1:]]:
            click.echo(f"not written: {', '.join(others)}; --output FOLDER takes all of them", err=True)


def _save(path: Path, mode: str, write: Callable[[Any], Any]) -> None:
    """Write a file, and remove it if that fails; raise CommandFailed if it exists already."""
    try:
        file = path.open(mode)
    except FileExistsError:
        raise CommandFailed(f"{path} exists and was left as it is: choose another name, or --overwrite") from None
    try:
        with file:
            write(file)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    click.echo(f"{path} is written", err=True)
