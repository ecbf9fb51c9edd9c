"""The libraries that a model's code imports, with their versions, which loading the model needs."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distributions, version
from importlib.util import resolve_name
from pathlib import Path
from types import ModuleType

ALWAYS = ("numpy", "scipy")  # the service's own arithmetic
OWN = __name__.partition(".")[0]


def libraries(modules: Sequence[str]) -> dict[str, str]:
    """Return the versions of the distributions that modules are from or import, and NumPy's and SciPy's, by name.

    Modules beside the first one that belong to no distribution count, too, with their imports. Nothing is imported for
    this: a module that is not loaded was not used.
    """
    return dict(_libraries(tuple(sys.modules[name] for name in modules if name in sys.modules)))


def differing(recorded: Mapping[str, str]) -> list[str]:
    """Return a sentence about the libraries of a version that have other versions here; empty if none has."""
    here: dict[str, str] = {}
    for name in recorded:
        with suppress(PackageNotFoundError):
            here[name] = version(name)
    others = [
        f"{name} {was} ({here.get(name, 'none')} here)" for name, was in recorded.items() if here.get(name) != was
    ]
    return [f"it was made with other libraries: {', '.join(others)}; check what it predicts"] if others else []


@cache
def _libraries(modules: tuple[ModuleType, ...]) -> dict[str, str]:
    waiting = {module.__name__ for module in modules}
    home = modules[0].__name__.partition(".")[0]
    followed: set[str] = set()
    found = {name: version(name) for name in ALWAYS}
    while waiting:
        name = waiting.pop()
        package, module = name.partition(".")[0], sys.modules.get(name)
        if name in followed or module is None or package in sys.stdlib_module_names:
            continue
        followed.add(name)
        owners = [] if package == OWN else _owners(module)
        found.update((each.name, each.version) for each in owners)
        if package == home or not owners:
            waiting.update(_imported(module))
    return dict(sorted(found.items(), key=lambda each: each[0].lower()))


def _owners(module: ModuleType) -> list[Distribution]:
    """Return the distributions that a module is from; several share a namespace such as `google`."""
    name, file = module.__name__, module.__file__
    if file is None:  # a namespace itself
        return []
    named = _by_package().get(name.partition(".")[0], [])
    owners = [each for each in named if Path(file).is_relative_to(str(each.locate_file("")))]
    if len(owners) < 2:  # noqa: PLR2004  the usual case
        return owners
    path = name.replace(".", "/")
    return [each for each in owners if any(f"\n{path}{end}" in _files(each) for end in ("/", "."))]


@cache
def _by_package() -> dict[str, list[Distribution]]:
    """Return the installed distributions by their packages and modules, ten times as fast as importlib's own table."""
    found: dict[str, list[Distribution]] = {}
    for each in distributions():
        listed = each.read_text("top_level.txt")
        names = set(listed.split() if listed else re.findall(r"(?m)^[^/.,\n]+", _files(each)))
        for name in names:
            found.setdefault(name, []).append(each)
    return found


def _files(each: Distribution) -> str:
    return f"\n{each.read_text('RECORD') or ''}"


def _imported(module: ModuleType) -> Iterator[str]:
    """Yield the names of the modules that a module's source imports, also within its functions."""
    try:
        tree = ast.parse(inspect.getsource(module))
    except (OSError, TypeError, SyntaxError):  # it has no source
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            name = "." * node.level + (node.module or "")
            name = resolve_name(name, module.__package__) if node.level else name
            yield name
            yield from (f"{name}.{each.name}" for each in node.names)  # modules among them are loaded
