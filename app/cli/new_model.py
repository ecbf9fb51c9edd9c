"""The command new-model: write a small complete model and its test as a starting point."""

from __future__ import annotations

import keyword
import re
import sys
from importlib.util import find_spec
from pathlib import Path

import click

from app.cli.errors import CommandFailed

TEMPLATES = Path(__file__).with_name("model_templates")
KINDS = {"regressor": "regressor", "classifier": "classifier", "sklearn": "pipeline"}
SHIPPED = "app.model.models"
EXAMPLE = re.compile(r"Example(Regressor|Classifier)|\bexample\b")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


def _name(_: click.Context, __: click.Parameter, name: str) -> str:
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise click.BadParameter(f"{name!r}: expected the name of a module, of a-z, 0-9 and _, such as house_prices")
    if name in sys.stdlib_module_names or name == "app":
        raise click.BadParameter(f"{name!r} is the name of a module of Python's; take another, such as {name}_model")
    return name


@click.command("new-model")
@click.argument("name", callback=_name)
@click.option("--kind", type=click.Choice(list(KINDS)), default="regressor", show_default=True, help="What to write.")
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=".",
    show_default=True,
    help="Where to write it.",
)
@click.pass_context
def new_model(ctx: click.Context, name: str, kind: str, folder: Path) -> None:
    """Write NAME.py, a model that works, and test_NAME.py, its test; nothing is overwritten.

    \b
    Examples: python -m app new-model house_prices
              python -m app new-model churn --kind classifier
    """
    model, test = folder / f"{name}.py", folder / f"test_{name}.py"
    for path in (model, test):
        if path.exists():
            raise CommandFailed(f"{path} exists; nothing was written")
    _require_free(name)
    template = KINDS[kind]
    _write(model, (TEMPLATES / f"{template}.py").read_text(encoding="utf-8"), name)
    try:
        _write(test, (TEMPLATES / f"{template}_test.txt").read_text(encoding="utf-8"), name)
    except BaseException:
        model.unlink()  # write both files or neither
        raise
    click.echo(f"{model} and {test} are written. What comes next:\n")
    for line in _next(name, folder, str(ctx.find_root().info_name)):
        click.echo(f"  {line}")


def _require_free(name: str) -> None:
    """Raise CommandFailed if a module or a built-in model has this name."""
    if find_spec(name) is not None:
        raise CommandFailed(f"there is a module called {name} already; take another name, such as {name}_model")
    from app.service.discovery import find_models

    if name in find_models([SHIPPED]):
        raise CommandFailed(f"{name} is a built-in model; take another name, such as my_{name}")


def _write(path: Path, text: str, name: str) -> None:
    """Write a new file from a template."""
    kind = "".join(part.capitalize() for part in name.split("_"))
    written = EXAMPLE.sub(lambda found: kind if found[1] else name, text)
    with path.open("x", encoding="utf-8") as file:
        file.write(written)


def _next(name: str, folder: Path, program: str) -> list[str]:
    """Return the commands that try the model out; `program` is the name under which the command line was called."""
    in_project = (folder / "Makefile").is_file() and (folder / "app").is_dir()
    here = [] if folder.resolve() == Path.cwd() else [f"cd {folder}"]
    url = f"localhost:5000/models/{name}"
    return [
        *here,
        f"{'.venv/bin/python' if in_project else 'python'} -m pytest test_{name}.py",
        f"{program} check-model {name}.py",
        f"TRINITY_MODELS={SHIPPED},{name} {'make' if in_project else program} serve",
        f"curl -X POST {url}/fit",
        f'curl --json \'{{"data": {{"X": [[0.5], [-0.5]]}}}}\' {url}/predict',
    ]
