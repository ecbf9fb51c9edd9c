"""Checks of decision trees from a file: scikit-learn follows their nodes without checks.

A tree is sound if the children of each node come after it (so that no path is endless) and are nodes of the tree, and
if each of its features is a column of its input.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from app.model.dataframes import Array

LEAF = -1  # sklearn.tree._tree.TREE_LEAF
BITSET_WORDS = 8  # of 32 categories each


class UnsoundTree(ValueError):
    """A tree refers to nodes outside of it, in circles, or to missing columns."""


def check_tree(tree: Any, width: int) -> None:
    """Raise UnsoundTree for a `sklearn.tree._tree.Tree` that is not sound for X with `width` columns."""
    nodes = tree.__getstate__()["nodes"]
    if len(nodes) != tree.node_count or len(tree.value) < len(nodes):
        raise UnsoundTree("a tree has other nodes than it says")
    split = nodes["left_child"] != LEAF
    check_nodes(nodes["left_child"], nodes["right_child"], nodes["feature"], split, width)


def check_predictor(predictor: Any, width: int, is_categorical: Any) -> None:
    """Raise UnsoundTree for a TreePredictor of histogram boosting; `is_categorical` has a flag per column."""
    nodes = predictor.nodes
    split = nodes["is_leaf"] == 0
    check_nodes(nodes["left"], nodes["right"], nodes["feature_idx"], split, width)
    by_category = split & (nodes["is_categorical"] != 0)
    if not by_category.any():
        return
    flags = np.zeros(width, np.bool_) if is_categorical is None else np.asarray(is_categorical, np.bool_)
    if len(flags) != width or not flags[nodes["feature_idx"][by_category]].all():
        raise UnsoundTree("a tree asks for the category of a column that has none")
    bitsets = np.asarray(predictor.raw_left_cat_bitsets)
    if bitsets.ndim != 2 or bitsets.shape[1] != BITSET_WORDS:  # noqa: PLR2004  a row for each node
        raise UnsoundTree("the categories of a tree are damaged")
    if (nodes["bitset_idx"][by_category] >= len(bitsets)).any():
        raise UnsoundTree("a tree has no categories for one of its nodes")


def check_nodes(left: Any, right: Any, feature: Any, split: Any, width: int) -> None:
    """Raise UnsoundTree for nodes that are not sound; `split` marks the nodes with children."""
    count = len(left)
    if not count:
        raise UnsoundTree("a tree has no nodes")
    own = np.arange(count, dtype=np.int64)[split]
    for children in (_integers(left)[split], _integers(right)[split]):
        if (children <= own).any() or (children >= count).any():
            raise UnsoundTree("a node of a tree leads out of it, or back")
    used = _integers(feature)[split]
    if (used < 0).any() or (used >= width).any():
        raise UnsoundTree(f"a node of a tree looks at a column that is not there; there are {width}")


def check_graph(left: Any, right: Any, feature: Any, split: Any, width: int, *, leaves: int = 0) -> None:
    """Raise UnsoundTree for nodes of a tree that a library numbered in any order.

    With `leaves` a child below zero is one of so many leaves, of which -1 is the first.
    """
    count = len(left)
    if not count or len(right) != count or len(feature) != count:
        raise UnsoundTree("a tree has no nodes, or not all parts of them")
    children = np.concatenate((left[split], right[split]))
    inner = children >= 0
    if (children[inner] >= count).any() or (children[~inner] < -leaves).any():
        raise UnsoundTree("a node of a tree leads out of it")
    # each node is the child of at most one other, and the root of none: then no path from the root is a circle
    parents = np.bincount(children[inner], minlength=count)
    if parents[0] or (parents > 1).any():
        raise UnsoundTree("a node of a tree leads back")
    used = feature[split]
    if (used < 0).any() or (used >= width).any():
        raise UnsoundTree(f"a node of a tree looks at a column that is not there; there are {width}")


def _integers(values: Any) -> Array:
    array = np.asarray(values)
    if array.dtype.kind == "u" and array.itemsize == 8:  # noqa: PLR2004  to int64 it could become negative
        array = np.minimum(array, np.uint64(2**62))
    return array.astype(np.int64)
