"""Evaluates a TensorFlow.js graph step by step with numpy, as TensorFlow defines its operations: slow and plain."""

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np

from examples.object_detection.weights.converter import Array, read_constants


class Evaluation:
    """The tensors of a graph for one input [1, 3, height, width]."""

    def __init__(self, graph: Mapping[str, Any], data: bytes, pictures: Array) -> None:
        constants = read_constants(graph["weightsManifest"], data)
        self.sources = {node["name"]: node for node in graph["modelTopology"]["node"]}
        self.values: dict[str, Any] = {
            name: value.astype(float) if value.dtype.kind == "f" else value for name, value in constants.items()
        }
        self.values["input_1"] = pictures.astype(float)

    def __getitem__(self, name: str) -> Any:
        if name not in self.values:
            base, _, output = name.partition(":")
            source = self.sources[base]
            inputs = [self[each] for each in source["input"]]
            value = getattr(self, source["op"].lower())(source["attr"], *inputs)
            self.values[name] = value[int(output or 0)] if isinstance(value, list) else value
        return self.values[name]

    def identity(self, _: Any, x: Array) -> Array:
        return x

    def sparsetodense(self, _: Any, indices: Array, shape: Array, values: Array, default: Array) -> Array:
        assert not len(indices) and not len(values)
        return np.full(shape, default)

    def add(self, _: Any, x: Array, y: Array) -> Array:
        return x + y

    addv2 = add

    def transpose(self, _: Any, x: Array, order: Array) -> Array:
        return x.transpose(order)

    def pad(self, _: Any, x: Array, widths: Array, value: Array | float = 0.0) -> Array:
        return np.pad(x, widths, constant_values=float(value))

    padv2 = pad

    def conv2d(self, attributes: Any, x: Array, kernel: Array) -> Array:
        """NHWC with a kernel of HWIO."""
        return np.einsum("nhwcij,ijco->nhwo", windows(attributes, x, kernel.shape[:2]), kernel, optimize=True)

    def maxpool(self, attributes: Any, x: Array) -> Array:
        height, width = (int(side) for side in attributes["ksize"]["list"]["i"][1:3])
        return windows(attributes, x, (height, width)).max(axis=(4, 5))

    def leakyrelu(self, attributes: Any, x: Array) -> Array:
        return np.where(x < 0, x * attributes["alpha"]["f"], x)

    def sigmoid(self, _: Any, x: Array) -> Array:
        return 1 / (1 + np.exp(-x))

    def concatv2(self, _: Any, *inputs: Array) -> Array:
        *parts, axis = inputs
        return np.concatenate(parts, axis=int(axis))

    def splitv(self, _: Any, x: Array, sizes: Array, axis: Array) -> list[Array]:
        return np.split(x, np.cumsum(sizes)[:-1], axis=int(axis))

    def reshape(self, _: Any, x: Array, shape: Array) -> Array:
        return x.reshape(shape)

    def resizebilinear(self, attributes: Any, x: Array, sides: Array) -> Array:
        """NHWC; the centres of pixels stay where they are."""
        assert attributes["half_pixel_centers"]["b"] and not attributes["align_corners"]["b"]
        return lines(lines(x, int(sides[0]), 1), int(sides[1]), 2)


def windows(attributes: Any, x: Array, sides: tuple[int, ...]) -> Array:
    """What the window sees at each of its places: [n, h, w, c, sides…]."""
    assert base64.b64decode(attributes["padding"]["s"]) == b"VALID"
    down, right = (int(step) for step in attributes["strides"]["list"]["i"][1:3])
    return np.lib.stride_tricks.sliding_window_view(x, sides, axis=(1, 2))[:, ::down, ::right]


def lines(x: Array, side: int, axis: int) -> Array:
    """Interpolate along one axis."""
    before = x.shape[axis]
    at = np.maximum((np.arange(side) + 0.5) * before / side - 0.5, 0)
    low = at.astype(int)
    high = np.minimum(low + 1, before - 1)
    share = (at - low).reshape([-1 if each == axis else 1 for each in range(x.ndim)])
    return x.take(low, axis) * (1 - share) + x.take(high, axis) * share
