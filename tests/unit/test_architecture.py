"""The shape of app/: how many entries it has, which names are taken, where imports may point, and what stays out."""

import ast
import sys
from collections import Counter
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

APP = Path(__file__).resolve().parents[2] / "app"
# From the entrances down. A package imports from itself, from the rows below, and from those after it in its own row.
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
MAX_ENTRIES = {"": 18, "serve": 20}
# Its modules are about queued jobs, as an engineer expects; it is always imported by its full name, `app.queue`.
STANDARD_NAMES = {"queue"}
BANNED_MODULES = {"pickle", "joblib", "dill", "cloudpickle", "marshal", "shelve"}
BANNED_NAMES = {"eval", "exec", "task_always_eager"}
UNPREPARED = {
    "msgspec.convert",
    *(f"msgspec.{form}.{name}" for form in ("json", "msgpack") for name in ("Decoder", "decode of a type")),
}


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


@pytest.mark.parametrize("module", [module for module in TREES if module != "app.schemas.decoding"])
def test_types_are_decoded_by_what_threads_may_use_at_once(module: str) -> None:
    calls = [node for node in ast.walk(TREES[module]) if isinstance(node, ast.Call)]
    names = {ast.unparse(call.func) for call in calls}
    names |= {f"{ast.unparse(call.func)} of a type" for call in calls if "type" in {each.arg for each in call.keywords}}
    assert not names & UNPREPARED


@pytest.mark.parametrize("folder", MAX_ENTRIES)
def test_a_folder_can_be_taken_in_at_a_glance(folder: str) -> None:
    entries = [path.name for path in (APP / folder).iterdir() if path.name != "__pycache__"]
    assert len(entries) <= MAX_ENTRIES[folder], sorted(entries)


def test_no_module_is_named_like_one_of_the_standard_library() -> None:
    """`import logging` means one thing in every file."""
    names = {part for module in TREES for part in module.split(".")[1:]}
    assert names & (sys.stdlib_module_names - {"__main__"}) == STANDARD_NAMES


def public_classes(module: str) -> set[str]:
    found = {node.name for node in ast.walk(TREES[module]) if isinstance(node, ast.ClassDef)}
    return {name for name in found if not name.startswith("_")}


def test_a_class_name_has_one_meaning() -> None:
    """The client's errors mirror the service's, name by name: a caller meets the same error on both sides of HTTP."""
    mirrored = public_classes("app.client.errors") & public_classes("app.errors")
    names = Counter(name for module in TREES if module != "app.client.errors" for name in public_classes(module))
    names.update(public_classes("app.client.errors") - mirrored)
    assert [name for name, count in names.items() if count > 1] == []
