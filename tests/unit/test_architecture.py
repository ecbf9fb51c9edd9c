"""The shape of app/: imports point down and never in a circle, every module says what it is for, and what stays out."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

APP = Path(__file__).resolve().parents[2] / "app"
# From the entrances down: a package imports from itself, from what stands right of it in its row, and from rows below.
LAYERS = [
    ("app", "app.__main__"),
    ("app.cli", "app.tasks"),
    ("app.bootstrap",),
    ("app.serve",),
    ("app.queue", "app.dispatch"),
    ("app.client", "app.service"),
    ("app.data", "app.model", "app.storage"),
    ("app.telemetry", "app.settings", "app.schemas", "app.errors", "app.api_keys"),
]
BANNED_MODULES = {"pickle", "joblib", "dill", "cloudpickle", "marshal", "shelve"}
BANNED_NAMES = {"eval", "exec", "task_always_eager"}


def name(path: Path) -> str:
    return ".".join(path.relative_to(APP.parent).with_suffix("").parts).removesuffix(".__init__")


TREES = {name(path): ast.parse(path.read_text(encoding="utf-8")) for path in sorted(APP.rglob("*.py"))}


def imported(module: str) -> set[str]:
    """Every module that a module imports, anywhere in it."""
    found = set()
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module and not node.level, f"{module}: a relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names} & TREES.keys() | {node.module}
    return found


def package(module: str) -> str:
    return ".".join(module.split(".")[:2])


def rank(module: str) -> int:
    """The place of a module's package in LAYERS, counted row by row from the top."""
    order = [name for row in LAYERS for name in row]
    assert package(module) in order, f"{package(module)} has no place in LAYERS"
    return order.index(package(module))


@pytest.mark.parametrize("module", TREES)
def test_imports_point_down(module: str) -> None:
    for target in imported(module) & TREES.keys():
        assert package(target) == package(module) or rank(target) > rank(module), f"{module} imports {target}"


def test_imports_make_no_circle() -> None:
    """Not by way of a package's own face either: what a package shows imports its modules."""
    TopologicalSorter({module: imported(module) & TREES.keys() - {module} for module in TREES}).prepare()


@pytest.mark.parametrize("module", TREES)
def test_a_module_opens_with_what_it_is_for(module: str) -> None:
    assert ast.get_docstring(TREES[module])


@pytest.mark.parametrize("module", TREES)
def test_nothing_unpickles_evaluates_or_runs_tasks_in_the_caller(module: str) -> None:
    assert not {target.partition(".")[0] for target in imported(module)} & BANNED_MODULES
    nodes = list(ast.walk(TREES[module]))
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    names |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    names |= {str(node.arg) for node in nodes if isinstance(node, ast.keyword)}
    names |= {str(node.value) for node in nodes if isinstance(node, ast.Constant)}
    assert not names & BANNED_NAMES
