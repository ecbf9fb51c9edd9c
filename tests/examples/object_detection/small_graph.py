"""A small TensorFlow.js graph with every operation that NanoDet's has, laid out as there, with random weights."""

import base64
from typing import Any

import numpy as np

from examples.object_detection.weights.converter import TO_NCHW, TO_NHWC, Array

SIDE = 416


class SmallGraph:
    """Nodes and weights, in the form of TensorFlow.js's files."""

    def __init__(self) -> None:
        self.random = np.random.default_rng(5)
        self.nodes: list[dict[str, Any]] = []
        self.weights: list[tuple[str, Array]] = []

    def files(self) -> tuple[dict[str, Any], bytes]:
        """The graph, and the data beside it."""
        entries = []
        for name, value in self.weights:
            half = {"quantization": {"dtype": "float16"}} if value.dtype == np.float16 else {}
            dtype = "float32" if half else str(value.dtype)
            entries.append({"name": name, "shape": list(value.shape), "dtype": dtype, **half})
        data = b"".join(value.tobytes() for _, value in self.weights)
        return {"modelTopology": {"node": self.nodes}, "weightsManifest": [{"weights": entries}]}, data

    def node(self, op: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        name = name or f"{op}{len(self.nodes)}"
        self.nodes.append({"name": name, "op": op, "input": list(inputs), "attr": attributes})
        return name

    def constant(self, values: Any, dtype: str = "int32") -> str:
        self.weights.append((f"constant{len(self.weights)}", np.array(values, dtype)))
        return self.weights[-1][0]

    def random_constant(self, *shape: int) -> str:
        return self.constant(self.random.normal(size=shape) / 2, "float16")

    def transpose(self, x: str, order: list[int]) -> str:
        return self.node("Transpose", x, self.constant(order))

    def convolution(self, x: str, kernel: tuple[int, int, int], stride: int = 1, pad: int = 1) -> str:
        side, before, after = kernel
        padded = self.node("Pad", x, self.constant([[0, 0], [0, 0], [pad, pad], [pad, pad]])) if pad else x
        weights = self.random_constant(side, side, before, after)
        inner = self.node("Conv2D", self.transpose(padded, TO_NHWC), weights, **window(stride))
        return self.transpose(self.node("Add", inner, self.random_constant(after)), TO_NCHW)

    def leaky(self, x: str) -> str:
        return self.node("LeakyRelu", x, alpha={"f": 0.1})

    def pool(self, x: str) -> str:
        widths = self.constant([[0, 0], [0, 0], [1, 1], [1, 1]])
        padded = self.node("PadV2", x, widths, self.constant(-np.inf, "float16"))
        ksize = {"list": {"i": ["1", "3", "3", "1"]}}
        pooled = self.node("MaxPool", self.transpose(padded, TO_NHWC), ksize=ksize, **window(2))
        return self.transpose(pooled, TO_NCHW)

    def resize(self, x: str, side: int) -> str:
        how = {"half_pixel_centers": {"b": True}, "align_corners": {"b": False}}
        resized = self.node("ResizeBilinear", self.transpose(x, TO_NHWC), self.constant([side, side]), **how)
        return self.transpose(resized, TO_NCHW)

    def head(self, x: str, level: int) -> None:
        both = self.convolution(x, (1, 4, 124), pad=0)
        split = self.node("SplitV", both, self.constant([80, 44]), self.constant(1))
        parts = [(self.node("Sigmoid", split), 80, level), (f"{split}:1", 44, level + 3)]
        for part, width, number in parts:
            nothing = [self.constant(np.empty((0, 1))), self.constant([3]), self.constant([]), self.constant(0)]
            shape = self.node("AddV2", self.constant([1, width, -1]), self.node("SparseToDense", *nothing))
            order = self.constant([0, 2, 1])
            turned = self.node("Transpose", self.node("Reshape", part, shape), order)
            self.node("Identity", turned, name=f"Identity_{number}" if number else "Identity")


def window(stride: int) -> dict[str, Any]:
    padding = {"s": base64.b64encode(b"VALID").decode()}
    return {"strides": {"list": {"i": ["1", str(stride), str(stride), "1"]}}, "padding": padding}


def small_graph() -> tuple[dict[str, Any], bytes]:
    """416 pixels to grids of 26, 13 and 7 cells, joined upwards and downwards."""
    graph = SmallGraph()
    fine = graph.pool(graph.leaky(graph.convolution("input_1", (3, 3, 2), stride=8)))
    fine = graph.node("ConcatV2", fine, graph.leaky(graph.convolution(fine, (3, 2, 2))), graph.constant(1))
    middle = graph.convolution(fine, (3, 4, 4), stride=2)
    coarse = graph.pool(middle)
    joined = graph.node("Add", fine, graph.resize(middle, 26))
    graph.head(joined, 0)
    graph.head(graph.node("Add", middle, graph.resize(joined, 13)), 1)
    graph.head(coarse, 2)
    return graph.files()
