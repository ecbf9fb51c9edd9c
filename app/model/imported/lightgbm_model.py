"""Models of LightGBM, from its text files."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from app.errors import Invalid
from app.model.dataframes import Array
from app.model.imported.imported_model import (
    Hints,
    ImportedModel,
    by_probability,
    labels_of,
    named,
    numbered,
    refuse_classes,
    task_of,
)
from app.model.imported.trees import UnsoundTree, check_graph
from app.schemas.tasks import Task

_CLASS_OBJECTIVES = {"binary", "multiclass", "multiclassova", "cross_entropy"}
_MANY_CLASSES = {"multiclass", "multiclassova"}
_CATEGORICAL = 1  # the bit of decision_type


class LightgbmModel(ImportedModel):
    """A booster: it predicts numbers, or the probabilities of classes that it numbers from 0."""

    format = "lightgbm"

    def __init__(self, content: bytes, hints: Hints, *, proven: bool = False) -> None:
        """Read the file; LightGBM's interpretation of a `proven` file was checked before."""
        super().__init__(content)
        try:
            text = content.decode()
        except UnicodeDecodeError:
            raise Invalid.at("/file", "a file of LightGBM is text in UTF-8; this one is not") from None
        header = check_booster_text(text)
        import lightgbm  # noqa: PLC0415  it is an extra, and loads for seconds

        lightgbm.register_logger(_Silent())
        try:
            self._booster: Any = lightgbm.Booster(model_str=text)
        except lightgbm.basic.LightGBMError as error:
            words = str(error).partition(" at /")[0][:200]
            raise Invalid.at("/file", f"LightGBM cannot read this file: {words}") from None
        if not proven:  # LightGBM may read lines and members in another way than these checks do
            check_booster_text(self._booster.model_to_string())
        self._describe(header, hints)

    def _describe(self, header: dict[str, str], hints: Hints) -> None:
        names = header["feature_names"].split()
        self.named_inputs = names != [f"Column_{i}" for i in range(len(names))]
        self.inputs = named(names) if self.named_inputs else numbered(len(names))
        self._objective = header.get("objective", "").partition(" ")[0]
        count = int(header.get("num_class", "1"))
        per_row = int(header.get("num_tree_per_iteration", "1"))
        found: Task = "classification" if self._objective in _CLASS_OBJECTIVES else "regression"
        if self._objective == "cross_entropy":  # it predicts probabilities, possibly not of labels
            found = hints.task or "regression"
        if task_of(found, hints) == "regression":
            refuse_classes(hints)
            self.task, self.classes, self.outputs = "regression", None, per_row
            self.vector = per_row == 1
            return
        if self._objective not in _CLASS_OBJECTIVES:
            raise Invalid.at("/file", "the booster does not say that it predicts classes: it has no such objective")
        self.task = "classification"
        self.classes = labels_of(max(count, 2), None, hints)
        self.has_probabilities = True

    def _run(self, X: Array) -> tuple[Array, Array | None]:
        found = self._booster.predict(X, num_threads=1)
        return (found, None) if self.task == "regression" else by_probability(found)


class _Silent:
    """A logger for LightGBM that drops all messages, because they may quote the file."""

    def info(self, message: str) -> None:
        """Say nothing."""

    def warning(self, message: str) -> None:
        """Say nothing."""


def check_booster_text(text: str) -> dict[str, str]:
    """Return the members of the header; raise Invalid for a file that is cut off, or whose trees are not sound."""
    header, *trees = re.split(r"(?m)^Tree=", text.replace("\r", "\n"))
    members = _members(header)
    if not text.rstrip().partition("end of trees")[1] or "feature_names" not in members:
        raise Invalid.at("/file", "the file of LightGBM is cut off: it has no end of trees")
    width = len(members["feature_names"].split())
    if members.get("max_feature_idx") != str(width - 1) or not width:
        raise Invalid.at("/file", "the file of LightGBM is damaged: it names other columns than it counts")
    _check_outputs(members, len(trees))
    _check_categories(text)
    _check_sizes(text, members.get("tree_sizes", ""))
    try:
        for tree in trees:
            _check_tree(_members(tree.partition("end of trees")[0]), width)
    except KeyError as error:
        raise Invalid.at("/file", f"the booster is damaged: a tree has no {error.args[0]}") from None
    except (UnsoundTree, ValueError, OverflowError) as error:
        raise Invalid.at("/file", f"the booster is damaged: {error}") from None
    return members


def _members(text: str) -> dict[str, str]:
    """Return the members in lines; raise Invalid for a repeated member, because one of the two would not be checked."""
    pairs = [line.split("=", 1) for line in text.split("\n") if "=" in line]
    found = {name.strip(): value for name, value in pairs}
    if len(found) < len(pairs):
        raise Invalid.at("/file", "the file of LightGBM is damaged: it says something twice")
    return found


def _check_outputs(members: dict[str, str], trees: int) -> None:
    """Refuse inconsistent numbers of classes: LightGBM would read beyond the predictions of its trees."""
    objective, *options = members.get("objective", "").split() or [""]
    counts = [members.get("num_class", "1"), members.get("num_tree_per_iteration", "1")]
    counts += [option.removeprefix("num_class:") for option in options if option.startswith("num_class:")]
    if len(set(counts)) > 1 or not re.fullmatch(r"[1-9][0-9]{0,8}", counts[0]) or trees % int(counts[0]):
        raise Invalid.at("/file", "the file of LightGBM is damaged: it has other classes, or trees, than it counts")
    if objective in _MANY_CLASSES and int(counts[0]) == 1:
        raise Invalid.at("/file", f"the file of LightGBM is damaged: it has the objective {objective} for one class")


def _check_categories(text: str) -> None:
    found = re.search(r"(?m)^pandas_categorical:(.*)$", text)
    if found is not None and found[1].strip() not in {"null", "[]"}:
        raise Invalid.at(
            "/file", "the booster has columns of pandas' categories; put it into a pipeline that encodes them"
        )


def _check_sizes(text: str, sizes: str) -> None:
    """Refuse sizes that do not lead from one tree to the next: LightGBM follows them without a check."""
    raw = text.encode()
    at = raw.find(b"Tree=")
    for size in map(int, sizes.split() if re.fullmatch(r"[0-9 ]*", sizes) else ["-1"]):
        if size <= 0 or not raw.startswith(b"Tree=", at):
            raise Invalid.at("/file", "the file of LightGBM is damaged: its trees have other sizes than it says")
        at += size
    if sizes and not raw.startswith(b"end of trees", at):
        raise Invalid.at("/file", "the file of LightGBM is damaged: its trees have other sizes than it says")


def _check_tree(tree: dict[str, str], width: int) -> None:
    leaves = int(tree["num_leaves"])
    if len(_numbers(tree["leaf_value"], np.float64)) != leaves or leaves < 1:
        raise UnsoundTree("a tree has another number of leaves than it says")
    if tree.get("is_linear", "0").strip() != "0":
        raise UnsoundTree("its trees have linear leaves, which are not taken")
    if leaves == 1:
        return
    left, right = _numbers(tree["left_child"], np.int64), _numbers(tree["right_child"], np.int64)
    feature = _numbers(tree["split_feature"], np.int64)
    kinds = _numbers(tree["decision_type"], np.int64)
    thresholds = _numbers(tree["threshold"], np.float64)
    if {len(left), len(right), len(feature), len(kinds), len(thresholds)} != {leaves - 1}:
        raise UnsoundTree("a tree has another number of nodes than it says")
    # a child below zero is a leaf, counted from -1
    check_graph(left, right, feature, np.ones(leaves - 1, np.bool_), width, leaves=leaves)
    _check_bitsets(tree, thresholds[(kinds & _CATEGORICAL) != 0])


def _check_bitsets(tree: dict[str, str], thresholds: Array) -> None:
    """Refuse splits by category without sets of categories."""
    count = int(tree.get("num_cat", "0"))
    if not len(thresholds) and not count:
        return
    bounds = _numbers(tree["cat_boundaries"], np.int64)
    words = _numbers(tree["cat_threshold"], np.int64)
    is_sound = len(bounds) == count + 1 and bounds[0] == 0 and (np.diff(bounds) >= 0).all() and bounds[-1] <= len(words)
    if not is_sound or not ((thresholds >= 0) & (thresholds < count)).all():  # none of both for what is no number
        raise UnsoundTree("a tree has no categories for one of its nodes")


def _numbers(text: str, kind: Any) -> Any:
    return np.array(text.split(), dtype=kind)
