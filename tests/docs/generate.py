"""Write the tables of docs/ that the code knows best: `python -m tests.docs.generate`; a test holds that it was done.

Such a table stands between `<!-- generated: NAME -->` and `<!-- end -->`.
"""

import asyncio
import inspect
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import click
import httpx
import msgspec

from app import errors
from app.bootstrap import build_api
from app.cli.main import cli
from app.schemas.problems import STATUSES
from app.service import find_models
from app.settings import PREFIX, Mode, Settings
from app.telemetry.metrics import HELP
from tests.support.doc_blocks import documents, read
from tests.support.servers import ROOT

PART = re.compile(r"(?<=<!-- generated: )(?P<name>[\w-]+) -->\n.*?(?=<!-- end -->)", re.DOTALL)
KNOB = re.compile(r"`(?P<name>[A-Z][A-Z0-9_]+)=[^`]*`")
KNOBS = Path("docs/scaling.md")
SHIPPED = "app.model.models"
NOWHERE = "redis://127.0.0.1:1"  # nothing connects while an app is built


def rows(heading: Sequence[str], cells: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [heading, ["---"] * len(heading), *cells]
    return "".join(f"| {' | '.join(line)} |\n".replace("|  |", "| |").replace("|  |", "| |") for line in lines)


def settings() -> str:
    """Every setting: variable, default, meaning."""
    described = msgspec.json.schema(Settings)["$defs"]["Settings"]["properties"]
    cells = []
    for field in msgspec.structs.fields(Settings):
        value = field.default.value if isinstance(field.default, Enum) else field.default
        default = "" if value in {None, ""} else f"`{value}`"
        cells.append([f"`{PREFIX}{field.name.upper()}`", default, described[field.name]["description"]])
    return rows(["setting", "default", "meaning"], cells)


def variables() -> Iterator[tuple[str, str, str]]:
    """Every variable of .env.example with its default and the remark above it; one remark may serve several."""
    remark: list[str] = []
    fresh = True
    for line in (ROOT / ".env.example").read_text(encoding="utf-8").splitlines():
        if variable := re.fullmatch(r"#?([A-Z0-9_]+)=(.*)", line):
            yield variable[1], variable[2], " ".join(remark)
            fresh = True
        elif line.startswith("# "):
            remark = [line[2:]] if fresh else [*remark, line[2:]]
            fresh = False
        else:
            fresh = True


def containers() -> str:
    """What .env sets for containers beside the settings of the service; those that share a remark share a row."""
    own = [(f"`{name}={default}`", remark) for name, default, remark in variables() if not name.startswith(PREFIX)]
    grouped = [(list(group), remark) for remark, group in groupby(own, key=itemgetter(1))]
    return rows(["variable and its default", "meaning"], ([" ".join(map(itemgetter(0), g)), r] for g, r in grouped))


def models() -> str:
    """The parameters of the models that are shipped."""
    cells = []
    for name, model in sorted(find_models([SHIPPED]).items()):
        described = msgspec.json.schema(model.parameters())["$defs"]
        for parameter, about in next(iter(described.values()))["properties"].items():
            limits = [f"{about[key]:g}" for key in ("minimum", "maximum") if key in about]
            if "exclusiveMinimum" in about:
                limits.insert(0, f"over {about['exclusiveMinimum']:g}")
            kind = about["type"] + (f", {' to '.join(limits)}" if limits else "")
            default = f"`{msgspec.json.encode(about['default']).decode()}`"
            cells.append([f"`{name}`", f"`{parameter}`", kind, default, about["description"]])
    return rows(["model", "parameter", "type", "default", "meaning"], cells)


def routes() -> str:
    """Every route of async mode as GET / lists it."""
    inline = {(route["method"], route["path"]) for route in _listing(Mode.SYNC)}
    cells = []
    for route in _listing(Mode.ASYNC):
        where = "" if (route["method"], route["path"]) in inline else "async"
        cells.append([f"`{route['method']} {route['path']}`", where, route["description"].replace("|", "\\|")])
    return rows(["route", "mode", "what it does"], cells)


def problems() -> str:
    """Every kind of error: its status and what it means."""
    kinds = {each.kind: each for _, each in inspect.getmembers(errors, inspect.isclass) if hasattr(each, "kind")}
    cells = [
        [f"`{kind}`", str(int(status)), _sentence(inspect.getdoc(kinds[kind]) or "")]
        for kind, status in STATUSES.items()
        if kind in kinds
    ]
    return rows(["kind", "status", "meaning"], cells)


def metrics() -> str:
    """Every metric."""
    return rows(["metric", "meaning"], ([f"`{name}`", text] for name, text in HELP.items()))


def commands() -> str:
    """Every command of the command line."""
    return rows(["command", "what it does"], ([f"`{name}`", text] for name, text in _commands(cli, "")))


def _commands(group: click.Group, before: str) -> Iterator[tuple[str, str]]:
    for name, command in sorted(group.commands.items()):
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield f"{before}{name}", _sentence(command.help or "")
        if isinstance(command, click.Group):
            yield from _commands(command, f"{before}{name} ")


def _sentence(text: str) -> str:
    """Return the first paragraph of a text on one line."""
    return " ".join(text.partition("\n\n")[0].split())


def _listing(mode: Mode) -> list[dict[str, Any]]:
    async def fetch(store: str) -> list[dict[str, Any]]:
        queue = {"broker_url": NOWHERE, "ledger_url": NOWHERE} if mode is Mode.ASYNC else {}
        api: Any = build_api(Settings(mode=mode, store=store, log_requests=False, **queue))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://localhost") as http:
            answer = await http.get("/")
        listed: list[dict[str, Any]] = answer.json()["routes"]
        return listed

    with tempfile.TemporaryDirectory() as store:
        return asyncio.run(fetch(store))


PARTS: dict[str, Callable[[], str]] = {
    "settings": settings,
    "containers": containers,
    "models": models,
    "routes": routes,
    "problems": problems,
    "metrics": metrics,
    "commands": commands,
}


def generated(document: Path) -> str:
    """Return a document's text with its tables made anew, and in that of the knobs (`NAME=…`) the defaults."""
    text = PART.sub(lambda part: f"{part['name']} -->\n{PARTS[part['name']]()}", read(document))
    if document != KNOBS:
        return text
    defaults = {name: default for name, default, _ in variables()}
    return KNOB.sub(lambda knob: f"`{knob['name']}={defaults[knob['name']]}`", text)


if __name__ == "__main__":
    for each in documents():
        (ROOT / each).write_text(generated(each), encoding="utf-8")
