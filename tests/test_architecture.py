"""The shape of app/: imports point down and never in a circle, every module says what it is for, and what stays out."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

APP = Path(__file__).resolve().parent.parent / "app"
# From the entrances down: a room imports from itself and from the lines below its own.
FLOORS = [
    {"app", "app.__main__"},
    {"app.cli"},
    {"app.stack", "app.web"},
    {"app.consumer", "app.guard", "app.http", "app.redis_lanes", "app.serve", "app.supervisor", "app.tasks"},
    {"app.dispatch", "app.keeper"},
    {"app.bootstrap"},
    {"app.client", "app.ledger", "app.service"},
    {"app.data", "app.model", "app.payloads", "app.store", "app.webhooks"},
    {"app.envelopes", "app.lanes", "app.pointers", "app.telemetry"},
    {"app.schemas"},
    {"app.disk", "app.errors", "app.ids", "app.settings"},
    {"app.keys", "app.version"},
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


def room(module: str) -> str:
    return ".".join(module.split(".")[:2])


def floor(module: str) -> int:
    numbers = [number for number, rooms in enumerate(FLOORS) if room(module) in rooms]
    assert numbers, f"{room(module)} has no place in FLOORS"
    return numbers[0]


@pytest.mark.parametrize("module", TREES)
def test_imports_point_down(module: str) -> None:
    for target in imported(module) & TREES.keys():
        assert room(target) == room(module) or floor(target) > floor(module), f"{module} imports {target}"


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
