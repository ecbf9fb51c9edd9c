"""The two compose files as Compose reads them: anchors and `extends` resolved, variables as they stand."""

import re
from typing import Any

import yaml

from tests.support.servers import ROOT

STACKS = ("docker-compose.yaml", "docker-compose.rabbit.yaml")
VARIABLE = re.compile(r"\$\{(\w+)(?P<operator>:[-?])?(?P<rest>[^}]*)\}")
Service = dict[str, Any]


def services(file: str) -> dict[str, Service]:
    """The services of a compose file by name."""
    text = (ROOT / file).read_text(encoding="utf-8")
    return {name: extended(service) for name, service in yaml.safe_load(text)["services"].items()}


def extended(service: Service) -> Service:
    """The service with what it takes from another file."""
    base = service.get("extends")
    return service if base is None else merged(services(base["file"])[base["service"]], service)


def merged(base: Service, own: Service) -> Service:
    """Both, where mappings are joined and everything else is replaced."""
    joined = {key: merged(base[key], value) for key, value in own.items() if isinstance(base.get(key), dict)}
    return {**base, **own, **joined}


def variables(node: object) -> dict[str, set[str]]:
    """The variables in a piece of a compose file, each with what follows its name: `:-2`, `:?…`, or nothing."""
    found: dict[str, set[str]] = {}
    for match in VARIABLE.finditer(yaml.safe_dump(node, width=1_000_000)):
        found.setdefault(match[1], set()).add((match["operator"] or "") + match["rest"])
    return found
